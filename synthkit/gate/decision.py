"""The decision: every rule of a policy applied to one evidence; the worst rule is the verdict.

Takes `Evidence` and `Policy`, gives a `Decision`, and nothing else: no clock, no file, no
randomness, so the same evidence and policy give the same bytes. Missing is not passing: a number
that is absent, NaN or infinite, a rule that raises, a policy without rules never pass.
"""

from __future__ import annotations

import datetime
import math
from typing import Any

from synthkit import canonical
from synthkit.artifacts import Decision, Evidence, Outcome, RuleResult, Verdict
from synthkit.gate import parameters
from synthkit.gate.finding import Finding, NotMeasured
from synthkit.gate.policy import Policy, PolicyRule, rule_module

EXIT_CODES: dict[Verdict, int] = {"pass": 0, "refused": 1, "inconclusive": 2}


def decide(evidence: Evidence, policy: Policy) -> Decision:
    """Applies a policy to an evidence.

    Any failing rule refuses; else any inconclusive rule leaves it open; else it passes. A policy
    without rules refuses. An evidence that has no digest (a NaN in it) cannot be bound to a
    verdict, so it never passes.
    """
    results = [_apply(rule, evidence) for rule in policy.rules]
    if not policy.rules:
        results.append(_own("policy_has_rules", "fail", "The policy states no rule."))
    digest = _digest(evidence)
    if not digest:
        results.append(
            _own(
                "evidence_can_be_hashed",
                "inconclusive",
                "The evidence holds something that has no JSON form (a number that is not "
                "finite), so no verdict can be bound to it.",
            )
        )
    return Decision(
        verdict=_worst([r.outcome for r in results]),
        policy=policy.id,
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        recipient_class=policy.recipient_class,
        evidence_sha256=digest,
        rules=tuple(results),
        valid_until=_valid_until(evidence, policy),
    )


def exit_code(decision: Decision) -> int:
    """Returns the command line's exit code: pass 0, refused 1, inconclusive 2."""
    return EXIT_CODES[decision.verdict]


def _worst(outcomes: list[Outcome]) -> Verdict:
    if "fail" in outcomes:
        return "refused"
    return "pass" if outcomes and set(outcomes) == {"pass"} else "inconclusive"


def _apply(rule: PolicyRule, evidence: Evidence) -> RuleResult:
    """Runs one rule; whatever goes wrong in it leaves the rule inconclusive."""
    try:
        module = rule_module(rule.name)
        axis, question = module.AXIS, _question(module)
    except Exception as problem:
        return _own(rule.name, "inconclusive", f"The rule cannot be used ({_kind(problem)}).")
    try:
        finding = module.check(evidence, **parameters.read(module.PARAMETERS, rule.parameters))
        finding = _sound(finding)
    except NotMeasured as problem:
        finding = _open(str(problem), rule)
    except Exception as problem:
        # Only the kind of the exception: its message could quote the evidence.
        finding = _open(f"The rule could not be evaluated ({_kind(problem)}).", rule)
    return RuleResult(
        rule=rule.name,
        axis=axis,
        question=question,
        outcome=finding.outcome,
        value=finding.value,
        limit=finding.limit,
        reason=finding.reason,
    )


def _sound(finding: Any) -> Finding:
    """Lets no rule pass on a number that is not one, nor with an outcome that is none."""
    if not isinstance(finding, Finding) or finding.outcome not in ("pass", "fail", "inconclusive"):
        raise TypeError("a rule returns a Finding")
    value, limit = _or_none(finding.value), _or_none(finding.limit)
    changed = (value is None and finding.value is not None) or (
        limit is None and finding.limit is not None
    )
    if changed and finding.outcome == "pass":
        raise NotMeasured("The rule's number is not finite.")
    return Finding(outcome=finding.outcome, value=value, limit=limit, reason=finding.reason)


def _or_none(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _open(reason: str, rule: PolicyRule) -> Finding:
    limit = rule.parameters.get("limit")
    is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
    return Finding(
        outcome="inconclusive",
        value=None,
        limit=float(limit) if is_number and isinstance(limit, int | float) else None,
        reason=reason,
    )


def _own(rule: str, outcome: Outcome, reason: str) -> RuleResult:
    """Writes a result of the gate itself, in the place of a rule's."""
    return RuleResult(
        rule=rule,
        axis="governance",
        question="The verdict rests on a policy and an evidence that can be used.",
        outcome=outcome,
        value=None,
        limit=None,
        reason=reason,
    )


def _question(module: Any) -> str:
    return str(module.__doc__ or "").strip().partition("\n")[0].strip()


def _kind(problem: Exception) -> str:
    return type(problem).__name__


def _digest(evidence: Evidence) -> str:
    try:
        return canonical.digest(evidence)
    except (TypeError, ValueError):
        return ""


def _valid_until(evidence: Evidence, policy: Policy) -> datetime.date | None:
    if evidence.created is None:
        return None
    return evidence.created.date() + datetime.timedelta(days=policy.valid_days)
