"""The drawing surface: collects escaped SVG elements and closes them into one accessible image.

Takes coordinates in user units, gives text. Everything foreign is escaped here; nothing is fetched
and no namespace address is needed because the page embeds the drawing.
"""

from __future__ import annotations

import html

from synthkit.report.wording import clean


def escape(text: str) -> str:
    """Returns text that is safe inside an element or a quoted attribute."""
    return html.escape(clean(text), quote=True)


def at(value: float) -> str:
    """Returns a coordinate with at most one decimal."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


class Canvas:
    """An SVG image under construction.

    Args:
        width: Width of the view box, user units.
        height: Height of the view box, user units.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._parts: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, style: str) -> None:
        """Draws a rectangle; nothing where it has no extent."""
        if width <= 0 or height <= 0:
            return
        self._parts.append(
            f'<rect class="{style}" x="{at(x)}" y="{at(y)}" width="{at(width)}" '
            f'height="{at(height)}"/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """Draws a straight line."""
        self._parts.append(
            f'<line class="{style}" x1="{at(x1)}" y1="{at(y1)}" x2="{at(x2)}" y2="{at(y2)}"/>'
        )

    def circle(self, x: float, y: float, radius: float, style: str) -> None:
        """Draws a dot."""
        self._parts.append(f'<circle class="{style}" cx="{at(x)}" cy="{at(y)}" r="{at(radius)}"/>')

    def diamond(self, x: float, y: float, radius: float, style: str) -> None:
        """Draws a square on its corner."""
        r = at(radius)
        self._parts.append(
            f'<path class="{style}" d="M{at(x)} {at(y - radius)}l{r} {r}l-{r} {r}l-{r} -{r}z"/>'
        )

    def path(self, commands: str, style: str) -> None:
        """Draws a path given by its commands; nothing for an empty one."""
        if commands:
            self._parts.append(f'<path class="{style}" d="{commands}"/>')

    def text(self, x: float, y: float, content: str, style: str, anchor: str = "start") -> None:
        """Writes escaped text at a baseline; anchor is start, middle or end."""
        ends = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._parts.append(
            f'<text class="{style}" x="{at(x)}" y="{at(y)}"{ends}>{escape(content)}</text>'
        )

    def close(self, key: str, title: str, description: str, style: str = "") -> str:
        """Returns the image.

        Args:
            key: Unique on the page; letters, digits and dashes of our own choice.
            title: Name of the drawing, read first by a screen reader.
            description: What it shows, in a sentence.
            style: Further CSS class of the image.
        """
        return (
            f'<svg class="{f"plot {style}".strip()}" role="img" '
            f'viewBox="0 0 {at(self.width)} {at(self.height)}" '
            f'aria-labelledby="{key}-t {key}-d"><title id="{key}-t">{escape(title)}</title>'
            f'<desc id="{key}-d">{escape(description)}</desc>{"".join(self._parts)}</svg>'
        )
