"""An audit on one line of epsilon: its lower bounds as points, the claim they attack as a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synthkit.report.figures.svg import Canvas
from synthkit.report.numbers import number

_LEFT, _RIGHT, _TOP, _LANE = 190.0, 624.0, 26.0, 50.0
_REACH = 4.0
"""A bound beyond so many claims is drawn at the end: it must not press the rest together."""


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One lower bound."""

    name: str
    epsilon: float
    weak: float = 0.0
    """Below this the bound comes from an attack too weak to count; shaded."""


def bounds(key: str, lanes: Sequence[Lane], *, claim: float) -> str:
    """Draws the lanes one under another, the claim through all of them.

    Args:
        key: Unique on the page.
        lanes: At least one bound.
        claim: What the fit claims, above zero.
    """
    bottom = _TOP + _LANE * len(lanes)
    canvas = Canvas(640, bottom + 22)
    end = min(max(claim, *(lane.epsilon for lane in lanes)) * 1.15, claim * _REACH)

    def x(epsilon: float) -> float:
        return _LEFT + min(epsilon, end) / end * (_RIGHT - _LEFT)

    for i, lane in enumerate(lanes):
        top = _TOP + _LANE * i
        middle = top + _LANE / 2
        canvas.text(0, middle - 4, lane.name, "label strong")
        canvas.text(0, middle + 14, f"at least {number(lane.epsilon)}", "label")
        if lane.epsilon > end:
            canvas.text(_RIGHT, middle - 9, f"beyond {number(end)}", "label", "end")
        canvas.rect(_LEFT, top + 6, x(lane.weak) - _LEFT, _LANE - 12, "track")
        canvas.rect(_LEFT, middle - 4, x(lane.epsilon) - _LEFT, 8, "whisker")
        canvas.circle(x(lane.epsilon), middle, 5, "point")
    canvas.line(x(claim), _TOP - 4, x(claim), bottom, "ceiling")
    anchor = "end" if x(claim) > (_LEFT + _RIGHT) / 2 else "start"
    canvas.text(x(claim), _TOP - 10, f"claim {number(claim)}", "label strong", anchor)
    canvas.line(_LEFT, bottom, _RIGHT, bottom, "axis")
    canvas.text(_LEFT, bottom + 17, "epsilon 0", "label")
    canvas.text(_RIGHT, bottom + 17, number(end), "label", "end")
    said = "; ".join(f"{lane.name} at least {number(lane.epsilon)}" for lane in lanes)
    return canvas.close(key, "Lower bounds beside the claim", f"{said}; claim {number(claim)}.")
