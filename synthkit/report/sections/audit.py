"""The empirical audit: lower bounds beside the claim, what they can show, and the checks.

Of one audit, `content` is the same in a release's report and on the audit's own page.
"""

from __future__ import annotations

import math
from typing import Any

from synthkit.artifacts import Audit, AuditBound, Decision, Evidence, Verdict
from synthkit.report.figures.bounds import Lane, bounds
from synthkit.report.numbers import count, date, number, percent, setting
from synthkit.report.tables import Figure, Table, headers
from synthkit.report.wording import OUTCOME_ORDER, OUTCOME_WORDS, UNITS

_WEAK = 0.3
_NAMES = {"one_run": "Assumption-free bound", "gaussian_fit": "Gaussian-fit bound"}
_GROUNDS = {
    "one_run": "Nothing but the coins (Steinke, Nasr and Jagielski 2023)",
    "gaussian_fit": "Scores of canaries are normal, of one variance (Gaussian DP)",
}
_LAYERS = {"replay": "record and replay", "step": "one step", "release": "release"}
WORDS: dict[Verdict, str] = {
    "pass": "Nothing found by an audit that would have seen a gross fault",
    "refused": "The claim does not hold as stated",
    "inconclusive": "Too weak to tell: no sign of safety",
}
"""An audit's verdict in words."""
ABSENT = (
    "No audit was made of this way of making a release: the guarantee rests on its proof and on "
    "the tests of the program. `synthkit audit PLAN` makes one."
)
OTHER = (
    "The audit in the evidence is of another way of making a release than this one. "
    "It says nothing of this release and is printed for information only."
)


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns the audit that the evidence carries, or the sentence that there is none."""
    del decision
    found = evidence.audit
    if found is None:
        return {"absent": ABSENT}
    is_own = bool(found.plan_sha256) and found.plan_sha256 == evidence.audit_plan_sha256
    return {**content(found), "other": "" if is_own else OTHER}


def content(found: Audit) -> dict[str, Any]:
    """Returns figure, tables and sentences of one audit."""
    lanes = [
        Lane(
            name=_NAMES[b.name].removesuffix(" bound"),
            epsilon=b.epsilon,
            weak=_WEAK * found.claim_epsilon if b.name == "gaussian_fit" else 0.0,
        )
        for b in found.bounds
        if math.isfinite(b.epsilon)
    ]
    has_claim = math.isfinite(found.claim_epsilon) and found.claim_epsilon > 0
    return {
        "absent": "",
        "other": "",
        "kind": {"pass": "guarantee", "refused": "refuted"}.get(found.verdict, "none"),
        "word": WORDS[found.verdict],
        "reasons": found.reasons,
        "lead": _lead(found),
        "figure": Figure(
            svg=bounds("audit-bounds", lanes, claim=found.claim_epsilon),
            caption="Point: lower bound on the epsilon that was really spent. Red line: the "
            "claim, which no bound may pass. A Gaussian-fit bound inside its shaded part "
            f"(under {setting(_WEAK)} of the claim) comes from an attack too weak to count.",
        )
        if lanes and has_claim
        else None,
        "bounds": _bounds(found),
        "checks": _checks(found),
        "facts": _facts(found),
        "reading": _reading(found),
    }


def opening(found: Audit) -> dict[str, Any]:
    """Returns the first lines of the audit's own page."""
    return {
        "name": found.name,
        "verdict": found.verdict,
        "word": WORDS[found.verdict],
        "made": date(found.created) or "no date",
        "generator": found.generator,
        "internal": "Internal: an audit looks at real rows under a budget of its own, which the "
        "ledger was charged. It releases no model and no table.",
    }


def _lead(found: Audit) -> str:
    return (
        f"{count(found.canaries)} made-up {'people' if found.unit == 'person' else 'rows'} "
        f"(canaries), each put into a copy of the table by a fair coin of its own, "
        f"{count(found.canaries_inside)} of them inside; then the whole fit, and an attack that "
        "reads its noisy results to guess the coins."
    )


def _reading(found: Audit) -> str:
    """Says what the bounds can and cannot show."""
    text = (
        "A lower bound can accuse and never acquit: below the claim it shows only that this attack "
        "found no more. The ceiling is what a bound could have shown with every guess right."
    )
    least = min((b.confidence for b in found.bounds), default=None)
    if least is None or not 0 < least < 1:
        return text
    return text + (
        f" At confidence {percent(least)}, a bound lies above the truth by chance in at most "
        f"{percent(1 - least)} of audits."
    )


def _bounds(found: Audit) -> Table:
    """Lists the bounds; the claim stands last, for comparison."""
    rows = [_bound(b) for b in found.bounds]
    mu = "" if found.claim_mu is None else number(found.claim_mu)
    rows.append(("Claim", number(found.claim_epsilon), mu, "", "", "The accountant's proof"))
    return Table(
        caption=f"Lower bounds on epsilon at delta {number(found.claim_delta)}",
        headers=headers("Bound", "#Epsilon", "#Mu", "#Confidence", "#Ceiling", "Rests on"),
        rows=tuple(rows),
    )


def _bound(bound: AuditBound) -> tuple[str, ...]:
    return (
        _NAMES[bound.name],
        number(bound.epsilon),
        "" if bound.mu is None else number(bound.mu),
        percent(bound.confidence),
        "" if bound.ceiling is None else number(bound.ceiling),
        _GROUNDS[bound.name],
    )


def _checks(found: Audit) -> Table | None:
    """Lists the further checks, failures first."""
    if not found.checks:
        return None
    ordered = sorted(found.checks, key=lambda c: OUTCOME_ORDER[c.outcome])
    return Table(
        caption="Further checks, failures first",
        headers=headers("Check", "Layer", "!Outcome", "What was seen"),
        rows=tuple((c.name, _LAYERS[c.layer], OUTCOME_WORDS[c.outcome], c.reason) for c in ordered),
    )


def _facts(found: Audit) -> tuple[tuple[str, str], ...]:
    options = ", ".join(f"{k} = {v}" for k, v in sorted(found.options.items()))
    return (
        ("Audited", found.name or "not stated"),
        ("Generator", found.generator or "not stated"),
        ("Options", options or "the defaults"),
        ("Privacy unit", UNITS[found.unit]),
        ("Rows of the audited copy", count(found.rows)),
        ("Results that the attack read", ", ".join(found.scored) or "none"),
        ("Charged to", found.population or "not stated"),
        ("Made", date(found.created) or "not stated"),
        ("Digest of how it was made", found.plan_sha256 or "not stated"),
        ("Versions", ", ".join(f"{k} {v}" for k, v in sorted(found.versions.items())) or "none"),
    )
