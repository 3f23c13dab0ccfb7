"""The population's account: epsilon spent so far as a bar under its lifetime cap."""

from __future__ import annotations

from synthkit.report.figures.svg import Canvas
from synthkit.report.numbers import number, setting


def budget(key: str, *, spent: float, before: float, cap: float) -> str:
    """Draws the bar.

    Args:
        key: Unique on the page.
        spent: Epsilon of all releases so far, this one included.
        before: Part of `spent` that earlier releases used.
        cap: Lifetime cap of the population, above zero.
    """
    canvas = Canvas(640, 74)
    left, width, top, height = 8.0, 624.0, 28.0, 18.0
    scale = width / max(cap, spent)
    canvas.rect(left, top, cap * scale, height, "track")
    canvas.rect(left, top, before * scale, height, "spent-before")
    canvas.rect(left + before * scale, top, (spent - before) * scale, height, "spent-now")
    canvas.line(left + cap * scale, top - 5, left + cap * scale, top + height + 5, "limit")
    canvas.text(left + cap * scale, top - 10, f"cap {setting(cap)}", "label strong", "end")
    canvas.text(left, top + height + 18, f"spent {number(spent)}", "label")
    left_over = cap - spent
    words = f"{number(left_over)} left" if left_over >= 0 else f"over by {number(-left_over)}"
    canvas.text(left + width, top + height + 18, words, "label", "end")
    return canvas.close(
        key,
        "Epsilon spent by the population",
        f"Spent {number(spent)} of a cap of {setting(cap)}; {words}.",
    )
