"""From noisy counts of levels to how much more often than evenly the numbers of each occur.

In: the noisy count of each class of a ladder (a level, or an ending that was told), the noisy mass
of each cell, the share of each cell that is of each class. Out: a weight for each class. Numpy
only; touches no row (post-processing).

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
    n_counts: int
    """How many noisy counts theirs is made of."""
    count: float
    even: float
    """Share of the positions that are of these levels, where cells are filled evenly."""


def weights_of(
    counts: np.ndarray,
    masses: np.ndarray,
    even: np.ndarray,
    sigma: float,
    n_counts: np.ndarray | None = None,
    n_levels: int | None = None,
) -> np.ndarray | None:
    """Finds the weight of each class.

    Args:
        counts: Noisy counts, shape (n_classes,), of rows whose cell holds several positions.
        masses: Noisy masses of the cells, shape (n_cells,), non-negative.
        even: Share of each cell's positions of each class, shape (n_cells, n_classes); rows of
            zeros where a cell holds one position.
        sigma: Standard deviation of the noise of one look at a count; 0: none.
        n_counts: How many of them each count is made of, shape (n_classes,); default: one.
        n_levels: How many of the classes are levels, the first ones; the others are endings that
            were told already, and keep a weight of their own. Default: all.

    Returns:
        Shape (n_classes,), non-negative, the largest 1; None where noise explains all there is, or
        no weights of finite size reproduce it.
    """
    wide = even.sum(axis=1) > 0
    masses, even = masses[wide], even[wide]
    total = float(masses.sum())
    if total <= 0:
        return None
    expected = masses @ even / total  # (n_classes,)
    made_of = [1] * len(counts) if n_counts is None else n_counts.tolist()
    each = [
        _Pool(1, n, float(count), share)
        for n, count, share in zip(made_of, counts, expected.tolist(), strict=True)
    ]
    n = len(each) if n_levels is None else n_levels
    pools = _pooled(each[:n], sigma) + each[n:]
    if len(pools) == 1:
        return None
    of_pool = np.maximum([p.count for p in pools], 0.0)
    if of_pool.sum() <= 0:
        return None
    place = np.repeat(np.arange(len(pools)), [p.n_levels for p in pools])
    of_pool = of_pool / of_pool.sum() * total
    evens = np.stack([even[:, place == i].sum(axis=1) for i in range(len(pools))], axis=1)
    weights = fitted(of_pool, masses, evens)
    return weights[place] if np.all(np.isfinite(weights)) else None


def fitted(counts: np.ndarray, masses: np.ndarray, even: np.ndarray) -> np.ndarray:
    """Finds weights of classes by which their counts and the masses of cells both come out.

    Args:
        counts: Of each class, shape (n_classes,), non-negative, with the sum of the masses.
        masses: Of each cell, shape (n_cells,), non-negative.
        even: Share of each cell's positions of each class, shape (n_cells, n_classes).

    Returns:
        Shape (n_classes,), the largest 1; not finite where doubles cannot hold them.
    """
    # Between bounds hundreds of powers of ten apart, doubles cannot hold shares and weights.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        weights = counts / np.maximum(masses @ even / masses.sum(), np.finfo(float).tiny)
        for _ in range(ROUNDS):
            weights = weights / weights.max()
            of_cell = even @ weights  # (n_cells,)
            scale = np.divide(masses, of_cell, out=np.zeros_like(masses), where=of_cell > 0)
            reached = (scale @ even) * weights  # (n_classes,)
            share = np.where(reached > 0, reached, 1)
            weights = np.where(reached > 0, weights * counts / share, 0.0)
        return np.asarray(weights / weights.max())


def _pooled(pools: list[_Pool], sigma: float) -> list[_Pool]:
    """Joins neighbouring levels, least different first, until noise explains no difference."""
    pools = list(pools)
    while len(pools) > 1:
        gaps = [_gap(a, b, sigma) for a, b in itertools.pairwise(pools)]
        i = int(np.argmin(gaps))
        if gaps[i] >= TOLD_SIGMAS:
            break
        a, b = pools[i], pools.pop(i + 1)
        pools[i] = _Pool(
            a.n_levels + b.n_levels, a.n_counts + b.n_counts, a.count + b.count, a.even + b.even
        )
    return pools


def _gap(a: _Pool, b: _Pool, sigma: float) -> float:
    """Returns how far two counts are from an even share of their sum, in standard deviations."""
    if a.even <= 0 or b.even <= 0:
        return 0.0  # of one of them there is no number to draw
    part = a.even / (a.even + b.even)
    whole = a.count + b.count
    noise = sigma**2 * (a.n_counts * (1 - part) ** 2 + b.n_counts * part**2)
    chance = max(whole, 1.0) * part * (1 - part)
    spread = math.sqrt(noise + chance)
    # Without noise it is zero where rounding alone has left numbers to one of them.
    return abs(a.count - whole * part) / spread if spread > 0 else 0.0
