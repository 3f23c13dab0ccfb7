from __future__ import annotations

import dataclasses
import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.schema import Column, Schema, check, clamp, dtype_of
from tests.schema.strategies import columns, example

SECRET = "Ms-Unmistakable-77"


def good() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "patient": ["p1", "p1", "p2"],
            "visit": ["v1", "v2", "v3"],
            "age": [30, None, 41],
            "weight": [60.5, 61.0, 80.0],
            "smoker": [True, False, True],
            "ward": ["a", "b", None],
            "pain": [1, 2, 3],
            "day": [datetime.date(2020, 5, d) for d in (1, 2, 3)],
            "seen": [datetime.datetime(2020, 5, 1, 10), None, datetime.datetime(2021, 1, 1)],
            "note": ["x y", None, "z"],
            "outcome": ["well", "ill", "well"],
        }
    )


def test_a_table_that_fits_has_no_problem():
    assert check(good(), example()) == ()
    assert clamp(good(), example()).equals(good())


@pytest.mark.parametrize(
    ("change", "column", "said", "rows", "severity"),
    [
        (pl.col("age") + 100, "age", "out of bounds (0 to 120)", 2, "error"),
        (
            pl.lit(SECRET).alias("age"),
            "age",
            "3 rows (every row) cannot be read as integer",
            3,
            "error",
        ),
        (
            pl.col("weight").replace(61.0, None),
            "weight",
            "1 row missing, and it is not",
            1,
            "error",
        ),
        (pl.lit(SECRET).alias("ward"), "ward", "3 rows with a category that is not", 3, "error"),
        (pl.lit(None).alias("note"), "note", "has no value at all", None, "warning"),
        (
            pl.lit("well").alias("outcome"),
            "outcome",
            "the same value in every row",
            None,
            "warning",
        ),
        (pl.col("patient").replace("p2", None), "patient", "1 row without a person id", 1, "error"),
        (pl.lit("?").alias("day"), "day", "3 rows missing", 3, "error"),
        (pl.col("day").dt.offset_by("5y"), "day", "out of bounds", 3, "error"),
    ],
)
def test_each_planted_fault_is_found(change, column, said, rows, severity):
    found = check(good().with_columns(change), example())
    hit = [p for p in found if said in p.message and p.column == column]
    assert len(hit) == 1, found
    assert (hit[0].rows, hit[0].severity) == (rows, severity)
    assert hit[0].hint
    assert not any(SECRET in p.message + p.hint for p in found)


def test_absent_and_extra_columns_are_both_told():
    table = good().drop("age", "pain").with_columns(extra=1)
    found = check(table, example())
    assert [p.column for p in found if "not in the table" in p.message] == ["age", "pain"]
    extra = [p for p in found if "'extra'" in p.message]
    assert [p.severity for p in extra] == ["warning"]


@pytest.mark.parametrize(("n_rows", "said"), [(0, "no row"), (1, "only one row")])
def test_a_table_too_small_is_an_error(n_rows, said):
    found = check(good().head(n_rows), example())
    assert any(said in p.message and p.severity == "error" and p.rows == n_rows for p in found)


def test_categories_that_nobody_shares_are_odd():
    names = [f"n{i}" for i in range(30)]
    schema = Schema(
        name="x",
        population="x",
        columns=(Column(name="who", kind="categorical", categories=tuple(names)),),
    )
    found = check(pl.DataFrame({"who": names}), schema)
    assert ["no two rows share a value" in p.message for p in found] == [True]


def test_a_raw_table_is_checked_as_it_would_be_read():
    raw = good().cast(pl.String)
    assert check(raw, example()) == ()


def test_clamping_brings_every_cell_inside():
    table = good().with_columns(
        age=pl.Series([-5, 500, None]),
        weight=pl.Series([float("inf"), float("nan"), -1.0]),
        smoker=pl.Series([None, True, False]),
        ward=pl.Series(["zz", "a", None]),
        pain=pl.Series([9, 2, None]),
        seen=pl.Series([datetime.datetime(1990, 1, 1), None, datetime.datetime(2030, 1, 1)]),
        outcome=pl.Series(["?", None, "ill"]),
    )
    result = clamp(table, example())
    assert result["age"].to_list() == [0, 120, None]
    assert result["weight"].to_list() == [300.0, 0.0, 0.0]
    assert result["smoker"].to_list() == [False, True, False]
    assert result["ward"].to_list() == [None, "a", None]
    assert result["pain"].to_list() == [1, 2, 1]
    assert result["seen"].to_list() == [
        datetime.datetime(2020, 1, 1), None, datetime.datetime(2021, 12, 31, 23, 59)
    ]  # fmt: skip
    assert result["outcome"].to_list() == ["well", "well", "ill"]
    assert result.schema == good().schema
    assert [p.severity for p in check(result, example())] == []


@st.composite
def _tables(draw: st.DrawFn) -> tuple[pl.DataFrame, Schema]:
    column = draw(columns("x"))
    cells = {
        "integer": st.integers(-(2**63), 2**63 - 1),
        "float": st.floats(allow_nan=False),
        "boolean": st.booleans(),
        "date": st.dates(),
        "datetime": st.datetimes(),
    }.get(column.kind)
    if cells is None:
        is_text = isinstance((column.categories or ("",))[0], str)
        cells = st.text(max_size=3) if is_text else st.integers(-5, 5)
    values = draw(st.lists(st.none() | cells, min_size=2, max_size=6))
    table = pl.DataFrame({"x": pl.Series(values, dtype=dtype_of(column))})
    return table, Schema(
        name="x", population="x", columns=(dataclasses.replace(column, missing=()),)
    )


@given(case=_tables())
@settings(max_examples=150, deadline=None)
def test_whatever_is_clamped_lies_inside_and_stays(case):
    table, schema = case
    result = clamp(table, schema)
    assert not [p for p in check(result, schema) if p.rows is not None]
    assert clamp(result, schema).equals(result)
    assert result.schema == table.schema


@given(case=_tables())
@settings(max_examples=60, deadline=None)
def test_clamping_one_row_does_not_depend_on_the_others(case):
    table, schema = case
    whole = clamp(table, schema)
    alone = pl.concat([clamp(table[i], schema) for i in range(table.height)])
    assert alone.equals(whole)
