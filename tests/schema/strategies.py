"""Hypothesis strategies for valid schemas."""

from __future__ import annotations

import datetime
import string

from hypothesis import strategies as st

from synthkit.schema import Column, Schema

_words = st.text(min_size=1, max_size=12).map(str.strip).filter(bool)
_odd_words = st.sampled_from(
    ["yes", "no", "on", "null", "~", "NaN", "1e5", "007", "0x1F", "2020-01-01", "12:30", "-", "?",
     "a: b", "# x", "'", '"', "[a", "{b", "!x", "&x", "*x", "true", "1_000", "=", "<<", "é", "\x07"]
)  # fmt: skip
names = st.one_of(_words, _odd_words)
_int64 = st.integers(-(2**63), 2**63 - 1)
_floats = st.floats(allow_nan=False, allow_infinity=False)
_roles = st.sampled_from(["quasi_identifier", "sensitive", "other"])


def _pair(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(values, values).map(lambda p: (min(p), max(p)))


@st.composite
def columns(draw: st.DrawFn, name: str, taken: frozenset[str] = frozenset()) -> Column:
    """Draws one valid column that is learned."""
    kind = draw(
        st.sampled_from(
            ["integer", "float", "categorical", "ordinal", "boolean", "date", "datetime"]
        )
    )
    bounds, categories, decimals = None, None, None
    if kind == "integer":
        bounds = draw(_pair(_int64))
    elif kind == "float":
        bounds = draw(_pair(_floats))
        decimals = draw(st.none() | st.integers(0, 12))
    elif kind == "date":
        bounds = draw(_pair(st.dates()))
    elif kind == "datetime":
        bounds = draw(_pair(st.datetimes()))
    missing = draw(st.lists(names, max_size=2, unique=True))
    if kind in ("categorical", "ordinal"):
        of = draw(st.sampled_from([names, _int64]))
        categories = tuple(
            c
            for c in draw(st.lists(of, min_size=1, max_size=6, unique=True))
            if str(c) not in (*missing, *taken)
        )
        if not categories:
            kind, categories = "boolean", None
    return Column(
        name=name,
        kind=kind,
        role=draw(_roles),
        nullable=draw(st.booleans()),
        bounds=bounds,
        categories=categories,
        decimals=decimals,
        domain_source=draw(st.sampled_from(["public", "data"])),
        missing=tuple(missing),
        description=draw(st.text(max_size=30)),
    )


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Draws one valid schema."""
    missing = draw(st.lists(names, max_size=2, unique=True))
    called = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    learned = [draw(columns(name, frozenset(missing))) for name in called]
    left_out = [
        Column(name=f"extra {i}", kind=kind)
        for i, kind in enumerate(draw(st.lists(st.sampled_from(["id", "text"]), max_size=2)))
    ]
    has_person = draw(st.booleans())
    if has_person:
        left_out.append(Column(name="the person", kind="person_id", role="identifier"))
    every = [*learned, *(c for c in left_out if c.name not in called)]
    is_person = any(c.kind == "person_id" for c in every)
    return Schema(
        name=draw(names),
        population=draw(st.text(string.ascii_lowercase + string.digits + "._/-", min_size=1)),
        columns=tuple(draw(st.permutations(every))),
        targets=tuple(draw(st.lists(st.sampled_from(called), max_size=2, unique=True))),
        missing=tuple(missing),
        rows_public=draw(st.none() | st.integers(1, 10**9)),
        unit=draw(st.sampled_from([None, "row", *(["person"] if is_person else [])])),
        description=draw(st.text(max_size=60)),
    )


def example() -> Schema:
    """A schema with one column of every kind, for tests by hand."""
    return Schema(
        name="visits",
        population="clinic",
        missing=("?",),
        targets=("outcome",),
        columns=(
            Column(name="patient", kind="person_id", role="identifier"),
            Column(name="visit", kind="id", role="identifier"),
            Column(name="age", kind="integer", bounds=(0, 120), nullable=True),
            Column(name="weight", kind="float", bounds=(0.0, 300.0), decimals=1),
            Column(name="smoker", kind="boolean"),
            Column(name="ward", kind="categorical", categories=("a", "b", "c"), nullable=True),
            Column(name="pain", kind="ordinal", categories=(1, 2, 3)),
            Column(
                name="day",
                kind="date",
                bounds=(datetime.date(2020, 1, 1), datetime.date(2021, 12, 31)),
            ),
            Column(
                name="seen",
                kind="datetime",
                nullable=True,
                bounds=(datetime.datetime(2020, 1, 1), datetime.datetime(2021, 12, 31, 23, 59)),
            ),
            Column(name="note", kind="text", nullable=True),
            Column(name="outcome", kind="categorical", categories=("well", "ill")),
        ),
    )
