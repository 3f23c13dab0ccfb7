"""From noisy counts of levels to how much more often than evenly the numbers of each occur.

In: the noisy count of each level of a ladder, the noisy mass of each cell, the share of each cell
that is of each level. Out: a weight for each level. Numpy only; touches no row (post-processing).

Neighbouring levels whose counts noise alone explains, if the finer step were filled evenly, get
one weight: without that, the noise of a dozen levels would round a dozen parts of the column. The
weights then reproduce counts of levels and masses of cells at once, by iterative proportional
fitting (Deming and Stephan 1940).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

TOLD_SIGMAS = 2.5
"""Levels whose counts differ from even ones by less, in standard deviations, are one."""
ROUNDS = 40


@dataclass(frozen=True)
class _Pool:
    """Levels next to each other that share a weight."""

    n_levels: int
    count: float
    even: float
    """Share of the positions that are of these levels, where cells are filled evenly."""


def weights_of(
    counts: np.ndarray, masses: np.ndarray, even: np.ndarray, sigma: float
) -> np.ndarray | None:
    """Finds the weight of each level.

    Args:
        counts: Noisy counts, shape (n_levels,), of rows whose cell holds several positions.
        masses: Noisy masses of the cells, shape (n_cells,), non-negative.
        even: Share of each cell's positions of each level, shape (n_cells, n_levels); rows of
            zeros where a cell holds one position.
        sigma: Standard deviation of the noise on each count; 0: none.

    Returns:
        Shape (n_levels,), non-negative, the largest 1; None where noise explains all there is, or
        no weights of finite size reproduce it.
    """
    wide = even.sum(axis=1) > 0
    masses, even = masses[wide], even[wide]
    total = float(masses.sum())
    if total <= 0:
        return None
    expected = masses @ even / total  # (n_levels,)
    pools = _pooled(np.asarray(counts, dtype=np.float64), expected, sigma)
    if len(pools) == 1:
        return None
    of_pool = np.maximum([p.count for p in pools], 0.0)
    if of_pool.sum() <= 0:
        return None
    place = np.repeat(np.arange(len(pools)), [p.n_levels for p in pools])
    of_pool = of_pool / of_pool.sum() * total
    evens = np.stack([even[:, place == i].sum(axis=1) for i in range(len(pools))], axis=1)
    # Between bounds hundreds of powers of ten apart, doubles cannot hold shares and weights.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        weights = of_pool / np.maximum([p.even for p in pools], np.finfo(float).tiny)
        for _ in range(ROUNDS):
            weights = weights / weights.max()
            of_cell = evens @ weights  # (n_cells,)
            scale = np.divide(masses, of_cell, out=np.zeros_like(masses), where=of_cell > 0)
            reached = (scale @ evens) * weights  # (n_pools,)
            share = np.where(reached > 0, reached, 1)
            weights = np.where(reached > 0, weights * of_pool / share, 0.0)
        weights = weights / weights.max()
    return weights[place] if np.all(np.isfinite(weights)) else None


def _pooled(counts: np.ndarray, expected: np.ndarray, sigma: float) -> list[_Pool]:
    """Joins neighbouring levels, least different first, until noise explains no difference."""
    pairs = zip(counts.tolist(), expected.tolist(), strict=True)
    pools = [_Pool(1, count, even) for count, even in pairs]
    while len(pools) > 1:
        gaps = [_gap(a, b, sigma) for a, b in itertools.pairwise(pools)]
        i = int(np.argmin(gaps))
        if gaps[i] >= TOLD_SIGMAS:
            break
        a, b = pools[i], pools.pop(i + 1)
        pools[i] = _Pool(a.n_levels + b.n_levels, a.count + b.count, a.even + b.even)
    return pools


def _gap(a: _Pool, b: _Pool, sigma: float) -> float:
    """Returns how far two counts are from an even share of their sum, in standard deviations."""
    if a.even <= 0 or b.even <= 0:
        return 0.0  # of one of them there is no number to draw
    part = a.even / (a.even + b.even)
    whole = a.count + b.count
    noise = sigma**2 * (a.n_levels * (1 - part) ** 2 + b.n_levels * part**2)
    chance = max(whole, 1.0) * part * (1 - part)
    spread = math.sqrt(noise + chance)
    # Without noise it is zero where rounding alone has left numbers to one of them.
    return abs(a.count - whole * part) / spread if spread > 0 else 0.0
