"""The guarantee protects whole people where the table knows who is who.

A row-level epsilon of 1 is about 13.5 for a person with ten rows: on a table with a person id a
row-level claim protects nobody in particular, whatever the policy allows.
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, NotMeasured, statement
from synthkit.gate.parameters import Choice

AXIS = "privacy"
PARAMETERS = {"allowed": Choice(options=("person", "row"))}


def check(evidence: Evidence, *, allowed: tuple[str, ...]) -> Finding:
    """Compares the unit of the statement with the allowed ones and with the dictionary.

    Raises:
        NotMeasured: If there is no statement, a person-level claim names no person id, or a
            row-level claim comes without the dictionary that would show whether there is one.
    """
    claim = statement(evidence)
    if claim.unit == "person" and not claim.unit_column:
        raise NotMeasured("The guarantee is per person, but names no column that says who is who.")
    if claim.unit == "row" and not evidence.dictionary:
        raise NotMeasured(
            "The guarantee is per row, and without a data dictionary it cannot be seen whether "
            "rows share a person."
        )
    has_person_id = any(row.get("kind") == "person_id" for row in evidence.dictionary)
    if claim.unit == "row" and has_person_id:
        return _finding(False, "The guarantee is per row, but the table has a person id.")
    if claim.unit not in allowed:
        wanted = " or ".join(allowed)
        return _finding(False, f"The guarantee is per {claim.unit}; the policy wants {wanted}.")
    return _finding(True, f"The guarantee is per {claim.unit}, as the policy allows.")


def _finding(passes: bool, reason: str) -> Finding:
    return Finding(outcome="pass" if passes else "fail", value=None, limit=None, reason=reason)
