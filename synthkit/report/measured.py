"""A measurement in words: label, value in its natural unit, interval, holdout reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from synthkit.artifacts import Measurement
from synthkit.report.numbers import NOT_MEASURED, count, is_missing, number, percent
from synthkit.report.tables import Table, headers

LABELS = {
    "fidelity.tvd1": "Single columns: mean distance (TVD) to train",
    "fidelity.tvd2": "Pairs of columns: mean distance (TVD) to train",
    "fidelity.tvd3": "Triples of columns: mean distance (TVD) to train",
    "fidelity.tvd1_worst": "Worst single column: distance (TVD) to train",
    "fidelity.sdmetrics_quality": "SDMetrics quality score",
    "fidelity.sdmetrics_column_shapes": "SDMetrics column shapes",
    "fidelity.sdmetrics_column_pair_trends": "SDMetrics column pair trends",
    "fidelity.sdmetrics_diagnostic": "SDMetrics diagnostic score",
    "attacks.exact_copies": "Exact copies in excess of chance",
    "attacks.exact_copies_unique": "Exact copies of rows that train holds once",
    "attacks.membership_inference": "Membership inference (AUC)",
    "attacks.membership_inference_tpr": "Members found at 1% false alarms",
    "diagnostics.dcr_train_closer_share": "Synthetic rows closer to train than to holdout (DCR)",
    "utility.ratio": "Utility kept, worst target",
    "rules.redrawn_share": "Rows drawn again so that declared rules hold",
    "validity.failed": "Checks failed",
    "validity.inconclusive": "Checks without an answer",
    "validity.passed_share": "Share of checks passed",
    "validity.rows": "Rows checked",
}
_SHARES = frozenset(
    {
        "attacks.exact_copies",
        "attacks.exact_copies_unique",
        "attacks.membership_inference_tpr",
        "diagnostics.dcr_train_closer_share",
        "rules.redrawn_share",
        "utility.ratio",
        "validity.passed_share",
    }
)
_COUNTS = frozenset({"validity.failed", "validity.inconclusive", "validity.rows"})
_GOALS = {"minimize": "lower", "maximize": "higher", "none": ""}


def label(name: str) -> str:
    """Returns the plain name of a measurement; unknown ones keep their dotted name."""
    return LABELS.get(name, name)


def unit_of(name: str) -> Callable[[float | None], str]:
    """Returns the function that prints values of this measurement."""
    if name in _COUNTS:
        return _whole
    return percent if name in _SHARES else number


def value(measurement: Measurement | None) -> str:
    """Returns the value in its natural unit, or `not measured`."""
    if measurement is None:
        return NOT_MEASURED
    return unit_of(measurement.name)(measurement.value)


def interval(measurement: Measurement) -> str:
    """Returns `0.498 to 0.526 (95%)`, or an empty string without an interval."""
    if is_missing(measurement.low) or is_missing(measurement.high):
        return ""
    shown = unit_of(measurement.name)
    level = f" ({percent(measurement.confidence)})" if measurement.confidence else ""
    return f"{shown(measurement.low)} to {shown(measurement.high)}{level}"


def table(caption: str, measurements: Iterable[Measurement]) -> Table | None:
    """Lists measurements beside their holdout reference; None if there is nothing to list.

    Columns that no row fills are left out.
    """
    rows = [
        (
            label(m.name),
            value(m),
            "" if m.reference is None else unit_of(m.name)(m.reference),
            interval(m),
            "" if m.n is None else count(m.n),
            _GOALS[m.goal],
            m.note,
        )
        for m in measurements
    ]
    if not rows:
        return None
    titles = ("Measure", "#Value", "#Holdout", "#Interval", "#n", "Better", "Note")
    kept = [i for i in range(len(titles)) if i < 2 or any(row[i] for row in rows)]
    return Table(
        caption=caption,
        headers=headers(*(titles[i] for i in kept)),
        rows=tuple(tuple(row[i] for i in kept) for row in rows),
    )


def _whole(number_: float | None) -> str:
    """Returns a count; counts arrive as floats."""
    return NOT_MEASURED if is_missing(number_) or number_ is None else f"{round(number_):,}"
