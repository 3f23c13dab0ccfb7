"""How many steps against the tables are worth their time; from noisy and public facts alone.

In: the noise of the joint tables, the noisy number of units. Out: a number of steps. Where noise is
large, more steps fit the noise; where it is small, the network is what is left. Rows beyond
`ENOUGH_UNITS` are not counted, so that a table of ten million takes no more steps than one of
thirty thousand. Figures: docs/decisions/0019-steps-by-noise.md.
"""

from __future__ import annotations

AUTOMATIC = -1
LEAST_STEPS = 1_000
MOST_STEPS = 3_000
ENOUGH_UNITS = 30_000.0
LARGE_NOISE = 1.2e-3
"""Std of the noise on a cell, relative to the units, from which more steps win nothing."""


def automatic_steps(sigma: float, units: float) -> int:
    """Returns the number of steps.

    Args:
        sigma: Std of the noise on each cell of the joint tables, in units; 0: there are none.
        units: Noisy number of units.
    """
    if sigma <= 0:
        return LEAST_STEPS
    relative = sigma / min(max(units, 1.0), ENOUGH_UNITS)
    steps = LEAST_STEPS * LARGE_NOISE / relative
    return int(round(min(max(steps, LEAST_STEPS), MOST_STEPS), -2))
