"""An attacker who knows a person's data cannot tell whether that person was in the training data.

The measure is the AUC of the attack: 0.5 is guessing. The end of its interval that lies farther
from 0.5 is compared: an AUC clearly below 0.5 is an attack that works with its answer reversed.
Attacks give a lower bound on the risk (Yao et al. 2025, arXiv 2505.01524, on weak attacks).
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, NotMeasured, enough, interval, shown
from synthkit.gate.parameters import Number

AXIS = "privacy"
PARAMETERS = {
    "limit": Number(low=0.5, high=1.0),
    "min_n": Number(low=1, high=10_000_000, is_integer=True),
}
NAME = "attacks.membership_inference"


def check(evidence: Evidence, *, limit: float, min_n: int) -> Finding:
    """Compares the upper bound of the attack's AUC with the limit.

    Raises:
        NotMeasured: If value, interval or n is missing, n is below `min_n`, or the interval lies
            outside 0 .. 1.
    """
    n = enough(evidence, NAME, min_n)
    low, high = interval(evidence, NAME)
    if low < 0 or high > 1:
        raise NotMeasured(f"The interval of {NAME} lies outside 0 to 1.")
    worst = max(high, 1 - low)
    passes = worst <= limit
    compared = "within" if passes else "above"
    return Finding(
        outcome="pass" if passes else "fail",
        value=worst,
        limit=limit,
        reason=f"The attack tells members from others with an AUC of at most "
        f"{shown(worst, limit)} (upper bound, n = {n}; 0.5 is guessing), {compared} the limit of "
        f"{shown(limit)}.",
    )
