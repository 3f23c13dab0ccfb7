"""The level of the test of noise sizes, where noise is whole numbers and there are few of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synthkit.pipeline.auditing import sizes
from synthkit.privacy import mechanism
from synthkit.privacy.event import NoisyTables, ThresholdedTables

LEVEL = 2e-7


def smallest(sigma: float, n: int) -> np.ndarray:
    """Probability that the squares of n values of noise sum to at most 0, 1, 2, ..."""
    steps = np.arange(-int(12 * sigma) - 2, int(12 * sigma) + 3)
    mass = np.exp(-(steps**2) / (2 * sigma**2))
    most = int(n * sigma**2) + 1
    one = np.bincount(steps**2, weights=mass / mass.sum(), minlength=most)[:most]
    found = np.array([1.0])
    for _ in range(n):
        found = np.convolve(found, one)[:most]
    return np.cumsum(found)


def accused(sigma: float, n: int, chance_of: np.ndarray) -> float:
    """Probability with which noise of the charged size is called too small."""
    exact = smallest(sigma, n)
    below = chance_of[: exact.size] < LEVEL
    return float(exact[np.flatnonzero(below)[-1]]) if below.any() else 0.0


@pytest.mark.parametrize("sigma", [1.0, 1.05, 1.5, 2.0, 5.0])
def test_sound_noise_is_accused_as_rarely_as_is_stated(sigma: float) -> None:
    for n in (*range(5, 40), 60, 99):
        squares = np.arange(int(n * sigma**2) + 1)
        found = np.array(
            [sizes._chance("names", sigma, sizes._Seen(n, s / sigma**2)) for s in squares]
        )
        assert accused(sigma, n, found) <= LEVEL


def test_the_chi_square_alone_would_accuse_it_too_often() -> None:
    """Planted fault: few whole numbers judged as if they were continuous."""
    squares = np.arange(30)
    assert accused(1.05, 16, stats.chi2.cdf(squares / 1.05**2, 16)) > 10 * LEVEL


@pytest.mark.parametrize("sigma", [1.0, 2.0, 30.0])
def test_no_noise_at_all_is_seen_by_few_values(sigma: float) -> None:
    n = 20
    found = sizes._chance("names", sigma, sizes._Seen(n, 0.0, zeros=n))
    np.testing.assert_allclose(found, sizes._all_zero("names", sigma, n), rtol=1e-9)
    assert found < LEVEL


def probed(sigma: float) -> tuple[str, str]:
    """What is said of a table in which no name could be noised, before and after the probe."""
    names = ThresholdedTables(name="n", sigma=sigma, tables=3, delta=1e-7)
    seen = sizes.NoiseSizes()
    events = (NoisyTables(name="t", sigma=2.0, tables=1), names)
    before = seen.checks(events)[1].outcome
    seen.probe(events)
    _, after = seen.checks(events)
    assert "were made up" in after.reason
    assert len(seen.seen) == 1, "made-up names are no counts of tables"
    return before, after.outcome


@pytest.mark.parametrize("sigma", [0.3, 1.0, 5.0, 60.0])
def test_made_up_names_show_the_noise_that_a_table_cannot(
    sigma: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert probed(sigma) == ("inconclusive", "pass")
    monkeypatch.setattr(mechanism, "_discrete_gaussian", lambda counts, sigma: counts.copy())
    assert probed(sigma) == ("inconclusive", "fail")


def test_names_are_made_up_only_where_the_table_has_too_few() -> None:
    names = ThresholdedTables(name="n", sigma=5.0, tables=3, delta=1e-7)
    seen = sizes.NoiseSizes()
    noise = np.random.default_rng().normal(0, 5, 50).round()
    seen.note("published_counts", {"sigma": 5.0, "noise": noise}, {})
    seen.probe((names,))
    assert seen.checks((names,))[0].reason.startswith("50 values")
