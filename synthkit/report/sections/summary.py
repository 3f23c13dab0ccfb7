"""First screen: what, for whom, verdict, why, until when, warnings."""

from __future__ import annotations

from typing import Any

from synthkit.artifacts import Decision, Evidence
from synthkit.report.key_numbers import key_numbers
from synthkit.report.numbers import date
from synthkit.report.sections.attacks import beyond_ceiling
from synthkit.report.sections.verdict import in_order
from synthkit.report.wording import (
    INTERNAL_EDITION,
    OUTCOME_WORDS,
    VERDICT_REASONS,
    VERDICT_WORDS,
    plural,
    recipient,
)

_RULES_SHOWN = 4


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns what the first screen shows."""
    deciding = [r for r in in_order(decision.rules) if r.outcome != "pass"]
    return {
        "name": evidence.name or "Unnamed release",
        "size": _size(evidence),
        "release_id": evidence.release_id or "no release id",
        "created": date(evidence.created) or "date not stated",
        "verdict": decision.verdict,
        "verdict_word": VERDICT_WORDS[decision.verdict],
        "verdict_reason": VERDICT_REASONS[decision.verdict],
        "facts": (
            ("For", recipient(evidence, decision)),
            ("Purpose", evidence.purpose or "not stated"),
            ("Policy", f"{decision.policy} {decision.policy_version}".strip() or "not stated"),
            (
                "Verdict holds until",
                date(decision.valid_until) or "no end date: the evidence carries no date",
            ),
        ),
        "deciding": [
            (r.outcome, OUTCOME_WORDS[r.outcome], r.question, r.reason)
            for r in deciding[:_RULES_SHOWN]
        ],
        "deciding_more": plural(len(deciding) - _RULES_SHOWN, "further rule")
        if len(deciding) > _RULES_SHOWN
        else "",
        "numbers": key_numbers(evidence),
        "warnings": (*beyond_ceiling(evidence), *evidence.warnings),
        "internal": INTERNAL_EDITION,
    }


def _size(evidence: Evidence) -> str:
    """Returns rows and, where the dictionary is known, columns of the synthetic table."""
    rows = plural(evidence.rows_synthetic, "row")
    omitted = {o.column for o in evidence.omissions}
    columns = sum(row.get("column") not in omitted for row in evidence.dictionary)
    return f"{rows}, {plural(columns, 'column')}" if columns else f"{rows}, columns not listed"
