"""Values inside a bin: how much of the difference between its fine cells is more than noise.

In: the noisy counts of a column's ordered cells, their bins and their edges. Out: masses that keep
each bin's total and pull its cells towards one slope (`slopes`) as far as noise explains their
differences. Numpy only; touches no row (post-processing).

Without it a light bin is decoded to the few cells whose noise happened to be positive, and whole
stretches of values are never drawn. Source: empirical Bayes for a normal mean (Efron and Morris,
Stein's estimation rule and its competitors, 1973), within each bin.
"""

from __future__ import annotations

import numpy as np

from synthkit.encode.slopes import shares


def shrink_within(
    masses: np.ndarray, counts: np.ndarray, codes: np.ndarray, sigma: float, edges: np.ndarray
) -> np.ndarray:
    """Shrinks the cells of each bin towards the slope that they show together.

    Args:
        masses: Projected masses, shape (n_cells,); their sum per bin is kept.
        counts: Noisy counts as measured, shape (n_cells,): unbiased, std `sigma` each.
        codes: Bin of each cell, shape (n_cells,): in order, without gaps.
        sigma: Std of the noise; 0 changes nothing.
        edges: Where each cell starts, and where the last one ends, shape (n_cells + 1,).

    Returns:
        Masses, shape (n_cells,), float64, non-negative.
    """
    if sigma <= 0:
        return masses
    result = np.array(masses, dtype=np.float64)
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    for start, stop in zip(starts, [*starts[1:], len(codes)], strict=True):
        if stop - start > 1:
            own = slice(start, stop)
            end = int(stop == len(edges) - 1) - int(start == 0)
            result[own] = _shrunk(
                float(masses[own].sum()),
                np.asarray(counts[own], dtype=np.float64),
                sigma,
                edges[start : stop + 1],
                end,
            )
    return result


def _shrunk(
    total: float, counts: np.ndarray, sigma: float, edges: np.ndarray, end: int
) -> np.ndarray:
    """Returns the masses of one bin's cells, shape (n_cells,), which sum to `total`."""
    expected = shares(edges, counts, sigma, end=end)
    gaps = counts - expected * counts.sum()
    signal = max(float(np.square(gaps).sum()) / (counts.size - 1) - sigma**2, 0.0)
    kept = signal / (signal + sigma**2)  # 0 where noise explains it all
    smooth = np.maximum(expected * total + kept * gaps, 0.0)
    return np.asarray(smooth * (total / smooth.sum() if smooth.sum() > 0 else 0.0))
