"""Pair association error as a split heat-map: synthetic below the diagonal, holdout above.

The holdout half is the noise floor: real rows that differ from the training rows by chance alone.
Both halves share one fixed colour scale, so that two reports can be compared by eye.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from synthkit.artifacts import AssociationFigure
from synthkit.report.figures.svg import Canvas, at
from synthkit.report.wording import shorten

STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Upper ends of the colour steps; the last step is open."""
NAMED_COLUMNS = 24
"""Up to this many columns the rows carry names, beyond only numbers."""
_SIZE = 560.0
_TITLES = 340.0
"""Width from which both halves are named on one line."""


def step_of(value: float) -> int:
    """Returns the colour step of a difference, or -1 where there is no number."""
    if not math.isfinite(value):
        return -1
    return sum(abs(value) >= end for end in STEPS)


def step_labels() -> tuple[str, ...]:
    """Returns the words of the legend, one per colour step."""
    inner = (f"{a:g} to {b:g}" for a, b in itertools.pairwise(STEPS))
    return (f"under {STEPS[0]:g}", *inner, f"{STEPS[-1]:g} or more")


def associations(key: str, figure: AssociationFigure) -> str:
    """Draws the split heat-map.

    Args:
        key: Unique on the page.
        figure: Two square matrices over the same columns; at least two columns.
    """
    n = len(figure.columns)
    is_named = n <= NAMED_COLUMNS
    left = 150.0 if is_named else 24.0
    size = _SIZE if is_named else 700.0
    cell = min(size / n, 44.0)
    right = left + cell * n
    is_wide = cell * n >= _TITLES
    top = 22.0 if is_wide else 40.0
    # A frame of fixed width: a few columns must not be blown up to the width of the page.
    canvas = Canvas(max(right + 4, _SIZE), top + cell * n + 22)
    for step, commands in sorted(_cells(figure, left, top, cell).items()):
        canvas.path(commands, f"heat{step}" if step >= 0 else "heat-missing")
    letters = "label" if is_named else "label small"
    for i, column in enumerate(figure.columns):
        middle = top + cell * (i + 0.5) + 3.5
        name = f"{shorten(column, 18)} {i + 1}" if is_named else f"{i + 1}"
        canvas.text(left - 5, middle, name, letters, "end")
        canvas.text(left + cell * (i + 0.5), top + cell * n + 13, f"{i + 1}", letters, "middle")
    canvas.line(left, top, right, top + cell * n, "diagonal")
    above = "above: holdout (noise floor)"
    if is_wide:
        canvas.text(right, top - 8, above, "label strong", "end")
    else:
        canvas.text(left, top - 25, above, "label strong")
    canvas.text(left, top - 8, "below: synthetic", "label strong")
    return canvas.close(
        key,
        "Difference of pair association to the training rows",
        f"Below the diagonal synthetic, mean {_mean(figure.synthetic):.3g}; above it holdout, "
        f"mean {_mean(figure.holdout):.3g}; {n} columns.",
    )


def _cells(figure: AssociationFigure, left: float, top: float, cell: float) -> dict[int, str]:
    """Returns one path per colour step: small pages, and the same bytes each time."""
    paths: dict[int, list[str]] = {}
    side = at(cell - 1 if cell > 12 else cell - 0.5)
    for row in range(len(figure.columns)):
        for column in range(len(figure.columns)):
            if row == column:
                continue
            matrix = figure.synthetic if row > column else figure.holdout
            square = f"M{at(left + cell * column)} {at(top + cell * row)}h{side}v{side}h-{side}z"
            paths.setdefault(step_of(matrix[row][column]), []).append(square)
    return {step: "".join(squares) for step, squares in paths.items()}


def _mean(matrix: Sequence[Sequence[float]]) -> float:
    """Returns the mean over pairs of different columns that have a number."""
    values = [row[j] for i, row in enumerate(matrix) for j in range(i) if math.isfinite(row[j])]
    return sum(values) / len(values) if values else 0.0
