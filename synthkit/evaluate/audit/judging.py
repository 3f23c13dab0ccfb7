"""The verdict of an audit: its bounds and checks beside the claim, one sentence for each reason.

An audit can only accuse. A lower bound above the claim shows, at its confidence, that the claim is
false; one below shows no more than that this attack did not find out. How much it could have found
out decides between `pass` and `inconclusive`: under `LEAST_POWER` of the claim the attack was so
weak that noise of half the size would have gone unseen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthkit.artifacts import AuditBound, AuditCheck, Verdict
from synthkit.errors import InputError

LEAST_POWER = 0.3
"""Share of the claim that the Gaussian-fit bound must reach for an audit to count."""
NAMES = {"one_run": "assumption-free", "gaussian_fit": "Gaussian-fit"}


def judge(
    claim_epsilon: float, bounds: Sequence[AuditBound], checks: Sequence[AuditCheck]
) -> tuple[Verdict, tuple[str, ...]]:
    """Decides what an audit has shown.

    Args:
        claim_epsilon: What the fit claims, at the delta of the bounds; above 0.
        bounds: Lower bounds on what it really spent.
        checks: Deterministic and one-step checks; may be empty.

    Returns:
        `refused` where a bound is above the claim or a check failed; else `inconclusive` where the
        Gaussian-fit bound is missing or too weak, or a check could not be decided; else `pass`.
        With it, one sentence for each reason.

    Raises:
        InputError: If the claim is not a finite number above 0.
    """
    if not (math.isfinite(claim_epsilon) and claim_epsilon > 0):
        raise InputError(
            "An audit needs a claim to attack: a finite epsilon above 0.",
            hint="Audit a plan whose generator is private.",
        )
    accusing = [_above(b, claim_epsilon) for b in bounds if b.epsilon > claim_epsilon]
    accusing += [f"The check {c.name!r} failed: {c.reason}" for c in checks if c.outcome == "fail"]
    if accusing:
        return "refused", tuple(accusing)
    doubts = [*_weakness(bounds, claim_epsilon)]
    doubts += [
        f"The check {c.name!r} could not be decided: {c.reason}"
        for c in checks
        if c.outcome != "pass"
    ]
    if doubts:
        return "inconclusive", tuple(doubts)
    return "pass", _passing(bounds, checks, claim_epsilon)


def _above(bound: AuditBound, claim: float) -> str:
    value, limit = _apart(bound.epsilon, claim)
    return (
        f"The {NAMES[bound.name]} bound shows epsilon {value} at least, at confidence "
        f"{_percent(bound.confidence)}: more than the claim of {limit}. Treat this as a fault of "
        f"the implementation; a sound one may look so by chance in at most "
        f"{_percent(1 - bound.confidence)} of audits."
    )


def _weakness(bounds: Sequence[AuditBound], claim: float) -> list[str]:
    """Says why the audit has no power, if so."""
    if not all(math.isfinite(b.epsilon) for b in bounds):
        return ["A bound is not a finite number, so it shows nothing."]
    fits = [b.epsilon for b in bounds if b.name == "gaussian_fit"]
    if not fits:
        return ["There is no Gaussian-fit bound, so the audit's power is not known."]
    if max(fits) >= LEAST_POWER * claim:
        return []
    return [
        f"The Gaussian-fit bound shows only epsilon {max(fits):.3g}, under "
        f"{_percent(LEAST_POWER)} of the claim of {claim:.3g}: the attack was too weak to find "
        "much. This is not a sign of safety; more canaries, or a generator whose noisy results "
        "the attack can read, give it more power."
    ]


def _passing(
    bounds: Sequence[AuditBound], checks: Sequence[AuditCheck], claim: float
) -> tuple[str, ...]:
    found = " and ".join(
        f"{b.epsilon:.3g} ({NAMES[b.name]}, confidence {_percent(b.confidence)})" for b in bounds
    )
    sentences = [
        f"No bound is above the claim: epsilon {found}, against {claim:.3g}. The attack was strong "
        f"enough to count: the Gaussian-fit bound reaches {_percent(LEAST_POWER)} of the claim."
    ]
    if checks:
        sentences.append(
            "One further check passed."
            if len(checks) == 1
            else f"{len(checks)} further checks passed."
        )
    return tuple(sentences)


def _apart(value: float, beside: float) -> tuple[str, str]:
    """Writes two numbers with three digits, or as many as tell them apart."""
    for digits in range(3, 17):
        texts = f"{value:.{digits}g}", f"{beside:.{digits}g}"
        if value == beside or texts[0] != texts[1]:
            break
    return texts


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"
