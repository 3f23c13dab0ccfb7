"""Reads a page as a browser would: nesting, headings, attributes, visible text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from synthkit.artifacts import Evidence
from synthkit.report import render
from tests.report import samples

VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})
SVG_VOID = frozenset({"circle", "path", "rect", "line"})


@dataclass
class Page(HTMLParser):
    """A parsed page; `broken` lists tags that were closed out of order or never."""

    html: str
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    open_tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        self.feed(self.html)
        self.close()
        self.broken += [f"never closed: {t}" for t in self.open_tags]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in VOID:
            self.open_tags.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in SVG_VOID:
            self.broken.append(f"self-closing {tag}")

    def handle_endtag(self, tag: str) -> None:
        if not self.open_tags or self.open_tags.pop() != tag:
            self.broken.append(f"closed out of order: {tag}")

    def handle_data(self, data: str) -> None:
        if not self.open_tags or self.open_tags[-1] != "style":
            self.text.append(data)

    @property
    def visible(self) -> str:
        """All text outside the style sheet, with single spaces."""
        return " ".join(" ".join(self.text).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        """Attributes of every element of that name."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def headings(self) -> list[int]:
        """Levels of the headings in order."""
        return [int(t[1]) for t, _ in self.tags if t in ("h1", "h2", "h3", "h4", "h5", "h6")]

    @property
    def ids(self) -> list[str]:
        """Every id in order."""
        return [a["id"] for _, a in self.tags if "id" in a]


def page_of(evidence: Evidence) -> Page:
    return Page(render(evidence, samples.decide(evidence, "inconclusive", ())))


def holes(page: Page) -> list[str]:
    """Words that a forgotten value leaves on a page, or in a drawing."""
    text = page.visible + " ".join(v for _, a in page.tags for v in a.values())
    return re.findall(r"\b(?:None|nan|NaN|inf|undefined)\b", text)
