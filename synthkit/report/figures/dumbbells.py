"""Utility as dumbbells: trained on synthetic against trained on real rows, one line per target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from synthkit.report.figures.svg import Canvas
from synthkit.report.numbers import number, setting
from synthkit.report.wording import shorten

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 640.0, 180.0, 616.0, 40.0, 14.0


@dataclass(frozen=True, kw_only=True)
class Score:
    """One test score with its interval, where there is one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Dumbbell:
    """The two scores of one target; a missing one is not drawn."""

    target: str
    synthetic: Score | None
    real: Score | None


def dumbbells(key: str, rows: Sequence[Dumbbell]) -> str:
    """Draws one line per target on a shared axis.

    Args:
        key: Unique on the page.
        rows: At least one row with at least one score.
    """
    low, high, step = _axis(rows)
    bottom = _TOP + _ROW * len(rows)
    canvas = Canvas(_WIDTH, bottom + 30)

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_RIGHT - _LEFT)

    for i in range(round((high - low) / step) + 1):
        tick = low + i * step
        canvas.line(x(tick), _TOP, x(tick), bottom, "grid")
        canvas.text(x(tick), bottom + 16, setting(round(tick, 10)), "label", "middle")
    for i, row in enumerate(rows):
        y = _TOP + _ROW * (i + 0.5)
        canvas.text(_LEFT - 12, y + 4, shorten(row.target, 20), "label strong", "end")
        if row.synthetic and row.real:
            canvas.line(x(row.real.value), y, x(row.synthetic.value), y, "bridge")
        for score, style, offset in ((row.real, "real", -7), (row.synthetic, "synthetic", 7)):
            if score is None:
                continue
            if score.low is not None and score.high is not None:
                canvas.line(x(score.low), y + offset, x(score.high), y + offset, f"range {style}")
            if style == "real":
                canvas.diamond(x(score.value), y, 6, "point real")
            else:
                canvas.circle(x(score.value), y, 5.5, "point")
    return canvas.close(
        key,
        "Scores on real holdout rows, by target",
        "; ".join(_sentence(row) for row in rows) + ".",
    )


def _axis(rows: Sequence[Dumbbell]) -> tuple[float, float, float]:
    """Returns lowest and highest tick and their distance, round numbers around all scores."""
    ends = [
        end
        for row in rows
        for score in (row.synthetic, row.real)
        if score is not None
        for end in (score.value, score.low, score.high)
        if end is not None
    ]
    span = max(max(ends) - min(ends), 0.02)
    raw = span / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    low = math.floor(min(ends) / step - 0.25) * step
    high = math.ceil(max(ends) / step + 0.25) * step
    return low, high, step


def _sentence(row: Dumbbell) -> str:
    """Says what one line shows."""
    synthetic = number(row.synthetic.value) if row.synthetic else "not measured"
    real = number(row.real.value) if row.real else "not measured"
    return f"{row.target}: trained on synthetic {synthetic}, trained on real {real}"
