"""Section 6: Great Expectations results on the synthetic table, and the rules that rows obey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthkit.artifacts import Decision, Evidence, ExpectationResult
from synthkit.report.numbers import NOT_MEASURED, count, percent
from synthkit.report.tables import Table, headers
from synthkit.report.wording import OUTCOME_ORDER, OUTCOME_WORDS, plural

_LISTED = 200
_TABLE = "the whole table"


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns open checks one by one, and passed ones grouped by column."""
    del decision
    validity = evidence.validity
    if validity is None:
        return {"is_present": False, "rules": _rules(evidence)}
    results = sorted(validity.results, key=lambda r: OUTCOME_ORDER[r.outcome])
    unmet = [r for r in results if r.outcome != "pass"]
    passed = [r for r in results if r.outcome == "pass"]
    tally = {o: sum(r.outcome == o for r in results) for o in OUTCOME_ORDER}
    return {
        "is_present": True,
        "tally": (
            ("pass", "Passed", count(tally["pass"])),
            ("fail", "Failed", count(tally["fail"])),
            ("inconclusive", "Inconclusive", count(tally["inconclusive"])),
        ),
        "sentence": f"{plural(len(results), 'check')} written from the schema, run on "
        f"{plural(validity.rows, 'synthetic row')} by {validity.library or 'an unnamed library'}.",
        "unmet": _unmet(unmet[:_LISTED]),
        "unmet_more": f"{plural(len(unmet) - _LISTED, 'further check')}: see the JSON twin."
        if len(unmet) > _LISTED
        else "",
        "rules": _rules(evidence),
        "passed": _by_column([r for r in passed if not _is_rule(r)]),
        "passed_title": f"{plural(len(passed), 'check')} passed, by column",
    }


def _unmet(results: Sequence[ExpectationResult]) -> Table | None:
    """Lists failed and inconclusive checks."""
    if not results:
        return None
    return Table(
        caption="Checks that did not pass",
        headers=headers("Check", "Column", "Expectation", "!Outcome", "#Breaking it", "Note"),
        rows=tuple(
            (
                r.rule,
                r.column or _TABLE,
                _in_words(r.expectation),
                OUTCOME_WORDS[r.outcome],
                "not counted" if r.unexpected_share is None else percent(r.unexpected_share),
                r.note,
            )
            for r in results
        ),
    )


def _is_rule(result: ExpectationResult) -> bool:
    """Whether a check is one of the schema's rules, which have a table of their own."""
    return result.column is None and result.rule.startswith("rule")


def _rules(evidence: Evidence) -> Table | None:
    """Lists the rules that the schema declares, whether they hold, and how well the model knew."""
    if not evidence.rules:
        return None
    checked = evidence.validity.results if evidence.validity else ()
    rows = []
    for record in evidence.rules:
        own = [r for r in checked if r.rule.startswith(f"{record.rule}.")]
        worst = min((r.outcome for r in own), key=OUTCOME_ORDER.__getitem__, default=None)
        shares = [r.unexpected_share for r in own if r.unexpected_share is not None]
        rows.append(
            (
                record.words,
                OUTCOME_WORDS[worst or "inconclusive"],
                percent(sum(shares)) if shares else "not counted",
                NOT_MEASURED if record.broken_as_drawn is None else percent(record.broken_as_drawn),
            )
        )
    return Table(
        caption="Rules that the schema declares of every row",
        headers=headers("Rule", "!Outcome", "#Rows breaking it", "#Broken before redrawing"),
        rows=tuple(rows),
    )


def _by_column(results: Sequence[ExpectationResult]) -> Table | None:
    """Groups passed checks by column, in the order in which columns first appear."""
    if not results:
        return None
    groups: dict[str, list[str]] = {}
    for result in results:
        groups.setdefault(result.column or _TABLE, []).append(_in_words(result.expectation))
    return Table(
        caption="Passed checks by column",
        headers=headers("Column", "#Checks", "What was checked"),
        rows=tuple((c, count(len(e)), "; ".join(e)) for c, e in groups.items()),
        is_compact=True,
    )


def _in_words(expectation: str) -> str:
    """Turns `expect_column_values_to_be_between` into `values to be between`."""
    words = expectation.removeprefix("expect_")
    for prefix in ("table_", "column_"):
        words = words.removeprefix(prefix)
    return words.replace("_", " ")
