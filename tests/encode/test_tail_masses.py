"""The far ends of a line: a slope helps where noise is more than what is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.encode import ordered, slopes, tails
from synthkit.encode.ordered import project_ordered
from synthkit.encode.slopes import density
from synthkit.encode.tails import beside, tail_masses

SIGMA = 40.0
EDGES = np.unique(np.concatenate([np.arange(1, 24), np.geomspace(24, 501, 80)]).astype(int)) + 0.0
TRUTH = 9_000 * np.diff(-(EDGES**-1.2))
N_TAIL = int((EDGES[:-1] >= 8).sum())


def masses_of(counts: np.ndarray) -> np.ndarray:
    found = tail_masses(counts, EDGES, SIGMA, n_tail=N_TAIL, end=1, total=2 * TRUTH.sum())
    assert found is not None
    return found


def far_errors() -> list[float]:
    """Mean absolute error of what is beyond 50 and beyond 200, of 737 in the tail."""
    rng = np.random.default_rng(0)
    truth, starts = TRUTH[-N_TAIL:], EDGES[:-1][-N_TAIL:]
    errors = []
    for _ in range(200):
        off = masses_of(TRUTH + rng.normal(0, SIGMA, TRUTH.size)) - truth
        errors.append([abs(off[starts >= far].sum()) for far in (50, 200)])
    return [float(e) for e in np.mean(errors, axis=0)]


def test_far_stretches_come_much_closer_to_what_is_there() -> None:
    beyond_50, beyond_200 = far_errors()
    assert beyond_50 < 100
    assert beyond_200 < 25


def test_planted_the_measurement_alone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "SURPRISE", -np.inf)
    beyond_50, beyond_200 = far_errors()
    assert beyond_50 > 130
    assert beyond_200 > 45


def kept_of_a_heap() -> float:
    """Share that is kept of 80 people in each of the last eight cells; none is clear by itself."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(100):
        counts = TRUTH + rng.normal(0, SIGMA, TRUTH.size)
        counts[-8:] += 80
        found.append(masses_of(counts)[-16:].sum() / 640)
    return float(np.mean(found))


def test_a_heap_far_out_that_noise_does_not_explain_is_kept() -> None:
    assert kept_of_a_heap() > 0.6


def test_planted_a_slope_that_is_always_believed_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tails, "SURPRISE", np.inf)
    monkeypatch.setattr(tails, "MOST_SURPRISE", np.inf)
    assert kept_of_a_heap() < 0.3


def kept_of_a_second_mode() -> float:
    """Share that is kept of a tenth of all people who are spread evenly over the far half."""
    edges = np.arange(0.0, 1001.0, 8.0)
    truth = 18_000 * np.diff(-np.exp(-edges / 60))
    truth[50:] += 2_000 / 75
    rng = np.random.default_rng(3)
    found = []
    for _ in range(100):
        counts = truth + rng.normal(0, 2 * SIGMA, truth.size)
        masses = project_ordered(counts, truth.sum(), 2 * SIGMA, edges=edges)
        found.append(masses[50:].sum() / 2_000)
    return float(np.mean(found))


def test_of_a_second_mode_far_out_most_is_kept_though_no_part_of_it_stands_out() -> None:
    assert kept_of_a_second_mode() > 0.62


def test_planted_one_high_limit_for_the_whole_tail_too_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tails, "SURPRISE", tails.MOST_SURPRISE)
    assert kept_of_a_second_mode() < 0.58


def errors_on_a_line() -> tuple[float, float]:
    """Root mean square error of a heap of zeros, and of all beyond the 80th of 200 cells."""
    edges = np.arange(0.0, 202.0)
    truth = np.append(16_000, 3_000 * np.diff(-np.exp(-np.arange(201) / 15)))
    rng = np.random.default_rng(4)
    heap, far = [], []
    for _ in range(200):
        counts = truth + rng.normal(0, SIGMA, truth.size)
        off = project_ordered(counts, truth.sum(), SIGMA, edges=edges) - truth
        heap.append(off[0] ** 2)
        far.append(off[80:].sum() ** 2)
    return float(np.sqrt(np.mean(heap))), float(np.sqrt(np.mean(far)))


def test_a_line_uses_its_tails_and_leaves_heaps_as_they_were_measured() -> None:
    """The noise of one cell is 40; giving heaps what the tail does not take made it 80 and more."""
    heap, far = errors_on_a_line()
    assert heap < 50
    assert far < 120


def test_planted_a_line_without_tails_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "tail_masses", lambda *_, **__: None)
    heap, far = errors_on_a_line()
    assert heap < 50
    assert far > 180


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(st.floats(-1e9, 1e9), st.floats(-1.7e308, 1.7e308)),
        min_size=4,
        max_size=60,
        unique=True,
    ).map(sorted),
    st.floats(0.1, 1e4),
    st.integers(0, 2**32 - 1),
)
def test_any_line_gets_finite_masses_that_sum_up(
    edges: list[float], sigma: float, seed: int
) -> None:
    line = np.array(edges)
    rng = np.random.default_rng(seed)
    counts = rng.normal(0, 2 * sigma, line.size - 1)
    counts[rng.integers(counts.size)] += 20 * sigma
    total = max(float(counts.sum()), 1.0)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        masses = project_ordered(counts, total, sigma, edges=line)
    assert np.isfinite(masses).all()
    assert (masses >= 0).all()
    assert masses.sum() == pytest.approx(total)


def test_the_lower_end_is_the_upper_one_mirrored() -> None:
    counts = TRUTH + np.random.default_rng(5).normal(0, SIGMA, TRUTH.size)
    total = 2 * TRUTH.sum()
    up = tail_masses(counts, EDGES, SIGMA, n_tail=N_TAIL, end=1, total=total)
    down = tail_masses(counts[::-1], -EDGES[::-1], SIGMA, n_tail=N_TAIL, end=-1, total=total)
    assert up is not None
    assert down is not None
    np.testing.assert_array_equal(up, down[::-1])
    assert up[0] > up[-1]


def test_more_than_a_fifth_of_all_is_no_tail() -> None:
    total = float(TRUTH[-N_TAIL:].sum()) * 4
    assert tail_masses(TRUTH, EDGES, SIGMA, n_tail=N_TAIL, end=1, total=total) is None


def test_a_heap_alone_beside_a_tail_tells_nothing_of_it() -> None:
    counts = np.append(1e5, TRUTH[-N_TAIL:])
    assert beside(counts[:1], float(TRUTH[-N_TAIL:].sum()), SIGMA) == 0
    edges = EDGES[-N_TAIL - 2 :]
    assert tail_masses(counts, edges, SIGMA, n_tail=N_TAIL, end=1, total=1e6) is None


def beyond_the_last_value() -> float:
    """Share of all that comes to lie beyond, where bounds are five times as wide as values."""
    edges = np.arange(1.0, 102.0)
    truth = np.where(np.arange(100) < 20, 500.0, 0.0)
    rng = np.random.default_rng(2)
    beyond = []
    for _ in range(100):
        counts = truth + rng.normal(0, SIGMA, 100)
        # What the whole tail holds is another matter: here it is the slope that counts.
        found = density(edges, counts, SIGMA, n_beside=20)
        beyond.append(found[25:].sum())
    return float(np.mean(beyond) / truth.sum())


def test_values_that_end_at_once_are_expected_to() -> None:
    assert beyond_the_last_value() < 1e-4


def test_planted_slopes_that_all_go_on_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = slopes._weighed

    def going_on(*args: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return usual(*args[:4])

    monkeypatch.setattr(slopes, "_weighed", going_on)
    assert beyond_the_last_value() > 1e-3
