"""How many steps against the tables are worth their time; from noisy and public facts alone.

In: the noise of the joint tables, the noisy number of units. Out: a number of steps. Where noise is
small, the network is what is left, and more steps bring it closer; where it is large, more steps
fit the noise. Units beyond `ENOUGH_UNITS` do not ask for more, so that a table of ten million takes
no more steps than one of thirty thousand. Figures: docs/decisions/0019, 0020 and 0030.
"""

from __future__ import annotations

AUTOMATIC = -1
USUAL_STEPS = 500
LEAST_STEPS, MOST_STEPS = 150, 2_000
ENOUGH_UNITS = 30_000.0
SMALL_NOISE, LARGE_NOISE = 1.2e-3, 2.5e-3
"""Std of the noise on a cell, relative to the units: more steps below, fewer steps above."""


def automatic_steps(sigma: float, units: float) -> int:
    """Returns the number of steps.

    Args:
        sigma: Std of the noise on each cell of the joint tables, in units; 0: there are none.
        units: Noisy number of units.
    """
    if sigma <= 0:
        return USUAL_STEPS
    units = max(units, 1.0)
    noise, least_noise = sigma / units, sigma / min(units, ENOUGH_UNITS)
    steps = USUAL_STEPS * max(1.0, SMALL_NOISE / least_noise)
    if noise > LARGE_NOISE:
        steps = USUAL_STEPS * (LARGE_NOISE / noise) ** 0.5
    return round(min(max(steps, LEAST_STEPS), MOST_STEPS) / 50) * 50
