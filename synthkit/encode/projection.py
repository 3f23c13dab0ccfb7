"""Noisy counts to consistent masses: the number of units and the simplex projection.

In: noisy integer counts of several tables over the same units. Out: one estimate of the number of
units and, per table, non-negative masses that sum to it. Numpy only; touches no row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def estimate_units(tables: Sequence[np.ndarray]) -> float:
    """Estimates the number of privacy units from the totals of their noisy tables.

    Every total is the number of units plus noise of variance `cells * sigma ** 2`, so the best
    linear unbiased estimate weights a total by 1 / cells (inverse-variance weighting, the
    Gauss-Markov theorem). The weights depend on public sizes only. The plain mean would let one
    fine grid of 250 cells drown the 2 cells of a yes/no column.

    Args:
        tables: Noisy counts, each of shape (n_cells,).

    Returns:
        The estimate, at least 1; 1 where there is no table.
    """
    if not tables:
        return 1.0
    totals = np.array([float(t.sum()) for t in tables])
    weights = np.array([1.0 / t.size for t in tables])
    return max(1.0, float(np.average(totals, weights=weights)))


def project(counts: np.ndarray, total: float) -> np.ndarray:
    """Returns the nearest masses (Euclidean) that are non-negative and sum to `total`.

    The projection subtracts one common offset and cuts at zero, which also removes the noise of
    cells that are empty. Source: Duchi, Shalev-Shwartz, Singer and Chandra, Efficient
    projections onto the l1-ball (2008), figure 1.

    Args:
        counts: Noisy counts, shape (n_cells,), any sign, n_cells at least 1.
        total: Sum of the result, positive.

    Returns:
        Masses, shape (n_cells,), float64.
    """
    values = np.asarray(counts, dtype=np.float64)
    descending = np.sort(values)[::-1]  # (n_cells,)
    offsets = (np.cumsum(descending) - total) / np.arange(1, values.size + 1)  # (n_cells,)
    kept = int(np.flatnonzero(descending > offsets)[-1])
    masses = np.maximum(values - offsets[kept], 0.0)  # (n_cells,)
    # The sum is off by rounding only; downstream code divides by it, so make it exact.
    return np.asarray(masses * (total / masses.sum()))
