"""An audit of this way of making the release found no more than the release claims.

A privacy proof is about a mechanism; an audit attacks the program (T. Steinke, M. Nasr,
M. Jagielski, NeurIPS 2023). A lower bound on epsilon above the claim, or a failed check, refuses
under every policy. An audit that is absent, of another way of making a release, or too weak to
have found much shows nothing: where the policy requires one the rule is then inconclusive, and
elsewhere it passes and says so, since a weak audit must not count for less than none.
"""

from __future__ import annotations

import math

from synthkit.artifacts import Audit, Evidence, Outcome
from synthkit.gate.finding import (
    MIN_CONFIDENCE,
    Finding,
    NotMeasured,
    finite,
    percent,
    shown,
    statement,
)
from synthkit.gate.parameters import Flag, Number

AXIS = "privacy"
PARAMETERS = {"required": Flag(), "min_power": Number(low=0.0, high=1.0)}
_NAMES = {"one_run": "assumption-free", "gaussian_fit": "Gaussian-fit"}
_REMEDY = "`synthkit audit PLAN` makes one"


def check(evidence: Evidence, *, required: bool, min_power: float) -> Finding:
    """Compares an audit's lower bounds with the claim of the release.

    The audit's own verdict is believed only where it refuses: bounds and checks are read again.

    Args:
        evidence: Needs the privacy statement where there is an audit of this release's digest.
        required: Whether the policy asks for an audit.
        min_power: Share of the claim that the Gaussian-fit bound must reach to count.

    Raises:
        NotMeasured: If the claim or a bound is missing, not finite, or at another delta.
    """
    audit = evidence.audit
    if audit is None:
        return _nothing_shown(f"No audit was made of this release ({_REMEDY}).", required)
    if not audit.plan_sha256 or audit.plan_sha256 != evidence.audit_plan_sha256:
        return _nothing_shown(
            "The audit in the evidence is of another way of making a release, so it says nothing "
            f"of this one ({_REMEDY}).",
            required,
        )
    claim, worst, weak = _claim(evidence, audit), _highest(audit, evidence), _fit(audit)
    failed = [c.name for c in audit.checks if c.outcome == "fail"]
    if worst > claim or failed or audit.verdict == "refused":
        return _finding("fail", worst, claim, _accusation(worst, claim, failed))
    open_ = [c.name for c in audit.checks if c.outcome != "pass"]
    if open_:
        return _nothing_shown(f"A check of the audit is open: {', '.join(open_)}.", required)
    if weak is None or weak < min_power * claim:
        found = "none" if weak is None else shown(weak, min_power * claim)
        return _nothing_shown(
            f"The audit was too weak to find much: its Gaussian-fit bound is {found}, and "
            f"{shown(min_power * claim)} ({percent(min_power)} of the claim) is needed. This is "
            "not a sign of safety.",
            required,
        )
    bounds = " and ".join(f"{shown(b.epsilon)} ({_NAMES[b.name]})" for b in audit.bounds)
    return _finding(
        "pass",
        worst,
        claim,
        f"An audit with {audit.canaries:,} canaries shows epsilon {bounds} at least, within the "
        f"claim of {shown(claim)}; {len(audit.checks)} further checks passed.",
    )


def _claim(evidence: Evidence, audit: Audit) -> float:
    """Returns what the bounds must not pass: the smaller claim, of release and audit."""
    release = finite(statement(evidence).epsilon, "Epsilon")
    audited = finite(audit.claim_epsilon, "The epsilon that was audited")
    if min(release, audited) <= 0:
        raise NotMeasured("The stated epsilon is none, so an audit has nothing to attack.")
    return min(release, audited)


def _highest(audit: Audit, evidence: Evidence) -> float:
    """Returns the highest bound, each checked to be one on the claim."""
    delta = finite(statement(evidence).delta, "Delta")
    if not audit.bounds:
        raise NotMeasured("The audit states no bound.")
    for bound in audit.bounds:
        finite(bound.epsilon, f"The {_NAMES[bound.name]} bound of the audit")
        if not math.isclose(bound.delta, delta, rel_tol=1e-6):
            raise NotMeasured(
                f"The audit's bounds are at delta {shown(bound.delta)}, the claim is at "
                f"{shown(delta)}."
            )
        if not MIN_CONFIDENCE <= bound.confidence < 1:
            raise NotMeasured(
                f"The audit's bounds have confidence {shown(bound.confidence)}, which is no use."
            )
    return max(b.epsilon for b in audit.bounds)


def _fit(audit: Audit) -> float | None:
    """Returns the bound that shows the audit's power."""
    return max((b.epsilon for b in audit.bounds if b.name == "gaussian_fit"), default=None)


def _accusation(worst: float, claim: float, failed: list[str]) -> str:
    if worst > claim:
        return (
            f"The audit shows that at least epsilon {shown(worst, claim)} was spent, above the "
            f"claim of {shown(claim, worst)}: the guarantee does not hold as stated."
        )
    if failed:
        return f"A check of the audit failed: {', '.join(failed)}."
    return "The audit refused this way of making a release."


def _nothing_shown(what: str, required: bool) -> Finding:
    if required:
        return _finding("inconclusive", None, None, f"{what} The policy requires an audit.")
    return _finding("pass", None, None, f"{what} The policy does not require an audit.")


def _finding(outcome: Outcome, value: float | None, limit: float | None, reason: str) -> Finding:
    return Finding(outcome=outcome, value=value, limit=limit, reason=reason)
