from __future__ import annotations

import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.schema import Column, conversion, convert, dtype_of
from synthkit.schema.model import Kind

D = datetime.date
T = datetime.datetime


def column(kind: Kind, *missing: str, categories: tuple | None = None) -> Column:
    return Column(name="x", kind=kind, categories=categories, missing=missing)


CASES = [
    ("integer", ["1", " 2 ", "3.0", "", None, "?"], [1, 2, 3, None, None, None], 0),
    ("integer", ["1.5", "one", "1e3", "inf"], [None, None, 1000, None], 3),
    ("integer", [1.0, float("nan"), 2.5, float("inf")], [1, None, None, None], 2),
    ("integer", [True, False, None], [1, 0, None], 0),
    ("integer", [2**63, 5], [None, 5], 1),
    ("float", ["1.5", "2", "1,5", "nan", "?"], [1.5, 2.0, None, None, None], 1),
    ("float", [1, 2, None], [1.0, 2.0, None], 0),
    ("float", [float("inf"), 1.0], [None, 1.0], 1),
    ("boolean", ["yes", "No", "TRUE", "0", "maybe"], [True, False, True, False, None], 1),
    ("boolean", [0, 1, 2, None], [False, True, None, None], 1),
    ("boolean", [1.0, 0.5], [True, None], 1),
    ("text", [" kept as it is ", "  ", "?"], [" kept as it is ", None, None], 0),
    ("id", [" a1 ", "b"], ["a1", "b"], 0),
    ("id", [7, 8, None], ["7", "8", None], 0),
    ("person_id", [7.0, None, 9.5], ["7", None, "9.5"], 0),
    ("date", ["2020-02-29", "29.02.2020", "29 Feb 2020", "2020-02-29T10:00:00"],
     [D(2020, 2, 29)] * 4, 0),
    ("date", ["2020-02-30", "soon"], [None, None], 2),
    ("date", ["01/02/2020", "25/02/2020"], [None, None], 2),
    ("date", ["02/01/2020", "02/25/2020"], [None, None], 2),
    ("date", ["02 28, 2014", "1 3, 2014"], [None, None], 2),
    ("date", [T(2020, 1, 1, 5)], [D(2020, 1, 1)], 0),
    ("date", [20200101], [None], 1),
    ("datetime", ["2020-01-01 10:30", "2020-01-01T10:30:00.5", "2020-01-01"],
     [T(2020, 1, 1, 10, 30), T(2020, 1, 1, 10, 30, 0, 500000), T(2020, 1, 1)], 0),
    ("datetime", ["2020-01-01T10:30:00Z", "2020-01-01 10:30:00+02:00"],
     [T(2020, 1, 1, 10, 30), T(2020, 1, 1, 8, 30)], 0),
    ("datetime", [D(2020, 1, 1)], [T(2020, 1, 1)], 0),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "raw", "expected", "n_unreadable"), CASES)
def test_cells_mean_what_people_mean(kind, raw, expected, n_unreadable):
    result = convert(pl.Series("x", raw, strict=False), column(kind, "?"))
    assert result.values.to_list() == expected
    assert result.n_unreadable == n_unreadable
    assert result.values.dtype == dtype_of(column(kind))
    assert result.values.name == "x"


@pytest.mark.parametrize(("kind", "raw", "expected", "n_unreadable"), CASES)
def test_conversion_of_a_converted_column_changes_nothing(kind, raw, expected, n_unreadable):
    once = convert(pl.Series("x", raw, strict=False), column(kind, "?"))
    twice = convert(once.values, column(kind, "?"))
    assert twice.values.equals(once.values)
    assert twice.n_unreadable == 0


def test_categories_are_compared_as_declared():
    texts, numbers = (
        column("categorical", categories=("1", "b")),
        column("ordinal", categories=(1, 2)),
    )
    assert convert(pl.Series([1.0, 2.0]), texts).values.to_list() == ["1", "2"]
    assert convert(pl.Series([" b", "c"]), texts).values.to_list() == ["b", "c"]
    assert convert(pl.Series(["1", "2.0", "x"]), numbers).values.to_list() == [1, 2, None]
    assert convert(pl.Series(["a", "b"], dtype=pl.Categorical), texts).values.to_list() == [
        "a",
        "b",
    ]
    assert convert(pl.Series([True, False]), texts).values.to_list() == ["true", "false"]


def test_a_missing_token_that_is_a_number_matches_the_number():
    assert convert(pl.Series([999, 1]), column("integer", "999")).values.to_list() == [None, 1]
    assert convert(pl.Series([-9.0, 1.5]), column("float", "-9")).values.to_list() == [None, 1.5]


def test_a_decimal_and_an_all_null_column_convert():
    decimals = pl.Series(["1.50", "2.25"]).cast(pl.Decimal(10, 2))
    assert convert(decimals, column("float")).values.to_list() == [1.5, 2.25]
    nothing = convert(pl.Series([None, None]), column("date"))
    assert (nothing.values.to_list(), nothing.n_unreadable) == ([None, None], 0)


def test_nested_columns_are_unreadable_rather_than_a_crash():
    result = convert(pl.Series([[1], [2]]), column("text"))
    assert result.n_unreadable == 2


