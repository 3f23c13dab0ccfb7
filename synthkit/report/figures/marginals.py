"""One column's shares: real train as bars, synthetic as dots or outline, holdout as a tick.

Few bins are drawn as named horizontal bars, many as a histogram; beyond `MAX_BINS` the smallest
are added up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthkit.artifacts import MarginalFigure
from synthkit.report.figures.svg import Canvas, at
from synthkit.report.numbers import number, percent
from synthkit.report.wording import plural, shorten, shorten_middle

MAX_BINS = 60
_NAMED_BINS = 7
_WIDTH, _HEIGHT = 280.0, 150.0

Bin = tuple[str, float, float, float]
"""Label and the shares of train, holdout and synthetic."""


def marginal(key: str, figure: MarginalFigure) -> str:
    """Draws one small multiple.

    Args:
        key: Unique on the page.
        figure: Labels and shares of one column, all of one length.
    """
    shown = bins(figure)
    canvas = Canvas(_WIDTH, _HEIGHT)
    if not shown:
        canvas.text(_WIDTH / 2, _HEIGHT / 2, "no bins", "label", "middle")
    elif len(shown) <= _NAMED_BINS:
        _named(canvas, shown)
    else:
        _histogram(canvas, shown)
    worst = max(shown, key=lambda b: abs(b[3] - b[1]), default=None)
    description = (
        f"Total variation distance to train {number(figure.tvd)} over {plural(len(shown), 'bin')}."
    )
    if worst is not None:
        description += (
            f" Largest difference at {shorten(worst[0], 40)}: train {percent(worst[1])}, "
            f"synthetic {percent(worst[3])}."
        )
    return canvas.close(key, f"Shares of {shorten(figure.column, 60)}", description)


def bins(figure: MarginalFigure) -> tuple[Bin, ...]:
    """Returns the drawn bins; beyond `MAX_BINS` the smallest become one, named `other`."""
    shares = zip(figure.train, figure.holdout, figure.synthetic, strict=True)
    everything: tuple[Bin, ...] = tuple(
        (label, _finite(train), _finite(holdout), _finite(synthetic))
        for label, (train, holdout, synthetic) in zip(figure.labels, shares, strict=True)
    )
    if len(everything) <= MAX_BINS:
        return everything
    by_size = sorted(range(len(everything)), key=lambda i: (-max(everything[i][1:]), i))
    kept = sorted(by_size[: MAX_BINS - 1])
    rest = [everything[i] for i in by_size[MAX_BINS - 1 :]]
    other: Bin = (
        f"other ({plural(len(rest), 'bin')})",
        sum(b[1] for b in rest),
        sum(b[2] for b in rest),
        sum(b[3] for b in rest),
    )
    return (*(everything[i] for i in kept), other)


def _finite(share: float) -> float:
    """Returns a share that can be drawn; what is no number has no extent."""
    return share if math.isfinite(share) else 0.0


def _highest(shown: Sequence[Bin]) -> float:
    """Returns the largest share of any bin."""
    return max(max(max(b[1:]) for b in shown), 1e-9)


def _top(shown: Sequence[Bin]) -> float:
    """Returns the share at the end of the axis: a little above the largest, never above all."""
    highest = _highest(shown)
    return max(highest, min(1.06 * highest, 1.0))


def _named(canvas: Canvas, shown: Sequence[Bin]) -> None:
    """Draws horizontal bars with the name of each bin."""
    left, right, top = 104.0, _WIDTH - 6, 4.0
    pitch = min((_HEIGHT - 20) / len(shown), 28)
    scale = (right - left) / _top(shown)
    base = top + pitch * len(shown)
    canvas.line(left, top, left, base, "axis")
    for i, (label, train, holdout, synthetic) in enumerate(shown):
        y = top + pitch * (i + 0.5)
        canvas.text(left - 6, y + 3.5, shorten_middle(label, 14), "label", "end")
        canvas.rect(left, y - pitch * 0.32, train * scale, pitch * 0.64, "bar-real")
        canvas.line(
            left + holdout * scale, y - pitch * 0.4, left + holdout * scale, y + pitch * 0.4, "tick"
        )
        canvas.circle(left + synthetic * scale, y, 4, "point")
    canvas.text(left, base + 12, "0%", "label")
    canvas.text(right, base + 12, percent(round(_top(shown), 3)), "label", "end")


def _histogram(canvas: Canvas, shown: Sequence[Bin]) -> None:
    """Draws vertical bars, the synthetic shares as an outline over them."""
    left, right, top, base = 4.0, _WIDTH - 4, 16.0, _HEIGHT - 20
    pitch = (right - left) / len(shown)
    scale = (base - top) / _top(shown)
    inset = pitch * 0.08
    bars, ticks, outline = [], [], []
    for i, (_, train, holdout, synthetic) in enumerate(shown):
        x = left + pitch * i
        bars.append(
            f"M{at(x + inset)} {at(base)}v-{at(train * scale)}h{at(pitch - 2 * inset)}"
            f"v{at(train * scale)}z"
        )
        ticks.append(f"M{at(x + pitch * 0.25)} {at(base - holdout * scale)}h{at(pitch * 0.5)}")
        outline.append(f"{'L' if i else 'M'}{at(x)} {at(base - synthetic * scale)}H{at(x + pitch)}")
    canvas.path("".join(bars), "bar-real")
    canvas.path("".join(ticks), "tick")
    canvas.path("".join(outline), "outline")
    canvas.line(left, base, right, base, "axis")
    canvas.text(left, base + 13, shorten(shown[0][0], 20), "label")
    canvas.text(right, base + 13, shorten(shown[-1][0], 20), "label", "end")
    canvas.text(left, top - 6, f"highest {percent(round(_highest(shown), 4))}", "label")
