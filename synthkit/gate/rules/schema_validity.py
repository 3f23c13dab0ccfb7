"""Every synthetic row obeys the schema: types, bounds, categories, missing values.

Great Expectations checked the synthetic table; a check that could not be evaluated, or that had no
value to look at, is not a check that passed.
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, NotMeasured
from synthkit.gate.parameters import Parameter

AXIS = "validity"
PARAMETERS: dict[str, Parameter] = {}


def check(evidence: Evidence) -> Finding:
    """Counts failed and inconclusive checks.

    Raises:
        NotMeasured: If nothing was checked, another number of rows was checked, or a check is
            inconclusive while none failed.
    """
    validity = evidence.validity
    if validity is None:
        raise NotMeasured("The synthetic table was not checked against the schema.")
    if not validity.results:
        raise NotMeasured("The list of schema checks is empty.")
    failed = sum(1 for r in validity.results if r.outcome == "fail")
    passed = sum(1 for r in validity.results if r.outcome == "pass")
    total = len(validity.results)
    if failed:
        return Finding(
            outcome="fail",
            value=float(failed),
            limit=0.0,
            reason=f"{failed} of {total} schema checks failed on the synthetic table.",
        )
    if validity.rows != evidence.rows_synthetic:
        raise NotMeasured(
            f"{validity.rows} rows were checked against the schema, but the synthetic table has "
            f"{evidence.rows_synthetic}."
        )
    if passed < total:
        raise NotMeasured(f"{total - passed} of {total} schema checks could not be evaluated.")
    return Finding(
        outcome="pass",
        value=0.0,
        limit=0.0,
        reason=f"All {total} schema checks passed on {validity.rows} rows.",
    )
