"""What information about columns costs a latent; from noisy and public facts alone.

In: the noise of the joint tables, the noisy number of units, the number of columns. Out: the
weight of the mutual information between latents and columns, beside the distance to the tables. The
price grows with the variance of the noise (`training.py`); where noise is large it has to grow more
slowly than that, lest all columns come out independent. Figures: docs/decisions/0022.
"""

from __future__ import annotations

import math

AUTOMATIC = -1.0
USUAL_WEIGHT = 800.0
LARGE_NOISE = 2.5e-3
"""Std of the noise on a cell, relative to the units: the weight falls beyond it."""
USUAL_COLUMNS = 14
"""Columns whose tables set `LARGE_NOISE`: of more columns the tables together tell more."""
LEAST_PER_COLUMN = 4.25
"""Least weight for each column: many columns have much noise to fit, however large it is."""


def automatic_weight(sigma: float, units: float, n_columns: int) -> float:
    """Returns the weight.

    Args:
        sigma: Std of the noise on each cell of the joint tables, in units; 0: there are none.
        units: Noisy number of units.
        n_columns: Number of columns.
    """
    if sigma <= 0:
        return USUAL_WEIGHT
    noise = sigma / max(units, 1.0)
    weight = USUAL_WEIGHT * LARGE_NOISE / noise * math.sqrt(n_columns / USUAL_COLUMNS)
    return min(max(weight, LEAST_PER_COLUMN * n_columns), USUAL_WEIGHT)
