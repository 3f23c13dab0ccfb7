"""Section 3: attacks with intervals, beside chance and the ceiling that the proof sets."""

from __future__ import annotations

from typing import Any

from synthkit.artifacts import Decision, Evidence, Measurement
from synthkit.report import measured
from synthkit.report.figures.intervals import Mark, Strip, intervals
from synthkit.report.guarantee import auc_ceiling, has_guarantee, tpr_ceiling
from synthkit.report.numbers import is_missing, number
from synthkit.report.tables import Figure

_AUC = "attacks.membership_inference"
_TPR = "attacks.membership_inference_tpr"
_COPIES = "attacks.exact_copies"
_UNIQUE = "attacks.exact_copies_unique"
_DCR = "diagnostics.dcr_train_closer_share"
_FPR = 0.01
_EXCESSES = (_COPIES, _UNIQUE)
_EXPECTED = (_COPIES, _AUC, _TPR)
_ORDER = (_COPIES, _UNIQUE, _AUC, _TPR)


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns the attack plots, their table and what they can show."""
    del decision
    found = evidence.measurements
    others = sorted(n for n in found if n.startswith("attacks.") and n not in _ORDER)
    attacks = [found[n] for n in (*_ORDER, *others) if n in found]
    diagnostics = [found[n] for n in sorted(found) if n.startswith("diagnostics.")]
    strips = [s for s in (_strip(m, evidence) for m in attacks) if s is not None]
    quiet = [s for s in (_strip(m, evidence) for m in diagnostics) if s is not None]
    table = measured.table("Attacks on the synthetic table", attacks)
    return {
        "missing": tuple(measured.label(n) for n in _EXPECTED if n not in found),
        "figure": Figure(
            svg=intervals("attacks-plot", "Attacks with intervals", strips),
            caption="Point and bar: measured value with its interval. Dotted line: chance. "
            "Solid line: the ceiling set by the privacy proof, which no attack can pass.",
        )
        if strips
        else None,
        "table": table,
        "ceiling": _ceiling_sentence(evidence),
        "alarms": beyond_ceiling(evidence),
        "diagnostics": Figure(
            svg=intervals("dcr-plot", "Distance diagnostics", quiet, is_diagnostic=True),
            caption="Diagnostic only: no verdict rests on distances, "
            "which overlook most leaks (see the limits of this report).",
        )
        if quiet
        else None,
        "diagnostics_table": measured.table("Distance diagnostics", diagnostics),
    }


def ceiling(name: str, evidence: Evidence) -> float | None:
    """Returns the highest value that the privacy proof allows an attack, if there is a proof."""
    privacy = evidence.privacy
    if privacy is None or not has_guarantee(privacy):
        return None
    if privacy.epsilon is None or privacy.delta is None:
        return None
    if name == _AUC:
        return auc_ceiling(privacy.epsilon, privacy.delta, privacy.mu, privacy.mu_delta or 0.0)
    if name == _TPR:
        return tpr_ceiling(
            privacy.epsilon, privacy.delta, _FPR, privacy.mu, privacy.mu_delta or 0.0
        )
    return None


def beyond_ceiling(evidence: Evidence) -> tuple[str, ...]:
    """Returns a warning for each attack whose whole interval lies above the proof's ceiling.

    No attack can do that if the proof holds and the implementation follows it.
    """
    alarms = []
    for name in (_AUC, _TPR):
        found, top = evidence.measurements.get(name), ceiling(name, evidence)
        if found is None or top is None or found.low is None or is_missing(found.low):
            continue
        shown = measured.unit_of(name)
        least = found.low
        if name == _AUC and found.high is not None and not is_missing(found.high):
            least = max(least, 1 - found.high)  # an attack that errs reliably is turned round
        if least > top:
            alarms.append(
                f"{measured.label(name)}: the attack reaches at least {shown(least)}, above "
                f"the ceiling of {shown(top)} that the privacy proof sets. Treat this as a fault "
                "of the implementation, not as bad luck."
            )
    return tuple(alarms)


def _ceiling_sentence(evidence: Evidence) -> str:
    """Says what the ceilings are, or why there are none."""
    auc, tpr = ceiling(_AUC, evidence), ceiling(_TPR, evidence)
    if auc is None or tpr is None:
        return "Without a privacy guarantee there is no ceiling: a stronger attack may do better."
    shown = measured.unit_of(_TPR)
    return (
        f"The privacy proof holds every attack on one privacy unit to an AUC of at most "
        f"{number(auc)}, and to finding at most {shown(tpr)} of the members at 1% false alarms."
    )


def _strip(found: Measurement, evidence: Evidence) -> Strip | None:
    """Returns a measurement as a strip, or None where it has no value."""
    if found.value is None or is_missing(found.value):
        return None
    low = None if is_missing(found.low) else found.low
    high = None if is_missing(found.high) else found.high
    top = ceiling(found.name, evidence)
    chance = _chance(found)
    marks = []
    if chance is not None:
        what = "chance" if found.name not in _EXCESSES else "no excess"
        text = f"{what} {measured.unit_of(found.name)(chance)}"
        marks.append(Mark(value=chance, text=text, style="chance"))
    if top is not None:
        text = f"DP ceiling {measured.unit_of(found.name)(top)}"
        marks.append(Mark(value=top, text=text, style="ceiling"))
    drawn = [v for v in (found.value, low, high, chance, top) if v is not None]
    return Strip(
        label=measured.label(found.name),
        value=found.value,
        low=low,
        high=high,
        axis=_axis(found.name, min(drawn), max(drawn)),
        shown=measured.unit_of(found.name),
        marks=tuple(marks),
    )


def _chance(found: Measurement) -> float | None:
    """Returns what an attack without any leak would score."""
    if found.name == _TPR:
        return _FPR
    if found.name in _EXCESSES:
        return 0.0
    if found.name in (_AUC, _DCR):
        return 0.5
    return None if is_missing(found.reference) else found.reference


def _axis(name: str, low: float, high: float) -> tuple[float, float]:
    """Returns the ends of a strip's axis: fixed where the measure has a natural scale."""
    if name == _AUC:
        return (0.4 if low >= 0.4 else 0.0), 1.0
    if name in _EXCESSES:
        reach = max(abs(low), abs(high), 0.001) * 1.25
        return -reach, reach
    if name == _DCR:
        reach = max(abs(low - 0.5), abs(high - 0.5), 0.02) * 1.5
        return max(0.5 - reach, 0.0), min(0.5 + reach, 1.0)
    if name == _TPR:
        return 0.0, min(max(high * 1.2, 0.02), 1.0)
    pad = max((high - low) * 0.2, abs(high) * 0.05, 1e-6)
    return low - pad, high + pad