@pytest.mark.parametrize("kind", ["date", "datetime", "categorical", "text", "integer", "boolean"])
@pytest.mark.parametrize("stored", [
    pl.Date(), pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("ns"),
    pl.Datetime("ms", "Europe/Berlin"), pl.Datetime("us", "UTC"), pl.Duration("us"),
])  # fmt: skip
def test_times_beyond_every_calendar_raise_nothing_and_change_no_other_cell(stored, kind):
    # Databases write "infinity" so; one such cell must not decide whether a job ends.
    most = 2**31 - 1 if stored == pl.Date else 2**63 - 1
    steps = pl.Series("x", [0, most, -most, None], dtype=pl.Int64)
    raw = steps.cast(steps.dtype if stored != pl.Date else pl.Int32).cast(stored)
    result, alone = convert(raw, column(kind)), convert(raw[:1], column(kind))
    assert result.values[0] == alone.values[0]
    assert result.values.dtype == dtype_of(column(kind))
    assert result.values.is_null()[3]


def test_a_time_with_a_zone_is_read_as_utc():
    raw = pl.Series("x", [T(2020, 7, 1, 12)]).dt.replace_time_zone("Europe/Berlin")
    assert convert(raw, column("datetime")).values.to_list() == [T(2020, 7, 1, 10)]


_raw = st.one_of(
    st.lists(st.none() | st.text(max_size=6), min_size=1, max_size=8).map(
        lambda v: pl.Series("x", v, dtype=pl.String)
    ),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8).map(
        lambda v: pl.Series("x", v, dtype=pl.Int64)
    ),
    st.lists(st.none() | st.floats(), min_size=1, max_size=8).map(
        lambda v: pl.Series("x", v, dtype=pl.Float64)
    ),
)
_kinds = st.sampled_from(
    ["integer", "float", "boolean", "date", "datetime", "id", "text", "categorical"]
)


@given(raw=_raw, kind=_kinds)
@settings(max_examples=150, deadline=None)
def test_any_column_converts_to_its_type_without_losing_count(raw, kind):
    what = column(kind, categories=("a",) if kind == "categorical" else None)
    result = convert(raw, what)
    assert len(result.values) == len(raw)
    assert result.values.dtype == dtype_of(what)
    assert 0 <= result.n_unreadable <= result.values.null_count()
    again = convert(result.values, what)
    assert again.values.equals(result.values)
    assert again.n_unreadable == 0


_words = st.sampled_from(
    ["1", "2.0", "2.5", "1e3", " 7", "nan", "true", "No", "x", "", "007", "2020-01-31",
     "31.01.2020", "2020-01-31 10:00", "2020-01-31T10:00:00Z", "2020-01-31 10:00:00+02:00",
     "Jan 31, 2020"]
)  # fmt: skip
_mixed = st.lists(st.none() | _words, min_size=1, max_size=8).map(
    lambda v: pl.Series("x", v, dtype=pl.String)
)


@given(raw=_raw | _mixed, kind=_kinds, rows=st.integers(1, 3))
@settings(max_examples=300, deadline=None)
def test_a_column_read_in_parts_is_read_the_same(raw, kind, rows):
    what = column(kind, "7", categories=("a",) if kind == "categorical" else None)
    whole = convert(raw, what)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "_CHUNK_ROWS", rows)
        in_parts = convert(raw, what)
    assert in_parts.values.equals(whole.values)
    assert in_parts.values.dtype == whole.values.dtype
    assert in_parts.values.name == whole.values.name
    assert in_parts.n_unreadable == whole.n_unreadable


def test_a_column_that_is_as_it_should_be_is_not_copied():
    for values, kind in (([1, None, 3], "integer"), (["a", "b ", None], "categorical")):
        raw = pl.Series("x", values)
        is_kept = convert(raw, column(kind, categories=("a",))).values is raw
        assert is_kept == (kind == "integer"), "the blank behind b is cut off in a copy"


@pytest.mark.parametrize(
    ("order", "cells", "expected"),
    [
        ("day_first", ["01/02/2020", "25/02/2020"], [D(2020, 2, 1), D(2020, 2, 25)]),
        ("month_first", ["02/01/2020", "02-25-2020"], [D(2020, 2, 1), D(2020, 2, 25)]),
        ("month_first", ["02 28, 2014", "1 3, 2014"], [D(2014, 2, 28), D(2014, 1, 3)]),
    ],
)
def test_dates_with_two_readings_are_read_in_the_declared_order(order, cells, expected):
    column = Column(name="d", kind="date", date_order=order)
    assert convert(pl.Series("d", cells), column).values.to_list() == expected


@pytest.mark.parametrize("order", [None, "day_first", "month_first"])
def test_no_row_decides_how_another_date_is_read(order):
    column = Column(name="d", kind="date", date_order=order)
    cells = ["01/02/2020", "03.04.2020", "2020-05-06"]
    alone = convert(pl.Series("d", cells), column).values.to_list()
    for other in ("25/12/2020", "12/25/2020", "soon", None):
        beside = convert(pl.Series("d", [*cells, other]), column).values.to_list()
        assert beside[:3] == alone
