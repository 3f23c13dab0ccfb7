"""One slope for all cells of a bin is told where no single cell is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.encode import slopes
from synthkit.encode.slopes import shares

EDGES = np.concatenate([[100.0], np.linspace(1_000.0, 60_000.0, 60)])
"""60 cells of a last bin: most of its length holds next to no one."""


def pareto(edges: np.ndarray, power: float) -> np.ndarray:
    mass = -np.diff(edges ** (1 - power))
    return np.asarray(mass / mass.sum())


def mean_of(edges: np.ndarray, part: np.ndarray) -> float:
    return float((edges[:-1] + edges[1:]) @ part / 2)


@pytest.mark.parametrize("power", [1.5, 2.5])
def test_a_tail_is_told_through_noise_larger_than_its_cells(power: float) -> None:
    """Median of 40 draws; the planted fault (an even bin) is off by more than ten times as much."""
    truth, edges = pareto(EDGES, power), EDGES
    rng = np.random.default_rng(0)
    found = [
        mean_of(edges, shares(edges, 400 * truth + rng.normal(0, 50, truth.size), 50.0, end=1))
        for _ in range(40)
    ]
    wanted = mean_of(edges, truth)
    even = mean_of(edges, np.full(truth.size, 1 / truth.size))
    off = np.median(np.abs(np.array(found) - wanted))
    assert 10 * off < even - wanted


def test_below_zero_the_same_slopes_are_mirrored() -> None:
    counts = 400 * pareto(EDGES, 2.0)
    one = shares(EDGES, counts, 20.0)
    other = shares(-EDGES[::-1], counts[::-1], 20.0)
    np.testing.assert_allclose(other[::-1], one, rtol=1e-9)


def test_a_last_bin_never_fills_up_towards_its_bound() -> None:
    counts = np.linspace(0, 100, 60)
    upwards = shares(EDGES, counts, 5.0)
    assert upwards[-1] > upwards[1]
    last = shares(EDGES, counts, 5.0, end=1)[1:]  # all but the first are equally long
    assert (np.diff(last) <= 1e-12).all()
    first = shares(-EDGES[::-1], counts[::-1], 5.0, end=-1)[:-1]
    assert (np.diff(first) >= -1e-12).all()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.floats(-1e12, 1e12, allow_subnormal=True), min_size=2, max_size=30, unique=True
    ).map(sorted),
    st.sampled_from([-1, 0, 1]),
    st.integers(0, 2**32 - 1),
)
def test_shares_are_shares_whatever_the_edges(edges: list[float], end: int, seed: int) -> None:
    counts = np.random.default_rng(seed).normal(0, 100, len(edges) - 1)
    found = shares(np.array(edges), counts, 30.0, end=end)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "edges",
    [
        np.append(np.linspace(0.0, 1e3, 30), np.nextafter(1e3, 2e3)),
        np.append(np.linspace(-1e3, -3.0, 30), np.nextafter(-3.0, 0.0)),
        np.insert(np.linspace(-1e3, -3.0, 30), 1, np.nextafter(-1e3, 0.0)),
    ],
    ids=["above zero", "below zero", "a point first"],
)
@pytest.mark.parametrize("end", [-1, 1])
def test_points_at_the_ends_do_not_hide_that_a_tail_rises(edges: np.ndarray, end: int) -> None:
    """On floats the bounds are cells next to no length: their density says nothing."""
    wide = np.diff(edges) > 1e-6
    rising = np.where(wide, np.arange(edges.size - 1), 0)[:: 1 if end > 0 else -1] * 100.0
    found = shares(edges, rising, 5.0, end=end)
    density = (found[wide] / np.diff(edges)[wide])[::end]
    assert (np.diff(density) <= 1e-9 * density.max()).all()


@pytest.mark.parametrize(
    "edges", [(0.0, 1e300), (-1e300, 1e300), (1.0, 1e308), (-1.7e308, 1.7e308)]
)
def test_the_widest_bounds_raise_no_warning(edges: tuple[float, float]) -> None:
    low, high = edges
    at = 2 * (low / 2 + (high / 2 - low / 2) * np.linspace(0.0, 1.0, 21))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for end in (-1, 0, 1):
            found = shares(at, np.arange(20.0), 5.0, end=end)
            assert np.isfinite(found).all()


def test_cells_beside_a_bin_help_to_tell_its_slope() -> None:
    """Median of 40 draws; the planted fault (the bin alone) is off by more than twice as much."""
    edges = np.concatenate([np.geomspace(10.0, 1_000.0, 30), np.linspace(2_000.0, 60_000.0, 59)])
    truth = pareto(edges, 2.5)
    own = slice(29, None)
    wanted = mean_of(edges[29:], truth[own] / truth[own].sum())
    rng = np.random.default_rng(0)
    off_with, off_alone = [], []
    for _ in range(40):
        noisy = 20_000 * truth + rng.normal(0, 30, truth.size)
        beside = shares(edges, noisy, 30.0, end=1, own=own)
        alone = shares(edges[29:], noisy[own], 30.0, end=1)
        assert beside.shape == alone.shape
        off_with.append(abs(mean_of(edges[29:], beside) - wanted))
        off_alone.append(abs(mean_of(edges[29:], alone) - wanted))
    assert 2 * np.median(off_with) < np.median(off_alone)


def test_a_slope_that_leaves_nothing_to_a_bin_fills_it_evenly() -> None:
    edges = np.concatenate([np.linspace(0.0, 1.0, 40), [1e5, 2e5, 3e5]])
    counts = np.concatenate([1e9 * np.exp(-np.arange(39) / 2.0), np.zeros(3)])
    found = shares(edges, counts, 1.0, end=1, own=slice(39, None))
    assert found.sum() == pytest.approx(1.0)
    assert np.isfinite(found).all()


def test_cells_from_the_first_number_after_zero_are_no_trouble() -> None:
    edges = np.array([np.nextafter(0.0, 1.0), 1e-3, 1.0, 50.0, 1e6])
    found = shares(edges, np.array([10.0, 40.0, 30.0, 5.0]), 10.0, end=1)
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1.0)


def mean_place_without_evidence() -> float:
    """Where, 0 to 1, the values of a last bin lie whose counts are noise and nothing else."""
    rng = np.random.default_rng(8)
    edges = np.linspace(10.0, 110.0, 101)
    means = [shares(edges, rng.normal(0, 20, 100), 20.0, end=1) for _ in range(50)]
    return float(np.mean(means, axis=0) @ np.linspace(0, 1, 100))


def test_a_tail_of_which_nothing_is_known_thins_out() -> None:
    assert mean_place_without_evidence() < 0.12


def test_planted_a_prior_that_leans_nowhere_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slopes, "THINNING", 0.0)
    assert mean_place_without_evidence() > 0.16
