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
    plural,
    recipient,
    shorten,
    verdict_word,
)

_RULES_SHOWN = 4
_WARNINGS_SHOWN = 6
# The first screen stays one screen: what is longer is cut here and stands in full further down.
_NAME_LENGTH, _LINE_LENGTH, _SENTENCE_LENGTH = 110, 160, 260


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns what the first screen shows."""
    every = (*beyond_ceiling(evidence), *evidence.warnings)
    deciding = [r for r in in_order(decision.rules) if r.outcome != "pass"]
    return {
        "name": shorten(evidence.name, _NAME_LENGTH) or "Unnamed release",
        "size": _size(evidence),
        "release_id": shorten(evidence.release_id, _NAME_LENGTH),
        "created": date(evidence.created) or "date not stated",
        "verdict": decision.verdict,
        "verdict_word": verdict_word(decision),
        "verdict_reason": VERDICT_REASONS[decision.verdict],
        "facts": (
            ("For", shorten(recipient(evidence, decision), _LINE_LENGTH)),
            ("Purpose", shorten(evidence.purpose, _LINE_LENGTH) or "not stated"),
            ("Policy", f"{decision.policy} {decision.policy_version}".strip() or "not stated"),
            (
                "Verdict holds until",
                date(decision.valid_until) or "no end date: the evidence carries no date",
            ),
        ),
        "deciding": [
            (
                r.outcome,
                OUTCOME_WORDS[r.outcome],
                shorten(r.question, _LINE_LENGTH),
                shorten(r.reason, _SENTENCE_LENGTH),
            )
            for r in deciding[:_RULES_SHOWN]
        ],
        "deciding_more": plural(len(deciding) - _RULES_SHOWN, "further rule")
        if len(deciding) > _RULES_SHOWN
        else "",
        "numbers": key_numbers(evidence),
        "warnings": [shorten(w, _SENTENCE_LENGTH) for w in every[:_WARNINGS_SHOWN]],
        "warnings_more": plural(len(every) - _WARNINGS_SHOWN, "further warning")
        if len(every) > _WARNINGS_SHOWN
        else "",
        "warnings_in_full": every,
        "internal": INTERNAL_EDITION,
    }


def _size(evidence: Evidence) -> str:
    """Returns rows and, where the dictionary is known, columns of the synthetic table."""
    rows = plural(evidence.rows_synthetic, "row")
    omitted = {o.column for o in evidence.omissions}
    columns = sum(row.get("column") not in omitted for row in evidence.dictionary)
    return f"{rows}, {plural(columns, 'column')}" if columns else f"{rows}, columns not listed"
