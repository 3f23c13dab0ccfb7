"""One-way distributions that agree with the noisy two-way tables: inverse-variance averaging.

Takes the noisy one-way and two-way tables, gives better one-way distributions; post-processing.
A column's distribution is measured many times: once in its own table, and once as the margin of
each pair table that it is in. A code that sums many fine cells (the long tail of a numeric column)
carries the noise of them all in its own table, and far less in the margins. The estimates are
independent, and unbiased but for the far ends of lines, which lean to their slopes and are less
noisy than is reckoned with. So the best linear one weighs each by the inverse of its variance (Hay,
Rastogi, Miklau and Suciu 2010; Qardaji, Yang and Li 2014).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthkit.artifacts import OneWayTables
from synthkit.generate.two_way import JointTables


def variances(one_way: OneWayTables) -> tuple[np.ndarray, ...]:
    """Returns the noise variance of each code's count, one array of shape (size,) per column."""
    sigma = 0.0 if one_way.sigma is None else one_way.sigma
    cells = one_way.cells or tuple(np.ones(len(c)) for c in one_way.counts)
    return tuple(sigma**2 * np.asarray(c, dtype=np.float64) for c in cells)


def reconciled(
    one_way: OneWayTables,
    shares: Sequence[np.ndarray],
    two_way: JointTables,
    two_way_sigma: float,
) -> tuple[np.ndarray, ...]:
    """Averages each column's own table with the margins of its pairs.

    Args:
        one_way: The noisy one-way tables.
        shares: Their distributions, each of shape (size,).
        two_way: Noisy joint shares of all pairs of (folded) columns, or of pairs with a target.
        two_way_sigma: Std of their noise, in counts, where none of a pair is a target.

    Returns:
        One distribution per column, each of shape (size,), non-negative, summing to one.
    """
    folded = np.asarray(two_way.sizes)
    starts = np.cumsum(folded) - folded  # (n_columns,)
    own = variances(one_way)
    result, wide = [], 0
    for column, share in enumerate(shares):
        groups = two_way.groups[wide : wide + len(share)] - starts[column]
        wide += len(share)
        estimates, relative = two_way.margins(column)
        weights = 1.0 / (two_way_sigma**2 * relative)  # (n_estimates,)
        of_pairs = estimates @ weights / weights.sum()  # (folded[column],)
        first = np.bincount(groups, weights=share)
        precision = 1.0 / np.maximum(np.bincount(groups, weights=own[column]), 1e-12)
        mixed = (first * precision + of_pairs * weights.sum()) / (precision + weights.sum())
        mixed = np.maximum(mixed, 0.0)
        # Inside a folded group the column's own table is all there is.
        within = share / np.maximum(first, 1e-300)[groups]
        within = np.where(first[groups] > 0, within, 1.0 / np.bincount(groups)[groups])
        better = mixed[groups] * within
        result.append(better / better.sum() if better.sum() > 0 else share)
    return tuple(result)
