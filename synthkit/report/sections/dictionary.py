"""Section 7: the columns, who says what they may hold, and what was left out."""

from __future__ import annotations

from typing import Any

from synthkit.artifacts import Decision, Evidence
from synthkit.report.tables import Table, headers
from synthkit.report.wording import shorten

_DOMAIN_LENGTH = 160
_SOURCES = {
    "public": "public knowledge",
    "data": "the data",
    "noisy": "noisy counts, inside the budget",
}


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns the dictionary and the omitted columns."""
    del decision
    return {
        "table": Table(
            caption="Columns of the schema",
            headers=headers("Column", "Kind", "Role", "Domain", "Who says so", "Treatment"),
            rows=tuple(
                (
                    row.get("column") or "unnamed",
                    row.get("kind") or "not stated",
                    (row.get("role") or "not stated").replace("_", " "),
                    shorten(row.get("domain") or "not stated", _DOMAIN_LENGTH),
                    _source(row.get("domain_source", "")),
                    row.get("treatment") or "not stated",
                )
                for row in evidence.dictionary
            ),
        )
        if evidence.dictionary
        else None,
        "omissions": Table(
            caption="Columns that the synthetic table does not have",
            headers=headers("Column", "Reason"),
            rows=tuple((o.column, o.reason or "not stated") for o in evidence.omissions),
        )
        if evidence.omissions
        else None,
    }


def _source(said: str) -> str:
    """Returns who says what a column may hold."""
    return _SOURCES.get(said, said) or "not stated"
