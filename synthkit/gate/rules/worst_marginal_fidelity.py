"""No single column is badly off.

An average over many columns hides one that is ruined (all null, or in other units); this rule
looks at the worst column, beyond what the worst column of a real holdout of equal size shows.
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, amount, beside_holdout, reference
from synthkit.gate.parameters import Number

AXIS = "fidelity"
PARAMETERS = {"limit": Number(low=0.0, high=1.0)}
NAME = "fidelity.tvd1_worst"


def check(evidence: Evidence, *, limit: float) -> Finding:
    """Compares the excess distance of the worst column with the limit.

    Raises:
        NotMeasured: If the value or its holdout reference is missing or outside 0 .. 1.
    """
    value = amount(evidence, NAME, low=0.0, high=1.0)
    real = reference(evidence, NAME, low=0.0, high=1.0)
    return beside_holdout(
        "The worst column differs from the training data by", value, real, value - real, limit
    )
