"""Cells of a bin are pulled together as far as noise explains their differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.encode import slopes, smoothing, tails
from synthkit.encode.smoothing import shrink_within


def edges_of(n: int) -> np.ndarray:
    """Cells of the whole numbers from 1."""
    return np.arange(1.0, n + 2.0)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.floats(0, 50), st.integers(0, 2**32 - 1))
def test_each_bin_keeps_its_mass_and_no_cell_is_negative(n: int, sigma: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.integers(0, 5, n))
    codes = np.unique(codes, return_inverse=True)[1]
    counts = rng.normal(20, 30, n)
    masses = np.maximum(counts, 0)
    smooth = shrink_within(masses, counts, codes, sigma, edges_of(n))
    assert (smooth >= 0).all()
    np.testing.assert_allclose(
        np.bincount(codes, weights=smooth), np.bincount(codes, weights=masses), atol=1e-9
    )


def test_without_noise_nothing_changes() -> None:
    counts = np.array([5.0, 0.0, 7.0])
    assert shrink_within(counts, counts, np.zeros(3, dtype=int), 0.0, edges_of(3)) is counts


def test_an_even_bin_under_heavy_noise_has_no_hole() -> None:
    rng = np.random.default_rng(0)
    counts = 20 + rng.normal(0, 60, 100)
    masses = np.maximum(counts, 0)
    codes = np.repeat(np.arange(5), 20)
    assert (masses == 0).sum() > 20  # what would never be drawn without smoothing
    smooth = shrink_within(masses, counts, codes, 60.0, edges_of(100))
    assert (smooth > 0).all()


def test_a_real_step_inside_a_bin_stays() -> None:
    truth = np.array([1000.0] * 5 + [100.0] * 5)
    counts = truth + np.random.default_rng(1).normal(0, 20, 10)
    smooth = shrink_within(counts, counts, np.zeros(10, dtype=int), 20.0, edges_of(10))
    assert np.abs(smooth - truth).max() < 100


def test_on_average_it_comes_closer_to_the_truth() -> None:
    """Mean over 200 draws; the planted fault (no shrinking) has twice the error."""
    rng = np.random.default_rng(2)
    truth = np.full(12, 50.0)
    codes = np.zeros(12, dtype=int)
    plain, shrunk = 0.0, 0.0
    for _ in range(200):
        counts = truth + rng.normal(0, 40, 12)
        masses = np.maximum(counts, 0)
        plain += np.abs(masses - truth).mean()
        smooth = shrink_within(masses, counts, codes, 40.0, edges_of(12))
        shrunk += np.abs(smooth - truth).mean()
    assert shrunk < 0.5 * plain


@pytest.mark.parametrize("sigma", [0.0, 30.0])
def test_a_bin_of_one_cell_is_left_alone(sigma: float) -> None:
    masses = np.array([10.0, 300.0])
    result = shrink_within(masses, masses, np.array([0, 1]), sigma, edges_of(2))
    np.testing.assert_allclose(result, masses)


def upper_half_beside_a_heap() -> float:
    """What of an even tail beside a heap of ones comes to lie in its upper half."""
    counts = np.append(12_000.0, np.full(60, 3.0))
    codes = np.append(0, np.ones(60, dtype=int))
    edges = np.append(1.0, np.linspace(2.0, 10_002.0, 61))
    smooth = shrink_within(counts, counts, codes, 30.0, edges)
    return float(smooth[31:].sum() / smooth[1:].sum())


def test_a_heap_beside_a_tail_does_not_decide_its_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slopes, "THINNING", 0.0)  # so faint a tail would follow it alone
    assert upper_half_beside_a_heap() > 0.1


def test_planted_a_heap_that_helps_to_tell_a_slope_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slopes, "THINNING", 0.0)
    monkeypatch.setattr(tails, "HEAP_SHARE", np.inf)
    assert upper_half_beside_a_heap() < 0.01


def mean_of_an_emptied_tail() -> float:
    """Mean place, 0 to 1, of values in a last bin that noise has left without mass."""
    edges = np.linspace(1.0, 101.0, 101)
    truth = 20_000 * np.diff(-(edges**-1.5))
    counts = truth + np.random.default_rng(7).normal(0, 20, 100)
    codes = np.minimum(np.arange(100), 10)
    masses = np.where(codes < 10, counts, 0.0)
    own = shrink_within(masses, counts, codes, 20.0, edges)[10:]
    weights = own if own.sum() > 0 else np.diff(edges)[10:]  # as a codec draws
    return float(weights @ np.linspace(0, 1, 90) / weights.sum())


def test_a_bin_that_noise_has_emptied_keeps_its_shape() -> None:
    """The joint tables may give it mass: then values must not lie anywhere up to the bound."""
    assert mean_of_an_emptied_tail() < 0.3


def test_planted_a_bin_without_mass_that_is_even_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smoothing, "FAINT", 0.0)
    assert mean_of_an_emptied_tail() == pytest.approx(0.5)


def test_an_emptied_bin_between_others_has_no_holes() -> None:
    """Its counts are noise alone: what of them is positive is no shape."""
    rng = np.random.default_rng(9)
    codes = np.repeat(np.arange(4), 10)
    for _ in range(100):
        counts = np.repeat([500.0, 2.0, 500.0, 500.0], 10) + rng.normal(0, 40, 40)
        masses = np.where(codes == 1, 0.0, np.maximum(counts, 0))
        own = shrink_within(masses, counts, codes, 40.0, np.arange(41.0))[10:20]
        assert (own > 0).all()
        assert own.sum() < 1e-6
