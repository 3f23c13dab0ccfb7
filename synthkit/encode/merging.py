"""Fine cells to codes: neighbouring cells into bins, rare categories into a rest code.

In: the projected noisy masses of a column's cells. Out: the code of each cell, codes running from
0 without gaps. Numpy only; touches no row.
"""

from __future__ import annotations

import itertools

import numpy as np

CATEGORY_SIGMAS = 3.0
"""A category lighter than this many noise standard deviations is not told apart from none."""
BIN_SIGMAS = 4.0
"""A bin lighter than this many noise standard deviations is too noisy to be measured again
against other columns."""


def merge_neighbours(masses: np.ndarray, *, max_bins: int, threshold: float) -> np.ndarray:
    """Merges ordered cells into at most `max_bins` bins of about equal mass.

    A cell heavier than an equal share is a spike and keeps a bin of its own; the share is that of
    the mass and bins that the spikes leave over, so a column that is mostly zero still has a tail
    in detail. The runs of cells between spikes are cut at equal mass. Only when spikes and runs
    together are more than `max_bins` are the lightest neighbours joined, runs before spikes.

    Args:
        masses: Non-negative masses in value order, shape (n_cells,), n_cells at least 1.
        max_bins: Largest number of bins, at least 1.
        threshold: Smallest mass worth a bin of its own; 0 where there is no noise.

    Returns:
        Bin of each cell, shape (n_cells,), int64, non-decreasing, from 0 without gaps.
    """
    is_spike, share = _spikes(masses, max_bins, threshold)
    # A run ends where a spike begins or ends.
    is_start = np.ones(masses.size, dtype=bool)
    is_start[1:] = is_spike[1:] | is_spike[:-1]
    bins = np.empty(masses.size, dtype=np.int64)
    bounds = [*np.flatnonzero(is_start).tolist(), masses.size]
    n_bins = 0
    for start, stop in itertools.pairwise(bounds):
        cut = _cut_equally(masses[start:stop], share)
        bins[start:stop] = n_bins + cut
        n_bins += int(cut[-1]) + 1
    spikes = np.unique(bins[is_spike])
    return _join_lightest(bins, masses, spikes, max_bins)


def _spikes(masses: np.ndarray, max_bins: int, threshold: float) -> tuple[np.ndarray, float]:
    """Finds the cells heavier than an equal share of what the heavier ones leave over."""
    is_spike = np.zeros(masses.size, dtype=bool)
    while True:
        # Fewer cells than bins can be heavier than an equal share, so one bin is always left.
        bins_left = max_bins - int(is_spike.sum())
        share = max(float(masses[~is_spike].sum()) / bins_left, threshold)
        is_new = ~is_spike & (masses > share * (1 + 1e-9))
        if not is_new.any():
            return is_spike, share
        is_spike |= is_new


def _cut_equally(masses: np.ndarray, share: float) -> np.ndarray:
    """Cuts one run of cells into pieces of about `share`, at least one; shape (n_cells,)."""
    total = float(masses.sum())
    pieces = int(min(total / share, masses.size)) if share > 0 else 1
    if pieces <= 1:
        return np.zeros(masses.size, dtype=np.int64)
    middle = np.cumsum(masses) - masses / 2  # (n_cells,)
    raw = np.minimum((middle / total * pieces).astype(np.int64), pieces - 1)
    # A heavy cell may skip a piece; codes must have no gaps.
    steps = np.concatenate(([0], (np.diff(raw) > 0).astype(np.int64)))
    return np.cumsum(steps)


def _join_lightest(
    bins: np.ndarray, masses: np.ndarray, spikes: np.ndarray, max_bins: int
) -> np.ndarray:
    """Joins neighbouring bins, lightest pair first, until `max_bins` are left."""
    weights = np.bincount(bins, weights=masses).tolist()
    spiky = np.isin(np.arange(len(weights)), spikes).tolist()
    groups = [[b] for b in range(len(weights))]
    while len(groups) > max_bins:
        pairs = range(len(groups) - 1)
        best = min(pairs, key=lambda i: (spiky[i] + spiky[i + 1], weights[i] + weights[i + 1]))
        groups[best] += groups.pop(best + 1)
        weights[best] += weights.pop(best + 1)
        spiky[best] |= spiky.pop(best + 1)
    joined = np.empty(int(bins[-1]) + 1, dtype=np.int64)
    for new, group in enumerate(groups):
        joined[group] = new
    return np.asarray(joined[bins])


def merge_rare(masses: np.ndarray, *, max_codes: int, threshold: float) -> np.ndarray:
    """Gives heavy categories a code each and lets all others share one rest code.

    Kept categories stay in their order, the rest code is last. A rest of a single category is
    that category, and keeps a code of its own.

    Args:
        masses: Non-negative masses, shape (n_categories,), at least one.
        max_codes: Largest number of codes, rest included, at least 2.
        threshold: Categories with less mass than this, or none, go to the rest.

    Returns:
        Code of each category, shape (n_categories,), int64, from 0 without gaps.
    """
    n = masses.size
    is_kept = (masses >= threshold) & (masses > 0)
    # Heaviest first; ties go to the earlier category, so that the result is reproducible.
    ranks = np.empty(n, dtype=np.int64)
    ranks[np.argsort(-masses, kind="stable")] = np.arange(n)
    if n > max_codes:
        is_kept &= ranks < max_codes - 1
    if n - int(is_kept.sum()) == 1:
        is_kept[:] = True
    codes = np.cumsum(is_kept) - 1
    return np.asarray(np.where(is_kept, codes, int(is_kept.sum())), dtype=np.int64)
