"""Each column by itself is distributed nearly as in real data.

The measure is the total variation distance of single columns to the training data, averaged over
columns, beyond what a real holdout of equal size shows: sampling alone makes tables differ.
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, amount, beside_holdout, reference
from synthkit.gate.parameters import Number

AXIS = "fidelity"
PARAMETERS = {"limit": Number(low=0.0, high=1.0)}
NAME = "fidelity.tvd1"


def check(evidence: Evidence, *, limit: float) -> Finding:
    """Compares the excess distance with the limit.

    Raises:
        NotMeasured: If the value or its holdout reference is missing or outside 0 .. 1.
    """
    value = amount(evidence, NAME, low=0.0, high=1.0)
    real = reference(evidence, NAME, low=0.0, high=1.0)
    return beside_holdout(
        "Single columns differ from the training data by", value, real, value - real, limit
    )
