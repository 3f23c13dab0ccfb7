"""Noisy counts of cells on a line to masses, by halves.

In: the noisy counts of ordered cells, what they sum to, the noise. Out: masses. Numpy only; touches
no row (post-processing).

The nearest non-negative masses (`projection.project`) cut the noise of each empty cell at zero by
itself, so that what is left of it adds up with the number of empty cells. A column with a long tail
has dozens of them up to its public bound, and some per cent of its rows would be drawn there. Here
cells heavier than `CLEAR_SIGMAS`, and values known to be shared by many, keep their count. The rest
of the mass is split between the halves of the line, and between the halves of these (`halves`), as
the sums of their noisy counts say, never below zero: the noise of an empty stretch adds up with the
root of its length. Beyond the outermost cells that stand by themselves the slope of the counts says
more than sums alone (`tails`).
"""

from __future__ import annotations

import numpy as np

from synthkit.encode.halves import by_halves
from synthkit.encode.tails import tail_masses

CLEAR_SIGMAS = 4.0
"""A cell heavier than this many standard deviations of the noise stands by itself."""


def project_ordered(
    counts: np.ndarray,
    total: float,
    sigma: float,
    told: np.ndarray | None = None,
    *,
    edges: np.ndarray,
) -> np.ndarray:
    """Returns non-negative masses that sum to `total`.

    Args:
        counts: Noisy counts in value order, shape (n_cells,), n_cells at least 1.
        total: Sum of the result, positive.
        sigma: Std of the noise on each count, positive.
        told: Cells of a value that another look has told, booleans, shape (n_cells,); None: none.
        edges: Where each cell starts, and where the last one ends, shape (n_cells + 1,).

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
    is_left = ~is_clear
    for run, end in _ends(is_clear):
        n_tail = run.stop - run.start
        found = tail_masses(values, edges, sigma, n_tail=n_tail, end=end, total=total)
        if found is not None:
            masses[run], is_left[run] = found, False
    is_tail = ~(is_clear | is_left)
    if is_tail.any():
        # What tails do not take is noise, of which each other cell has as much.
        values = values + (values[is_tail].sum() - masses[is_tail].sum()) / (~is_tail).sum()
        masses = np.where(is_clear, np.maximum(values, 0.0), masses)
    left = np.flatnonzero(is_left)
    if left.size:
        masses[left] = by_halves(values[left], max(float(values[left].sum()), 0.0))
    if masses.sum() <= 0:
        masses[:] = 1.0
    return np.asarray(masses * (total / masses.sum()))


def _ends(is_clear: np.ndarray) -> list[tuple[slice, int]]:
    """Cells before the first and after the last clear one, with the side on which they lie."""
    clear = np.flatnonzero(is_clear)
    if not clear.size:
        return []
    ends = [(slice(0, int(clear[0])), -1), (slice(int(clear[-1]) + 1, is_clear.size), 1)]
    return [(run, end) for run, end in ends if run.stop - run.start > 1]
