"""Noisy counts of cells on a line to masses, by halves.

In: the noisy counts of ordered cells, what they sum to, the noise. Out: masses. Numpy only; touches
no row (post-processing).

The nearest non-negative masses (`projection.project`) cut the noise of each empty cell at zero by
itself, so that what is left of it adds up with the number of empty cells. A column with a long tail
has dozens of them up to its public bound, and some per cent of its rows would be drawn there. Here
cells heavier than `CLEAR_SIGMAS`, and values known to be shared by many, keep their count. The rest
of the mass is split between the halves of the line, and between the halves of these, as the sums of
their noisy counts say, never below zero: the noise of an empty stretch adds up with the root of its
length (sums over a tree of intervals, and their non-negativity: Hay, Rastogi, Miklau and Suciu
2010, arXiv:0904.0942).
"""

from __future__ import annotations

import numpy as np

CLEAR_SIGMAS = 4.0
"""A cell heavier than this many standard deviations of the noise stands by itself."""


def project_ordered(
    counts: np.ndarray, total: float, sigma: float, told: np.ndarray | None = None
) -> np.ndarray:
    """Returns non-negative masses that sum to `total`.

    Args:
        counts: Noisy counts in value order, shape (n_cells,), n_cells at least 1.
        total: Sum of the result, positive.
        sigma: Std of the noise on each count, positive.
        told: Cells of a value that another look has told, booleans, shape (n_cells,); None: none.

    Returns:
        Masses, shape (n_cells,), float64.
    """
    values = np.asarray(counts, dtype=np.float64)
    is_clear = values > CLEAR_SIGMAS * sigma
    if told is not None:
        is_clear |= told & (values > 0)
    # What all counts together lack to the total is noise, of which each cell has as much.
    values = values + (total - values.sum()) / values.size
    masses = np.where(is_clear, np.maximum(values, 0.0), 0.0)
    left = np.flatnonzero(~is_clear)
    if left.size:
        masses[left] = _by_halves(values[left], max(float(values[left].sum()), 0.0))
    if masses.sum() <= 0:
        masses[:] = 1.0
    return np.asarray(masses * (total / masses.sum()))


def _by_halves(values: np.ndarray, mass: float) -> np.ndarray:
    """Splits a mass among cells: between halves, and halves of these, as their sums say."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    masses = np.zeros(values.size)
    stretches = [(0, values.size, mass)]
    while stretches:
        start, stop, held = stretches.pop()
        if stop - start == 1 or held <= 0:
            masses[start] = held
            continue
        middle = (start + stop) // 2
        one, other = sums[middle] - sums[start], sums[stop] - sums[middle]
        # Both sums are off by noise: what they lack is shared by the cells (least squares).
        lack = (held - one - other) / (stop - start)
        right = min(max(other + lack * (stop - middle), 0.0), held)
        stretches += [(start, middle, held - right), (middle, stop, right)]
    return masses
