"""Values inside a bin: how much of the difference between its fine cells is more than noise.

In: the noisy counts of a column's ordered cells, their bins and their edges. Out: masses that keep
each bin's total and pull its cells towards one slope (`slopes`) as far as noise explains their
differences. Numpy only; touches no row (post-processing).

Without it a light bin is decoded to the few cells whose noise happened to be positive, and whole
stretches of values are never drawn. Source: empirical Bayes for a normal mean (Efron and Morris,
Stein's estimation rule and its competitors, 1973), within each bin.
"""

from __future__ import annotations

import math

import numpy as np

from synthkit.encode.slopes import shares
from synthkit.encode.tails import beside

CLEAR = 2.5
"""Standard deviations of noise's own spread by which the first and the last bin must differ from
their slope: what is kept of pure noise is cut at zero cell by cell, and fills the end of a tail."""
TAIL_SHARE = 0.1
"""Largest share of all mass of an outer bin which is taken for a tail."""
FAINT = 1e-12
"""Share of all mass that a bin of several cells has at least. Noise may leave it none, and other
tables give it some: its values then lie where its slope says, not anywhere up to the bound."""


def shrink_within(
    masses: np.ndarray, counts: np.ndarray, codes: np.ndarray, sigma: float, edges: np.ndarray
) -> np.ndarray:
    """Shrinks the cells of each bin towards the slope that they show together.

    Args:
        masses: Projected masses, shape (n_cells,); their sum per bin is kept (but see `FAINT`).
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
    counts = np.asarray(counts, dtype=np.float64)
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    for start, stop in zip(starts, [*starts[1:], len(codes)], strict=True):
        if stop - start > 1:
            least = FAINT * float(masses.sum())
            total = max(float(masses[start:stop].sum()), least)
            is_tail = total <= TAIL_SHARE * masses.sum()
            end = is_tail * (int(stop == len(edges) - 1) - int(start == 0))
            low, high = start, stop
            if end > 0:
                low = start - beside(counts[:start][::-1], total, sigma)
            elif end < 0:
                high = stop + beside(counts[stop : len(edges) - 1], total, sigma)
            own = slice(start - low, stop - low)
            if total <= least:
                # All of its counts are noise: only the slope says anything.
                share = shares(edges[low : high + 1], counts[low:high], sigma, end=end, own=own)
                result[start:stop] = total * share
                continue
            result[start:stop] = _shrunk(
                total, counts[low:high], sigma, edges[low : high + 1], end, own
            )
    return result


def _shrunk(
    total: float, counts: np.ndarray, sigma: float, edges: np.ndarray, end: int, own: slice
) -> np.ndarray:
    """Returns the masses of one bin's own cells, shape (n_own,), which sum to `total`."""
    expected = shares(edges, counts, sigma, end=end, own=own)
    counts = counts[own]
    gaps = counts - expected * counts.sum()
    freedom = counts.size - 1
    spread = float(np.square(gaps).sum()) / freedom
    # Of noise alone it is sigma^2, give or take sqrt(2 / freedom) of it.
    explained = sigma**2 * (1 + (CLEAR * math.sqrt(2 / freedom) if end else 0.0))
    kept = 1 - sigma**2 / spread if spread > explained else 0.0
    smooth = np.maximum(expected * total + kept * gaps, 0.0)
    return np.asarray(smooth * (total / smooth.sum() if smooth.sum() > 0 else 0.0))
