"""Neighbours of a small table: pairs that differ in one unit, whose rows stand last.

Each is an adversary's idea of the unit that gives itself away: an outlier, a new category, a cell
that is no number, a person with many rows, the only value of a column. Their cells may lie outside
what the schema allows, since a fit must neither raise nor leak even then.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.pipeline.auditing.canaries import made_up
from synthkit.schema import Column, Schema

if TYPE_CHECKING:
    import polars as pl

MANY_ROWS = 50
_LONG = "x" * 5000


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two tables that differ in the rows of one unit, last in the longer one."""

    name: str
    first: pl.DataFrame
    second: pl.DataFrame


def pairs(small: pl.DataFrame, schema: Schema, rng: np.random.Generator) -> Iterator[Pair]:
    """Yields neighbours of a small table.

    Args:
        small: Conformed rows of a few hundred units, shape (n_rows, n_columns).
        schema: Their schema.
        rng: Chooses copied and made-up rows.
    """
    import polars as pl

    unit = schema.privacy_unit
    stranger = made_up(small, schema, 1, rng)
    by_person = unit == "person"

    def joined(name: str, rows: pl.DataFrame) -> Pair:
        return Pair(name=name, first=small, second=pl.concat([small, rows]))

    copied = small[[int(rng.integers(small.height))]]
    if by_person:
        assert schema.person_id is not None
        copied = copied.with_columns(stranger.get_column(schema.person_id))
    yield joined(f"one {unit} more: a copy of a row", copied)
    yield joined(f"one {unit} more: random cells", stranger)
    yield Pair(name=f"one {unit} less", first=pl.concat([small, stranger]), second=small)
    for name, extreme in _EXTREMES.items():
        yield joined(f"one {unit} more: {name}", _with(stranger, schema, extreme))
    yield joined(f"one {unit} more: nothing in any cell", _with(stranger, schema, _EMPTY))
    if by_person:
        many = pl.concat([made_up(small, schema, MANY_ROWS, rng)])
        assert schema.person_id is not None
        name = stranger.get_column(schema.person_id)[0]
        many = many.with_columns(pl.lit(name).alias(schema.person_id))
        yield joined(f"one {unit} more: {MANY_ROWS} rows", many)
    if schema.encoded:
        first = schema.encoded[0].name
        bare = small.with_columns(pl.lit(None, dtype=small.schema[first]).alias(first))
        only = stranger
        if stranger.get_column(first).null_count():
            only = _with(stranger, schema, _EXTREMES["the smallest of everything"])
        yield Pair(
            name=f"one {unit} more: the only value of a column",
            first=bare,
            second=pl.concat([bare, only]),
        )


_INFINITE = {
    "integer": 2**53 + 1,
    "float": math.inf,
    "date": datetime.date(1582, 10, 15),
    "datetime": datetime.datetime(1582, 10, 15),
    "text": " ",
    "code": 2**53 + 1,
    "boolean": True,
}
_EMPTY: dict[str, Any] = {}
_EXTREMES: dict[str, dict[str, Any]] = {
    "the smallest of everything": {
        "integer": -(2**62),
        "float": -1.7e308,
        "date": datetime.date(1, 1, 1),
        "datetime": datetime.datetime(1, 1, 1),
        "text": "",
        "code": -(2**62),
        "boolean": False,
    },
    "the largest of everything": {
        "integer": 2**62,
        "float": 1.7e308,
        "date": datetime.date(9999, 12, 31),
        "datetime": datetime.datetime(9999, 12, 31),
        "text": _LONG,
        "code": 2**62,
        "boolean": True,
    },
    "infinite numbers": _INFINITE,
    "numbers next to nothing": {**_INFINITE, "integer": 1, "float": 5e-324, "code": 1},
    "a zero with a sign": {
        **_INFINITE,
        "integer": 0,
        "float": -0.0,
        "code": 0,
    },
    "new categories, and no numbers": {
        "integer": 0,
        "float": math.nan,
        "date": datetime.date(1970, 1, 1),
        "datetime": datetime.datetime(1970, 1, 1),
        "text": "a category that nobody else has",
        "code": 987_654_321,
        "boolean": True,
    },
}


def _with(row: pl.DataFrame, schema: Schema, extreme: dict[str, Any]) -> pl.DataFrame:
    """Returns the row with every learned cell replaced; by null where nothing is given."""
    import polars as pl

    return row.with_columns(
        pl.lit(extreme.get(_kind(c, row.schema[c.name])), dtype=row.schema[c.name]).alias(c.name)
        for c in schema.encoded
    )


def _kind(column: Column, dtype: pl.DataType) -> str:
    import polars as pl

    if column.kind in ("categorical", "ordinal"):
        return "text" if dtype == pl.String else "code"
    return column.kind
