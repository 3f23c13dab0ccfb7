"""No attack does better than the privacy guarantee says is possible.

Under (epsilon, delta) differential privacy every membership test with false positive rate a has a
true positive rate of at most min(e^epsilon a + delta, 1 - e^-epsilon (1 - delta - a)) (Wasserman
and Zhou 2010; Kairouz, Oh and Viswanath 2015). A test that provably does better shows that the
guarantee does not hold: a fault in the implementation, whatever the limits of a policy.
"""

from __future__ import annotations

import math

from synthkit.artifacts import Evidence
from synthkit.gate.finding import (
    Finding,
    NotMeasured,
    enough,
    finite,
    interval,
    percent,
    shown,
    statement,
)
from synthkit.gate.parameters import Number

AXIS = "privacy"
PARAMETERS = {"min_n": Number(low=1, high=10_000_000, is_integer=True)}
NAME = "attacks.membership_inference_tpr"
FALSE_POSITIVE_RATE = 0.01


def ceiling(epsilon: float, delta: float, *, false_positive_rate: float) -> float:
    """Returns the highest true positive rate that (epsilon, delta) allows at that rate."""
    bounded = min(epsilon, 700.0)  # e^700 is near the largest float; the bound is 1 long before
    direct = math.exp(bounded) * false_positive_rate + delta
    reversed_ = 1 - math.exp(-bounded) * (1 - delta - false_positive_rate)
    return max(0.0, min(1.0, direct, reversed_))


def check(evidence: Evidence, *, min_n: int) -> Finding:
    """Compares the lower bound of the attack's success with what the guarantee allows.

    Raises:
        NotMeasured: If epsilon, delta, the attack's interval or n is missing or impossible.
    """
    claim = statement(evidence)
    epsilon, delta = finite(claim.epsilon, "Epsilon"), finite(claim.delta, "Delta")
    if epsilon < 0 or not 0 <= delta <= 1:
        raise NotMeasured("The stated epsilon or delta is none.")
    n = enough(evidence, NAME, min_n)
    low, high = interval(evidence, NAME)
    if low < 0 or high > 1:
        raise NotMeasured(f"The interval of {NAME} lies outside 0 to 1.")
    limit = ceiling(epsilon, delta, false_positive_rate=FALSE_POSITIVE_RATE)
    passes = low <= limit
    consequence = "" if passes else ": the guarantee does not hold as stated"
    return Finding(
        outcome="pass" if passes else "fail",
        value=low,
        limit=limit,
        reason=f"At 1% false alarms the attack finds at least {percent(low, limit)} of the "
        f"members (lower bound, n = {n}); epsilon {shown(epsilon)} allows up to "
        f"{percent(limit)}{consequence}.",
    )
