"""The privacy loss (epsilon) of this release is within the limit.

Epsilon bounds how much one person can change the odds of any release; it is a claim by theorem,
not a measurement. It holds only if nothing lies outside the budget, so a policy states this rule
together with `no_uncovered_look`. NIST SP 800-226 (2025) mandates no number.
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, NotMeasured, finite, shown, statement
from synthkit.gate.parameters import Number

AXIS = "privacy"
PARAMETERS = {"limit": Number(low=0.0, high=100.0)}
NEEDS = ("no_uncovered_look",)


def check(evidence: Evidence, *, limit: float) -> Finding:
    """Compares the statement's epsilon with the limit.

    Raises:
        NotMeasured: If epsilon is not stated, not finite or negative.
    """
    epsilon = finite(statement(evidence).epsilon, "Epsilon")
    if epsilon < 0:
        raise NotMeasured("The stated epsilon is negative.")
    passes = epsilon <= limit
    compared = "within" if passes else "above"
    return Finding(
        outcome="pass" if passes else "fail",
        value=epsilon,
        limit=limit,
        reason=f"Epsilon is {shown(epsilon, limit)}, {compared} the limit of {shown(limit)}.",
    )
