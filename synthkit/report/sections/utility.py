"""Section 5: models trained on synthetic rows against models trained on real rows."""

from __future__ import annotations

from typing import Any

from synthkit.artifacts import Decision, Evidence, Measurement
from synthkit.report import measured
from synthkit.report.figures.dumbbells import Dumbbell, Score, dumbbells
from synthkit.report.numbers import is_missing, percent
from synthkit.report.tables import Figure, Table, headers

_TSTR, _TRTR, _RATIO = "utility.tstr.", "utility.trtr.", "utility.ratio"
_KNOWN = ("attacks.", "diagnostics.", "fidelity.", "utility.", "validity.")


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns the dumbbells, their table, and measurements that no section claims."""
    del decision
    found = evidence.measurements
    targets = _targets(evidence)
    rows = [
        Dumbbell(
            target=t, synthetic=_score(found.get(_TSTR + t)), real=_score(found.get(_TRTR + t))
        )
        for t in targets
    ]
    drawn = [r for r in rows if r.synthetic or r.real]
    ratio = found.get(_RATIO)
    rest = [
        found[n]
        for n in sorted(found)
        if n.startswith("utility.") and n != _RATIO and not n.startswith((_TSTR, _TRTR))
    ]
    return {
        "ratio": None
        if ratio is None
        else (
            percent(ratio.value),
            measured.interval(ratio),
            ratio.note,
        ),
        "figure": Figure(
            svg=dumbbells("utility-plot", drawn),
            caption="Score on real holdout rows. Disc: trained on synthetic rows (TSTR). "
            "Diamond: trained on real rows (TRTR). Lines: intervals.",
        )
        if drawn
        else None,
        "table": _table(evidence, targets),
        "rest": measured.table("Further utility measurements", rest),
        "others": measured.table(
            "Other measurements",
            [found[n] for n in sorted(found) if not n.startswith(_KNOWN)],
        ),
    }


def _targets(evidence: Evidence) -> list[str]:
    """Returns the targets that either kind of score names, in order of their names."""
    names = {
        name.removeprefix(prefix)
        for name in evidence.measurements
        for prefix in (_TSTR, _TRTR)
        if name.startswith(prefix)
    }
    return sorted(names)


def _score(found: Measurement | None) -> Score | None:
    """Returns a drawable score, or None where nothing was measured."""
    if found is None or found.value is None or is_missing(found.value):
        return None
    has_interval = not (is_missing(found.low) or is_missing(found.high))
    return Score(
        value=found.value,
        low=found.low if has_interval else None,
        high=found.high if has_interval else None,
    )


def _table(evidence: Evidence, targets: list[str]) -> Table | None:
    """Lists both scores of each target."""
    if not targets:
        return None
    rows = []
    for target in targets:
        pair = [evidence.measurements.get(prefix + target) for prefix in (_TSTR, _TRTR)]
        notes = dict.fromkeys(m.note for m in pair if m is not None and m.note)
        cells = [c for m in pair for c in (measured.value(m), measured.interval(m) if m else "")]
        rows.append((target, *cells, "; ".join(notes)))
    return Table(
        caption="Scores on real holdout rows",
        headers=headers(
            "Target", "#Trained on synthetic", "#Interval", "#Trained on real", "#Interval", "Note"
        ),
        rows=tuple(rows),
    )
