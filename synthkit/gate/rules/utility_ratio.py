"""Models trained on the synthetic table predict real outcomes nearly as well.

The measure is the score of a model trained on synthetic rows over the score of one trained on real
rows, both tested on real unseen rows and counted from chance, for the worst declared target.
"""

from __future__ import annotations

import math

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, amount, shown
from synthkit.gate.parameters import Number

AXIS = "utility"
PARAMETERS = {"limit": Number(low=0.0, high=1.0)}
NAME = "utility.ratio"


def check(evidence: Evidence, *, limit: float) -> Finding:
    """Compares the ratio of the worst target with the limit.

    Raises:
        NotMeasured: If the ratio is missing or not finite (no target declared, for example).
    """
    ratio = amount(evidence, NAME, low=-math.inf, high=math.inf)
    passes = ratio >= limit
    compared = "at least" if passes else "below"
    return Finding(
        outcome="pass" if passes else "fail",
        value=ratio,
        limit=limit,
        reason=f"Trained on synthetic rows a model keeps {shown(ratio, limit)} of the skill of one "
        f"trained on real rows (worst target), {compared} the required {shown(limit)}.",
    )
