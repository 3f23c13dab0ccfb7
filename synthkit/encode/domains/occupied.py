"""Which cells of a noisy table are occupied: a rule for utility, after the noise.

A cell is *sure* where its noisy count is one that noise alone reaches, anywhere on the whole grid,
with a chance of at most 1 %. The range of the sure cells then grows outwards as long as the next
cell has a count that noise alone reaches with a chance of 5 %: tails are thin, and a step too
many costs a little resolution, while a range cut short moves every row beyond it to the bound.
"""

from __future__ import annotations

import math

import numpy as np

from synthkit.privacy.threshold import least_above

CHANCE_ANYWHERE = 0.01
CHANCE_OF_STEP = 0.05


def sure(noisy: np.ndarray, sigma: float, *, n_tests: int, n_summed: int = 1) -> np.ndarray:
    """Says which noisy counts are beyond noise, shape as `noisy`.

    Args:
        noisy: Noisy counts, or sums of them.
        sigma: Of one count's noise.
        n_tests: Number of counts that are looked at together.
        n_summed: Counts in each sum; a sum's noise is taken as discrete Gaussian as well.
    """
    limit = least_above(sigma * math.sqrt(n_summed), CHANCE_ANYWHERE / n_tests)
    return np.asarray(noisy >= limit)


def grown(
    noisy: np.ndarray, first: int, last: int, sigma: float, *, step: int = 1
) -> tuple[int, int]:
    """Widens a range of cells, `step` cells at a time, while what is added is likely occupied."""
    limit = least_above(sigma * math.sqrt(step), CHANCE_OF_STEP)
    while first - step >= 0 and noisy[first - step : first].sum() >= limit:
        first -= step
    while last + step < noisy.size and noisy[last + 1 : last + 1 + step].sum() >= limit:
        last += step
    return first, last


def occupied(noisy: np.ndarray, sigma: float, *, wall: int) -> tuple[int, int]:
    """Returns the first and last cell of the range; the largest count where no cell is sure.

    Args:
        noisy: Noisy counts, shape (n_cells,).
        sigma: Of their noise.
        wall: Cell that only sure cells reach beyond: no range grows past zero by chance.
    """
    found = np.flatnonzero(sure(noisy, sigma, n_tests=noisy.size))
    if not found.size:
        found = np.array([noisy.argmax()])
    first, last = int(found[0]), int(found[-1])
    low = wall if first >= wall else 0
    high = wall + 1 if last <= wall else noisy.size
    first, last = grown(noisy[low:high], first - low, last - low, sigma)
    return first + low, last + low


def is_occupied(noisy: int, sigma: float) -> bool:
    """Says of a single cell, for example that of missing values, whether it is beyond noise."""
    return bool(sure(np.array([noisy]), sigma, n_tests=1)[0])
