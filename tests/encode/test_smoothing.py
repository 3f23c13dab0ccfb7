"""Cells of a bin are pulled together as far as noise explains their differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.encode import smoothing
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


def test_a_heap_beside_a_tail_does_not_decide_its_slope() -> None:
    assert upper_half_beside_a_heap() > 0.1


def test_planted_a_heap_that_helps_to_tell_a_slope_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smoothing, "HEAP_SHARE", np.inf)
    assert upper_half_beside_a_heap() < 0.01
