"""Columns and tables of every kind for Hypothesis; not a test."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from hypothesis import strategies as st

from synthkit.schema.model import Column, Schema

finite = st.floats(-1e12, 1e12, allow_nan=False).map(lambda x: x + 0.0)
ordinary = st.floats(-1000, 1000).map(lambda x: round(x, 3) + 0.0)
whole = st.one_of(st.integers(-20, 20), st.integers(-(10**6), 10**6), st.integers(-(2**61), 2**61))
days = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))
times = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))
names = st.text("abcdefgxyz ü-", min_size=1, max_size=4)


def bounds_of(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(values, values).map(lambda pair: tuple(sorted(pair)))


@st.composite
def integer_columns(draw: st.DrawFn) -> Column:
    return Column(
        name="x", kind="integer", nullable=draw(st.booleans()), bounds=draw(bounds_of(whole))
    )


@st.composite
def float_columns(draw: st.DrawFn) -> Column:
    decimals = draw(st.sampled_from([None, 0, 1, 2, 6]))
    low, high = draw(bounds_of(st.one_of(ordinary, finite)))
    if decimals is not None:  # at least one multiple of 10^-decimals must lie within
        high = max(high, low + 2 * 10.0**-decimals)
    return Column(
        name="x",
        kind="float",
        nullable=draw(st.booleans()),
        bounds=(low, high),
        decimals=decimals,
    )


@st.composite
def time_columns(draw: st.DrawFn) -> Column:
    kind = draw(st.sampled_from(["date", "datetime"]))
    low, high = draw(bounds_of(days if kind == "date" else times))
    if kind == "datetime":  # at least one whole second must lie within
        high = max(high, low + dt.timedelta(seconds=2))
    return Column(name="x", kind=kind, nullable=draw(st.booleans()), bounds=(low, high))


@st.composite
def category_columns(draw: st.DrawFn) -> Column:
    kind = draw(st.sampled_from(["categorical", "ordinal", "boolean"]))
    values = st.one_of(
        st.lists(names, min_size=1, max_size=12, unique=True),
        st.lists(st.integers(-5, 50), min_size=1, max_size=12, unique=True),
    )
    categories = None if kind == "boolean" else tuple(draw(values))
    return Column(name="x", kind=kind, nullable=draw(st.booleans()), categories=categories)


columns = st.one_of(integer_columns(), float_columns(), time_columns(), category_columns())


def domain_of(column: Column) -> st.SearchStrategy:
    """Values a checked table may hold in this column."""
    if column.kind == "boolean":
        values: st.SearchStrategy = st.booleans()
    elif column.categories is not None:
        values = st.sampled_from(column.categories)
    else:
        low, high = column.bounds
        if column.kind == "integer":
            values = st.integers(low, high)
        elif column.kind == "float":
            values = st.floats(low, high)
        elif column.kind == "date":
            values = st.dates(low, high)
        else:
            values = st.datetimes(low, high)
        values = st.one_of(values, st.sampled_from([low, high]))
    return st.one_of(st.none(), values) if column.nullable else values


def dtype_of(column: Column) -> pl.DataType | type[pl.DataType]:
    plain = {
        "integer": pl.Int64,
        "float": pl.Float64,
        "boolean": pl.Boolean,
        "date": pl.Date,
        "datetime": pl.Datetime("us"),
    }
    if column.kind in plain:
        return plain[column.kind]
    return pl.Int64 if all(isinstance(c, int) for c in column.categories) else pl.String


@st.composite
def tables(draw: st.DrawFn, *, min_rows: int = 0) -> tuple[pl.DataFrame, Schema, np.ndarray]:
    """A table of one to three columns, its schema, and the unit of each row."""
    n_columns = draw(st.integers(1, 3))
    n_rows = draw(st.integers(min_rows, 12))
    made = []
    for i in range(n_columns):
        c = draw(columns)
        made.append(
            Column(
                name=f"c{i}",
                kind=c.kind,
                nullable=c.nullable,
                bounds=c.bounds,
                categories=c.categories,
                decimals=c.decimals,
                domain_source="public",
            )
        )
    table = pl.DataFrame(
        [
            pl.Series(
                c.name,
                draw(st.lists(domain_of(c), min_size=n_rows, max_size=n_rows)),
                dtype=dtype_of(c),
            )
            for c in made
        ]
    )
    units = draw(st.lists(st.integers(0, 5), min_size=n_rows, max_size=n_rows))
    index = np.unique(np.array(units, dtype=np.int64), return_inverse=True)[1].astype(np.int64)
    return table, Schema(name="t", population="t", columns=tuple(made)), index
