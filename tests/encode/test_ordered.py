"""Masses of ordered cells: the noise of many empty cells does not become rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.encode.ordered import project_ordered
from synthkit.encode.projection import project

SIGMA = 50.0


def edges_of(n: int) -> np.ndarray:
    """Cells of the whole numbers from 1."""
    return np.arange(1.0, n + 2.0)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.floats(1, 1e6), st.integers(0, 2**32 - 1), st.booleans())
def test_masses_are_non_negative_and_sum_to_the_total(
    n: int, total: float, seed: int, has_told: bool
) -> None:
    rng = np.random.default_rng(seed)
    told = rng.random(n) < 0.1 if has_told else None
    masses = project_ordered(rng.normal(0, 300, n), total, SIGMA, told, edges=edges_of(n))
    assert masses.shape == (n,)
    assert (masses >= 0).all()
    assert masses.sum() == pytest.approx(total)


def test_an_empty_stretch_gets_a_fraction_of_what_cutting_each_cell_leaves() -> None:
    """The planted fault is the nearest non-negative vector: 7 % of all people in the tail."""
    truth = np.concatenate([np.full(20, 500.0), np.zeros(108)])
    rng = np.random.default_rng(3)
    ours, cut = [], []
    for _ in range(100):
        counts = truth + rng.normal(0, SIGMA, truth.size)
        ours.append(project_ordered(counts, truth.sum(), SIGMA, edges=edges_of(128))[20:].sum())
        cut.append(project(counts, truth.sum())[20:].sum())
    assert np.mean(cut) > 0.06 * truth.sum()
    assert np.mean(ours) < 0.25 * np.mean(cut)


def test_without_empty_cells_the_counts_stay() -> None:
    truth = np.linspace(2_000, 4_000, 64)
    counts = truth + np.random.default_rng(4).normal(0, SIGMA, 64)
    masses = project_ordered(counts, counts.sum(), SIGMA, edges=edges_of(64))
    np.testing.assert_allclose(masses, counts, rtol=1e-9)


def test_a_lone_value_in_an_empty_stretch_is_kept_if_clear_or_told() -> None:
    counts = np.random.default_rng(5).normal(0, SIGMA, 128)
    counts[:10] += 2_000
    counts[100] = 4.5 * SIGMA
    counts[110] = 2 * SIGMA
    told = np.zeros(128, dtype=bool)
    told[110] = True
    masses = project_ordered(counts, 20_000.0, SIGMA, told, edges=edges_of(128))
    assert masses[100] == pytest.approx(4.5 * SIGMA, rel=0.1)
    assert masses[110] == pytest.approx(2 * SIGMA, rel=0.1)
    untold = project_ordered(counts, 20_000.0, SIGMA, edges=edges_of(128))
    assert untold[110] < masses[110]


def test_light_cells_do_not_take_what_the_heavy_ones_have_too_much() -> None:
    """The planted fault (heavy cells as they are, the rest of the total to others) has 390."""
    truth = np.concatenate([np.full(60, 1_000.0), np.full(20, 100.0)])
    rng = np.random.default_rng(6)
    off = []
    for _ in range(200):
        counts = truth + rng.normal(0, SIGMA, 80)
        masses = project_ordered(counts, truth.sum(), SIGMA, edges=edges_of(80))
        off.append(masses[60:].sum() - 2_000)
    assert np.sqrt(np.mean(np.square(off))) < 240  # sigma sqrt(20 * 60 / 80) = 194
