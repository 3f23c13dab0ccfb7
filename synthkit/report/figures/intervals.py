"""Attacks as interval plots: each measurement on its own scale, beside chance and DP ceiling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synthkit.report.figures.svg import Canvas
from synthkit.report.wording import shorten

_WIDTH, _STRIP, _LEFT, _RIGHT = 640.0, 104.0, 8.0, 632.0


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A vertical line of comparison on a strip."""

    value: float
    text: str
    style: str
    """`chance` or `ceiling`."""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One measurement with its interval and its own axis."""

    label: str
    value: float
    low: float | None
    high: float | None
    axis: tuple[float, float]
    """Lowest and highest value drawn; what lies beyond is drawn at the edge."""
    shown: Callable[[float | None], str]
    marks: tuple[Mark, ...] = ()


def intervals(key: str, title: str, strips: Sequence[Strip], *, is_diagnostic: bool = False) -> str:
    """Draws the strips one under another.

    Args:
        key: Unique on the page.
        title: Name of the drawing.
        strips: At least one measurement.
        is_diagnostic: Draws in grey what no verdict may rest on.
    """
    canvas = Canvas(_WIDTH, _STRIP * len(strips))
    for i, strip in enumerate(strips):
        _draw(canvas, strip, i * _STRIP, is_diagnostic=is_diagnostic)
    sentences = "; ".join(_sentence(s) for s in strips)
    return canvas.close(key, title, f"{sentences}.")


def _draw(canvas: Canvas, strip: Strip, top: float, *, is_diagnostic: bool) -> None:
    """Draws one strip: label, axis with end ticks, marks, interval, point."""
    low, high = strip.axis
    middle = top + 58

    def x(value: float) -> float:
        clamped = min(max(value, low), high)
        return _LEFT + (clamped - low) / (high - low) * (_RIGHT - _LEFT)

    tone = " quiet" if is_diagnostic else ""
    canvas.text(_LEFT, top + 14, shorten(strip.label, 64), "label strong")
    canvas.text(_RIGHT, top + 14, strip.shown(strip.value), "label strong", "end")
    canvas.line(_LEFT, middle, _RIGHT, middle, "axis")
    canvas.text(_LEFT, middle + 28, strip.shown(low), "label")
    canvas.text(_RIGHT, middle + 28, strip.shown(high), "label", "end")
    for mark in strip.marks:
        at = x(mark.value)
        canvas.line(at, middle - 16, at, middle + 14, mark.style)
        third = (_RIGHT - _LEFT) / 3
        anchor = "start" if at < _LEFT + third else "end" if at > _RIGHT - third else "middle"
        # Ceilings are named above the axis and chance below, so that the two never collide.
        height = middle - 20 if mark.style == "ceiling" else middle + 28
        canvas.text(at, height, mark.text, "label", anchor)
    if strip.low is not None and strip.high is not None:
        canvas.rect(
            x(strip.low), middle - 5, max(x(strip.high) - x(strip.low), 1.5), 10, f"whisker{tone}"
        )
    canvas.circle(x(strip.value), middle, 5, f"point{tone}")


def _sentence(strip: Strip) -> str:
    """Says what one strip shows."""
    text = f"{strip.label}: {strip.shown(strip.value)}"
    if strip.low is not None and strip.high is not None:
        text += f", interval {strip.shown(strip.low)} to {strip.shown(strip.high)}"
    return text + "".join(f", {m.text}" for m in strip.marks)
