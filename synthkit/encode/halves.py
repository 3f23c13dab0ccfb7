"""A mass split among ordered cells: between halves, and the halves of these, down to cells.

In: the noisy counts of cells in order, what they hold together. Out: masses. Numpy only; touches
no row (post-processing). Source: sums over a tree of intervals, and their non-negativity (Hay,
Rastogi, Miklau and Suciu 2010, arXiv:0904.0942).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Share = Callable[[int, int, int, float, float], float]
"""(start, middle, stop, what start .. stop holds, what was measured of middle .. stop): what
middle .. stop is taken to hold."""


def by_halves(counts: np.ndarray, mass: float, share: Share | None = None) -> np.ndarray:
    """Splits a mass among cells; no half gets less than nothing or more than the whole.

    Args:
        counts: Noisy counts, shape (n_cells,), n_cells at least 1.
        mass: What all cells hold together, not negative.
        share: What a right half holds; None: as measured.

    Returns:
        Masses, shape (n_cells,), non-negative.
    """
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    masses = np.zeros(counts.size)
    stretches = [(0, counts.size, mass)]
    while stretches:
        start, stop, held = stretches.pop()
        n = stop - start
        if n == 1 or held <= 0:
            masses[start:stop] = held / n
            continue
        middle = (start + stop) // 2
        # Both sums are off by noise: what they lack is shared by the cells (least squares).
        lack = (held - float(sums[stop] - sums[start])) / n
        right = float(sums[stop] - sums[middle]) + lack * (stop - middle)
        if share is not None:
            right = share(start, middle, stop, held, right)
        right = min(max(right, 0.0), held)
        stretches += [(start, middle, held - right), (middle, stop, right)]
    return masses
