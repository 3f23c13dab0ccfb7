"""Noisy counts to masses."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from synthkit.encode.projection import estimate_units, project

counts = st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=50).map(np.array)


@settings(max_examples=200, deadline=None)
@given(counts, st.floats(1, 1e6))
def test_the_projection_is_the_one_found_by_root_search(noisy, total):
    def excess(offset: float) -> float:
        return float(np.maximum(noisy - offset, 0).sum() - total)

    offset = brentq(excess, noisy.min() - total - 1, noisy.max(), xtol=1e-9)
    masses = project(noisy, total)
    np.testing.assert_allclose(
        masses, np.maximum(noisy - offset, 0), atol=1e-3 * (1 + total * 1e-6)
    )
    assert masses.min() >= 0
    np.testing.assert_allclose(masses.sum(), total, rtol=1e-12)


def test_the_projection_leaves_consistent_counts_alone():
    np.testing.assert_allclose(project(np.array([3, 0, 7]), 10.0), [3, 0, 7])


def test_the_projection_kills_the_noise_of_empty_cells():
    rng = np.random.default_rng(3)
    exact = np.zeros(200)
    exact[:3] = (40_000, 9_000, 600)
    noisy = np.rint(exact + rng.normal(0, 20, 200))
    masses = project(noisy, exact.sum())
    assert np.abs(masses - exact).sum() < 0.3 * np.abs(noisy - exact).sum()
    assert np.mean(masses[3:] == 0) > 0.5


def test_the_number_of_units_weights_tables_by_their_precision():
    """Monte Carlo: sd of the inverse-variance mean is sigma / sqrt(sum 1/cells).

    8,000 trials: the sample sd is within 4 % of the truth at alpha 1e-6 (chi-square).
    """
    rng = np.random.default_rng(7)
    sizes, sigma, n = (2, 5, 250), 30.0, 10_000.0
    found = []
    for _ in range(8_000):
        tables = [rng.normal(0, sigma, s) + n / s for s in sizes]
        found.append(estimate_units(tables))
    expected = sigma / np.sqrt(sum(1 / s for s in sizes))
    assert abs(np.std(found) / expected - 1) < 0.04
    plain = sigma * np.sqrt(sum(sizes)) / len(sizes)
    assert expected < 0.4 * plain
    assert abs(np.mean(found) - n) < 5 * expected / np.sqrt(8_000)


def test_the_number_of_units_is_at_least_one():
    assert estimate_units([np.array([-50, 3])]) == 1.0
    assert estimate_units([]) == 1.0
