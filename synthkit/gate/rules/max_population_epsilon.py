"""All releases about these people together stay within the lifetime limit of epsilon.

Privacy loss adds up over releases; the ledger composes them. A total that is smaller than this
release's own epsilon, at the delta of the total, means that the ledger was bypassed, so nothing is
decided on it.
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, NotMeasured, finite, shown, statement
from synthkit.gate.parameters import Number

AXIS = "privacy"
PARAMETERS = {"limit": Number(low=0.0, high=100.0)}

ROUNDING = 0.01
"""The ledger's total may fall short of the release's epsilon by this share (PLD grids differ)."""


def check(evidence: Evidence, *, limit: float) -> Finding:
    """Compares the ledger's total with the limit.

    Raises:
        NotMeasured: If the total or this release's epsilon is not stated, or they contradict.
    """
    claim = statement(evidence)
    total = finite(claim.population_epsilon, "The population's total epsilon")
    own = finite(claim.epsilon, "Epsilon")
    if claim.population_releases is not None and claim.population_releases < 1:
        raise NotMeasured("The ledger lists no release of this population, not even this one.")
    if claim.epsilon_at_population_delta is not None:
        own = finite(claim.epsilon_at_population_delta, "Epsilon at the ledger's delta")
    if total < own * (1 - ROUNDING) or total < 0:
        raise NotMeasured(
            f"The ledger's total of {shown(total)} is below this release's epsilon of "
            f"{shown(own, total)}, so this release is not in it."
        )
    passes = total <= limit
    compared = "within" if passes else "above"
    return Finding(
        outcome="pass" if passes else "fail",
        value=total,
        limit=limit,
        reason=f"All releases of the population together spend epsilon {shown(total, limit)}, "
        f"{compared} the limit of {shown(limit)}.",
    )
