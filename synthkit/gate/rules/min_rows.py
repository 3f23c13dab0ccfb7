"""The synthetic table has enough rows to be judged and used.

An empty or tiny table passes many checks by having nothing in it.
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding
from synthkit.gate.parameters import Number

AXIS = "validity"
PARAMETERS = {"limit": Number(low=1, high=1_000_000_000, is_integer=True)}


def check(evidence: Evidence, *, limit: int) -> Finding:
    """Compares the number of synthetic rows with the limit."""
    rows = evidence.rows_synthetic
    passes = rows >= limit
    compared = "at least" if passes else "fewer than"
    return Finding(
        outcome="pass" if passes else "fail",
        value=float(rows),
        limit=float(limit),
        reason=f"The synthetic table has {rows} rows, {compared} the required {limit}.",
    )
