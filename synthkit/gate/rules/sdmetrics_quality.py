"""The SDMetrics quality score comes close to that of real data.

The score depends on the number of rows, so an absolute limit means nothing: it is compared with the
score of a real holdout of equal size. It is a familiar number, not a proof of anything.
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, amount, beside_holdout, reference
from synthkit.gate.parameters import Number

AXIS = "fidelity"
PARAMETERS = {"limit": Number(low=0.0, high=1.0)}
NAME = "fidelity.sdmetrics_quality"


def check(evidence: Evidence, *, limit: float) -> Finding:
    """Compares the shortfall of the score with the limit.

    Raises:
        NotMeasured: If the value or its holdout reference is missing or outside 0 .. 1.
    """
    value = amount(evidence, NAME, low=0.0, high=1.0)
    real = reference(evidence, NAME, low=0.0, high=1.0)
    return beside_holdout("The SDMetrics quality score is", value, real, real - value, limit)
