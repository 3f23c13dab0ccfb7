"""How often a test sees a planted fault: measured by repeats, with a bound.

Takes a callable that plants the fault once, with fresh draws, and says whether the test saw it.
"""

from __future__ import annotations

from collections.abc import Callable

import scipy.stats

REPEATS = 500
CONFIDENCE = 0.99


def measured_power(is_caught: Callable[[], bool], repeats: int = REPEATS) -> float:
    """Lower bound on the power, at confidence 0.99 (Clopper and Pearson 1934).

    With 500 repeats and no miss it is 0.9908; a test meant to show a power of 0.99 must therefore
    be built with a power far nearer to 1, or this fails by chance.
    """
    caught = sum(is_caught() for _ in range(repeats))
    return float(scipy.stats.beta.ppf(1 - CONFIDENCE, caught, repeats - caught + 1))
