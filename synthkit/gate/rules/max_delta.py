"""The probability that the privacy guarantee fails (delta) is within the limit.

Delta should be far below one over the number of people, else publishing one random record in full
would satisfy the definition (Dwork and Roth 2014, section 2.3).
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, NotMeasured, finite, shown, statement
from synthkit.gate.parameters import Number

AXIS = "privacy"
PARAMETERS = {"limit": Number(low=0.0, high=0.001)}


def check(evidence: Evidence, *, limit: float) -> Finding:
    """Compares the statement's delta with the limit.

    Raises:
        NotMeasured: If delta is not stated, not finite or no probability.
    """
    delta = finite(statement(evidence).delta, "Delta")
    if not 0 <= delta <= 1:
        raise NotMeasured("The stated delta is no probability.")
    passes = delta <= limit
    compared = "within" if passes else "above"
    return Finding(
        outcome="pass" if passes else "fail",
        value=delta,
        limit=limit,
        reason=f"Delta is {shown(delta, limit)}, {compared} the limit of {shown(limit)}.",
    )
