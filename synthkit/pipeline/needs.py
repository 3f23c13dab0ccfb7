"""What the columns that are drawn already leave to one that is not, row by row.

In: a rulebook, a column, and the cells of the columns that are done. Out: in which region the
column must lie, between which places, and rows grouped by it. Nothing is drawn here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from synthkit.pipeline.cells import inside, limit, places_of, point

if TYPE_CHECKING:
    import polars as pl

    from synthkit.pipeline.rulebook import Rulebook
    from synthkit.schema.regions import Region

Cells = dict[str, "pl.Series"]


@dataclass(frozen=True, kw_only=True)
class Given:
    """Cells of rows that are completed."""

    pinned: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Of some columns, cells that must stay, Booleans of shape (n_rows,)."""
    wanted: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Cells that are to have a value, wherever the rules and the pinned cells leave one."""


@dataclass(frozen=True)
class Need:
    """Rows in which a column must lie in a region because of another column."""

    rows: np.ndarray
    """Booleans, shape (n_rows,)."""
    held: Region
    because: str
    is_wish: bool = False
    """Given up where nothing would be left."""


def needs_of(
    book: Rulebook, name: str, done: AbstractSet[str], cells: Cells, given: Given
) -> list[Need]:
    """Lists where columns that are done, or given, say in which region a column must lie."""
    needs, wishes = [], []
    for link in book.links:
        if link.y == name and link.x in done:
            rows = inside(book.columns[link.x], cells[link.x], link.when)
            needs.append(Need(rows, link.then, link.x))
            if link.exactly:
                needs.append(Need(~rows, link.not_then, link.x))
        elif link.x == name and (link.y in done or link.y in given.pinned):
            rows = inside(book.columns[link.y], cells[link.y], link.then)
            known = np.ones(len(rows), bool) if link.y in done else given.pinned[link.y]
            needs.append(Need(known & ~rows, link.not_when, link.y))
            if link.exactly:
                needs.append(Need(known & rows, link.when, link.y))
        if link.x == name and link.y in given.wanted and not link.then.has_values:
            # What is to have a value says where the rule that empties it may not hold.
            wishes.append(Need(given.wanted[link.y], link.not_when, link.y, is_wish=True))
    for follower, rule in book.followers.items():
        # A cell that must stay says what decides it.
        if follower in given.pinned and rule.of == (name,):
            # PRIVACY: given cells may be real; they decide other cells of their own rows alone,
            # which go back to whoever gave them.
            stays = given.pinned[follower]
            for value in cells[follower].to_frame().filter(stays).to_series().unique().to_list():
                rows = stays & cells[follower].eq_missing(value).to_numpy()
                held = book.decided(follower, point(book.columns[follower], value))[1]
                needs.append(Need(rows, held, follower))
    return needs + wishes


def limits_of(
    book: Rulebook, name: str, done: AbstractSet[str], cells: Cells
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Returns the least and the largest place that done columns leave in each row."""
    columns = book.columns
    floors: list[np.ndarray] = []
    ceilings: list[np.ndarray] = []
    for low, high, strict in book.pairs:
        other = low if high == name else high if low == name else None
        if other is None or other not in done:
            continue
        up = high == name
        places = limit(
            columns[name],
            columns[other],
            places_of(columns[other], cells[other]),
            strict=strict,
            up=up,
        )
        is_free = cells[other].is_null().to_numpy()
        if places.dtype.kind == "f":
            free: float = -np.inf if up else np.inf
        else:
            free = np.iinfo(np.int64).min if up else np.iinfo(np.int64).max
        (floors if up else ceilings).append(np.where(is_free, free, places))
    floor = np.max(floors, axis=0) if floors else None
    ceiling = np.min(ceilings, axis=0) if ceilings else None
    return floor, ceiling


def grouped(
    rows: np.ndarray, needs: list[Need], whole: Region, is_null: np.ndarray
) -> list[tuple[np.ndarray, Region, str]]:
    """Splits rows by which needs they have: rows, the region left, and a column that decides.

    A cell that is not missing (`is_null`, shape (n_rows,)) gets a value if the region has any: rows
    with missing cells obey more easily, and would become more.
    """
    marks = np.stack([*(need.rows[rows] for need in needs), is_null[rows]], axis=1)
    kinds, kind_of = np.unique(marks, axis=0, return_inverse=True)
    found = []
    for i, kind in enumerate(kinds):
        held, because = whole, ""
        for is_needed, need in zip(kind[:-1], needs, strict=True):
            if is_needed and not (need.is_wish and (held & need.held).is_empty):
                held, because = held & need.held, because or need.because
        if not kind[-1] and held.has_values:
            held = dataclasses.replace(held, missing=False)
        found.append((rows[kind_of.reshape(-1) == i], held, because))
    return found
