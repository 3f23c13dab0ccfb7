"""Which endings of numbers occur so much more often than their like that noise does not explain it.

In: the noisy count of each remainder by the period of a ladder, the noisy masses of the cells.
Out: remainders that deserve a class of their own: 99 where prices end on .99. Numpy only; touches
no row (post-processing).

An ending is compared with those of the same level near it, since a density that falls within a
cell favours some remainders, but neighbours alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthkit.encode.leveling import fitted

if TYPE_CHECKING:
    from synthkit.encode.ladder import Ladder
    from synthkit.encode.line import Line

TOLD_SIGMAS = 4.0
"""Of a hundred endings that nobody prefers, one is told once in 300 columns."""
LEAST_EXCESS = 1.5
"""Times as often as its neighbours: what the slope of a density brings about is less."""
NEAR_SHARE = 0.1
"""Of the period: how far neighbours are at most."""
LEAST_NEAR = 3


def told(
    counts: np.ndarray, masses: np.ndarray, line: Line, ladder: Ladder, sigma: float
) -> tuple[int, ...]:
    """Finds the endings that stand out, the clearest first: it must not hide the next one.

    Args:
        counts: Noisy counts of remainders, shape (period,), of rows whose cell holds several
            positions.
        masses: Noisy masses of the cells, shape (n_cells,), non-negative.
        line: Cells of the column.
        ladder: Of the column, with a period.
        sigma: Standard deviation of the noise on each count; 0: none.

    Returns:
        Remainders from 1 to period - 1, ascending.
    """
    even = even_remainders(line, ladder.period)  # (n_cells, period)
    near = _near(ladder)
    is_told = np.zeros(ladder.period, dtype=bool)
    while True:
        expected = _expected(counts, masses, even, is_told)
        excess = _excess(counts, expected, near & ~is_told, sigma)
        excess[is_told] = 0.0
        clearest = int(np.argmax(excess))
        if excess[clearest] < TOLD_SIGMAS:
            return tuple(np.flatnonzero(is_told).tolist())
        is_told[clearest] = True


def even_remainders(line: Line, period: int) -> np.ndarray:
    """Returns the share of each cell's positions of each remainder, (n_cells, period).

    A cell of a single position has zeros.
    """
    remainders = np.arange(period)
    below = (line.starts[:, None] - 1 - remainders) // period
    upto = (line.ends[:, None] - remainders) // period
    shares = (upto - below) / line.widths[:, None]
    return np.where(line.is_point[:, None], 0.0, shares)


def _near(ladder: Ladder) -> np.ndarray:
    """Returns which remainders each is compared with, bool, shape (period, period)."""
    at = np.arange(ladder.period)
    levels = ladder.levels(at)
    levels[0] = -1  # whole periods are of coarser levels
    gap = np.abs(at[:, None] - at)
    gap = np.minimum(gap, ladder.period - gap)
    reach = max(NEAR_SHARE * ladder.period, LEAST_NEAR)
    return np.asarray((gap > 0) & (gap <= reach) & (levels[:, None] == levels))


def _expected(
    counts: np.ndarray, masses: np.ndarray, even: np.ndarray, is_told: np.ndarray
) -> np.ndarray:
    """Returns how often each remainder would occur if those not told were even, (period,).

    In narrow cells the mass of what was told would else be taken for that of its neighbours.
    """
    if not is_told.any():
        return np.asarray(masses @ even)
    wide = even.sum(axis=1) > 0
    masses, even = masses[wide], even[wide]
    of_rest = even @ ~is_told
    classes = np.column_stack([even[:, is_told], of_rest])  # (n_cells, n_told + 1)
    of_class = np.maximum(np.append(counts[is_told], counts[~is_told].sum()), 0.0)
    weights = fitted(of_class / max(of_class.sum(), 1.0) * masses.sum(), masses, classes)
    of_cell = classes @ weights
    scale = np.divide(masses, of_cell, out=np.zeros_like(masses), where=of_cell > 0)
    return np.asarray(scale @ even * weights[-1])


def _excess(counts: np.ndarray, expected: np.ndarray, near: np.ndarray, sigma: float) -> np.ndarray:
    """Returns by how many standard deviations each count passes what its neighbours let expect.

    Zero where it has no neighbours, or is not clearly more frequent, shape (period,).
    """
    theirs = near @ expected
    share = np.divide(expected, theirs, out=np.zeros_like(theirs), where=theirs > 0)
    likely = share * np.maximum(near @ counts, 0.0)
    noise = sigma**2 * (1 + share**2 * near.sum(axis=1))
    chance = np.maximum(likely, 1.0) * (1 + share)
    passes = (share > 0) & (counts > LEAST_EXCESS * likely)
    return np.asarray(np.where(passes, (counts - likely) / np.sqrt(noise + chance), 0.0))
