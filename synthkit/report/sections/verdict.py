"""Section 1: every rule of the policy with its value, limit and outcome; failures first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthkit.artifacts import Decision, Evidence, RuleResult
from synthkit.report.numbers import NOT_MEASURED, number, setting
from synthkit.report.tables import Table, headers
from synthkit.report.wording import OUTCOME_ORDER, OUTCOME_WORDS, VERDICT_REASONS, plural


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns the rule table and what it rests on."""
    del evidence  # the verdict is the decision's alone
    rules = in_order(decision.rules)
    tally = {o: sum(r.outcome == o for r in rules) for o in OUTCOME_ORDER}
    return {
        "sentence": VERDICT_REASONS[decision.verdict],
        "tally": f"{plural(len(rules), 'rule')}: {tally['pass']} passed, {tally['fail']} failed, "
        f"{tally['inconclusive']} inconclusive.",
        "table": Table(
            caption="Rules of the policy, failures first",
            headers=headers("Rule", "Requirement", "#Value", "#Limit", "!Outcome", "Reason"),
            rows=tuple(_row(r) for r in rules),
        )
        if rules
        else None,
        "facts": (
            ("Policy", decision.policy or "not stated"),
            ("Policy version", decision.policy_version or "not stated"),
            ("Policy SHA-256", decision.policy_sha256 or "not stated"),
            ("Evidence SHA-256", decision.evidence_sha256 or "not stated"),
        ),
    }


def in_order(rules: Sequence[RuleResult]) -> list[RuleResult]:
    """Returns rules by outcome, failures first, otherwise as the policy lists them."""
    return sorted(rules, key=lambda r: OUTCOME_ORDER[r.outcome])


def _value(rule: RuleResult) -> str:
    """Returns the number that the rule looked at; some rules look at none."""
    if rule.value is not None:
        is_whole = float(rule.value).is_integer()
        return setting(rule.value) if is_whole else number(rule.value)
    return NOT_MEASURED if rule.outcome == "inconclusive" else "no number"


def _row(rule: RuleResult) -> tuple[str, ...]:
    """Returns one line of the rule table."""
    return (
        f"{rule.axis}: {rule.rule.replace('_', ' ')}",
        rule.question,
        _value(rule),
        "none" if rule.limit is None else setting(rule.limit),
        OUTCOME_WORDS[rule.outcome],
        rule.reason,
    )
