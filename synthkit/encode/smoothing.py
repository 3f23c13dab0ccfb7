"""Values inside a bin: how much of the difference between its fine cells is more than noise.

In: the noisy counts of a column's ordered cells and their bins. Out: masses that keep each bin's
total and pull its cells together as far as noise explains their differences. Numpy only; touches
no row (post-processing).

Without it a light bin is decoded to the few cells whose noise happened to be positive, and whole
stretches of values are never drawn. Source: empirical Bayes for a normal mean (Efron and Morris,
Stein's estimation rule and its competitors, 1973), within each bin.
"""

from __future__ import annotations

import numpy as np


def shrink_within(
    masses: np.ndarray, counts: np.ndarray, codes: np.ndarray, sigma: float
) -> np.ndarray:
    """Shrinks the cells of each bin towards their mean.

    Args:
        masses: Projected masses, shape (n_cells,); their sum per bin is kept.
        counts: Noisy counts as measured, shape (n_cells,): unbiased, std `sigma` each.
        codes: Bin of each cell, shape (n_cells,).
        sigma: Std of the noise; 0 changes nothing.

    Returns:
        Masses, shape (n_cells,), float64, non-negative.
    """
    if sigma <= 0:
        return masses
    measured = np.asarray(counts, dtype=np.float64)
    cells = np.bincount(codes)  # (n_bins,)
    totals = np.bincount(codes, weights=masses)  # (n_bins,)
    gaps = measured - (np.bincount(codes, weights=measured) / cells)[codes]  # (n_cells,)
    spread = np.bincount(codes, weights=gaps**2) / np.maximum(cells - 1, 1)  # (n_bins,)
    signal = np.maximum(spread - sigma**2, 0.0)
    kept = signal / np.maximum(
        signal + sigma**2, np.finfo(float).tiny
    )  # (n_bins,), 0 where noise explains it all
    smooth = np.maximum((totals / cells)[codes] + kept[codes] * gaps, 0.0)  # (n_cells,)
    sums = np.bincount(codes, weights=smooth)  # (n_bins,)
    scale = np.divide(totals, sums, out=np.zeros_like(totals), where=sums > 0)
    return np.asarray(smooth * scale[codes])
