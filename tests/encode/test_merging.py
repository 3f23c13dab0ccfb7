"""Cells to codes: spikes, equal shares, rest codes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.encode.merging import merge_neighbours, merge_rare

masses = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 1e6), st.integers(0, 30).map(float)),
    min_size=1,
    max_size=60,
).map(np.array)


@settings(max_examples=300, deadline=None)
@given(masses, st.integers(1, 40), st.floats(0, 1e3))
def test_bins_are_ordered_without_gaps_and_no_more_than_allowed(mass, max_bins, threshold):
    bins = merge_neighbours(mass, max_bins=max_bins, threshold=threshold)
    assert bins.shape == mass.shape
    assert bins[0] == 0
    assert set(np.diff(bins).tolist()) <= {0, 1}
    assert bins[-1] < max_bins


@settings(max_examples=300, deadline=None)
@given(masses, st.integers(2, 40), st.floats(0, 1e3))
def test_rare_categories_share_one_last_code(mass, max_codes, threshold):
    codes = merge_rare(mass, max_codes=max_codes, threshold=threshold)
    used, times = np.unique(codes, return_counts=True)
    assert used.tolist() == list(range(used.size))
    assert used.size <= max_codes
    assert np.all(times[:-1] == 1)
    if times[-1] > 1:  # nothing in the rest outweighs what is kept, unless all is below threshold
        rest = codes == used[-1]
        assert rest.all() or mass[rest].max() <= mass[~rest].min()


def test_a_spike_keeps_a_bin_of_its_own():
    mass = np.array([1.0, 2, 3, 500, 2, 1, 90, 1, 1, 1])
    bins = merge_neighbours(mass, max_bins=8, threshold=0.0)
    for spike in (3, 6):
        assert np.sum(bins == bins[spike]) == 1


def test_a_column_that_is_mostly_zero_keeps_detail_in_its_tail():
    mass = np.concatenate(([9_000.0], np.full(100, 10.0)))
    bins = merge_neighbours(mass, max_bins=11, threshold=0.0)
    assert bins[-1] == 10
    assert np.ptp(np.bincount(bins, weights=mass)[1:]) <= 10.0


def test_bins_of_an_even_column_have_equal_mass():
    bins = merge_neighbours(np.ones(128), max_bins=32, threshold=0.0)
    assert np.bincount(bins).tolist() == [4] * 32


def test_noise_makes_bins_coarser():
    fine = merge_neighbours(np.full(128, 5.0), max_bins=32, threshold=0.0)
    coarse = merge_neighbours(np.full(128, 5.0), max_bins=32, threshold=100.0)
    assert fine[-1] + 1 == 32
    assert coarse[-1] + 1 == 6


def test_more_spikes_and_runs_than_bins_join_the_lightest_and_spare_the_heaviest():
    mass = np.array([1.0, 60, 1, 70, 1, 80, 1, 900, 1])
    bins = merge_neighbours(mass, max_bins=5, threshold=0.0)
    assert bins[-1] == 4
    assert np.sum(bins == bins[7]) == 1


def test_empty_and_constant_columns_still_have_a_code():
    assert merge_neighbours(np.zeros(7), max_bins=4, threshold=0.0).tolist() == [0] * 7
    assert merge_neighbours(np.array([5.0]), max_bins=4, threshold=100.0).tolist() == [0]
    assert merge_rare(np.zeros(7), max_codes=4, threshold=3.0).tolist() == [0] * 7
    assert merge_rare(np.array([5.0]), max_codes=4, threshold=100.0).tolist() == [0]


def test_a_rest_of_one_category_is_that_category():
    assert merge_rare(np.array([9.0, 0, 8]), max_codes=9, threshold=1.0).tolist() == [0, 1, 2]
    assert merge_rare(np.array([9.0, 0, 8, 0]), max_codes=9, threshold=1.0).tolist() == [0, 2, 1, 2]
