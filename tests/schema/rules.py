"""Hypothesis strategies for rules on a small table, and the table's columns."""

from __future__ import annotations

import datetime

from hypothesis import strategies as st

from synthkit.schema import Column, Constraint, Follows, Implies, Order, ValueSet

DAY = datetime.date(2020, 1, 1)

COLUMNS = (
    Column(name="class", kind="categorical", categories=("a", "b", "c", "d"), nullable=True),
    Column(name="group", kind="categorical", categories=("x", "y", "z")),
    Column(name="grade", kind="ordinal", categories=(1, 2, 3)),
    Column(name="smoker", kind="boolean", nullable=True),
    Column(name="low", kind="integer", bounds=(0, 6)),
    Column(name="mid", kind="float", bounds=(-1.0, 5.0), decimals=1, nullable=True),
    Column(name="high", kind="float", bounds=(0.0, 7.0)),
    Column(
        name="begin", kind="date", bounds=(DAY, DAY + datetime.timedelta(days=5)), nullable=True
    ),
    Column(name="end", kind="date", bounds=(DAY, DAY + datetime.timedelta(days=4))),
)
BY_NAME = {c.name: c for c in COLUMNS}
CATEGORIES = ("class", "group", "grade", "smoker")
CHAINS = (("low", "mid"), ("mid", "high"), ("low", "mid", "high"), ("begin", "end"))
DAYS = [DAY, DAY + datetime.timedelta(days=2), DAY + datetime.timedelta(days=4)]
POINTS = {
    "low": [0, 2, 6],
    "mid": [-1.0, 0.5, 5.0],
    "high": [0.0, 2.5, 7.0],
    "begin": DAYS,
    "end": DAYS,
}


def members(column: Column) -> list:
    """All values of a column that has categories, missing included where it may be."""
    values = [False, True] if column.kind == "boolean" else list(column.categories or ())
    return values + ([None] if column.nullable else [])


@st.composite
def value_sets(draw: st.DrawFn) -> ValueSet:
    """Draws a set of values that `constraints` may name."""
    column = BY_NAME[draw(st.sampled_from(sorted(BY_NAME)))]
    missing = draw(st.booleans()) if column.nullable else False
    if column.nullable and draw(st.integers(0, 5)) == 0:
        return ValueSet(column=column.name, missing=missing, excluded=not missing)
    if column.name in POINTS:
        low, high = sorted(draw(st.tuples(*[st.sampled_from(POINTS[column.name])] * 2)))
        ends = draw(st.sampled_from([(low, high), (low, None), (None, high)]))
        return ValueSet(column=column.name, bounds=ends, missing=missing)
    named = [v for v in members(column) if v is not None]
    values = draw(st.lists(st.sampled_from(named), min_size=1, max_size=2, unique=True))
    excluded = draw(st.booleans())
    return ValueSet(
        column=column.name, values=tuple(values), excluded=excluded, missing=excluded or missing
    )


@st.composite
def constraints(draw: st.DrawFn) -> Constraint:
    """Draws one rule; rules together may be unsound."""
    kind = draw(st.sampled_from(["follows", "order", "implies", "implies"]))
    if kind == "order":
        return Order(columns=draw(st.sampled_from(CHAINS)), strict=draw(st.booleans()))
    if kind == "implies":
        when = draw(value_sets())
        then = draw(value_sets().filter(lambda s: s.column != when.column))
        return Implies(when=when, then=then, exactly=draw(st.booleans()))
    names = draw(st.lists(st.sampled_from(CATEGORIES), min_size=2, max_size=3, unique=True))
    of, column = tuple(names[:-1]), BY_NAME[names[-1]]
    keys = draw(
        st.lists(
            st.tuples(*(st.sampled_from(members(BY_NAME[n])) for n in of)), max_size=3, unique=True
        )
    )
    known = tuple((key, draw(st.sampled_from(members(column)))) for key in keys)
    return Follows(column=column.name, of=of, known=known)
