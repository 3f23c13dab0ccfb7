"""Tables and fact lists of the page, as frozen values that one template macro draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

CellKind = Literal["text", "number", "outcome", "code"]


@dataclass(frozen=True, kw_only=True)
class Header:
    """One column of a printed table."""

    title: str
    kind: CellKind = "text"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A printed table; the first cell of each row is its header."""

    caption: str
    headers: tuple[Header, ...]
    rows: tuple[tuple[str, ...], ...]
    is_compact: bool = False


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawing with its caption and the table that says the same in numbers."""

    svg: str
    caption: str
    data: Table | None = None
    data_note: str = ""
    classes: tuple[str, ...] = field(default=())


def headers(*titles: str) -> tuple[Header, ...]:
    """Builds headers; a title that starts with `#` is a number, `!` an outcome, `=` code."""
    kinds: dict[str, CellKind] = {"#": "number", "!": "outcome", "=": "code"}
    return tuple(
        Header(title=t[1:], kind=kinds[t[0]]) if t[0] in kinds else Header(title=t) for t in titles
    )
