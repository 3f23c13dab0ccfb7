from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings

from synthkit.errors import InputError
from synthkit.schema import clamp, dtype_of
from synthkit.source import conform
from tests.schema.strategies import example, schemas

SECRET = "Ms-Unmistakable-77"


def raw() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "outcome": ["well ", " ill"],
            "patient": [11, 12],
            "visit": [1.0, 2.0],
            "age": ["30", "?"],
            "weight": [60, 61],
            "smoker": ["Yes", "no"],
            "ward": [" a", "?"],
            "pain": ["1", "3.0"],
            "day": ["2020-05-01", "02.05.2020"],
            "seen": ["2020-05-01T10:00:00Z", "?"],
            "note": [" kept ", "?"],
            "extra": [1, 2],
        }
    )


def test_the_table_gets_the_schemas_columns_order_and_types():
    schema = example()
    table = conform(raw(), schema)
    assert table.columns == [c.name for c in schema.columns]
    assert table.dtypes == [dtype_of(c) for c in schema.columns]
    assert table["patient"].to_list() == ["11", "12"]
    assert table["age"].to_list() == [30, None]
    assert table["ward"].to_list() == ["a", None]
    assert table["pain"].to_list() == [1, 3]
    assert table["note"].to_list() == [" kept ", None]
    assert table["outcome"].to_list() == ["well", "ill"]


def test_conforming_twice_changes_nothing():
    once = conform(raw(), example())
    assert conform(once, example()).equals(once)


def test_unknown_categories_and_values_out_of_bounds_are_left_to_check_and_clamp():
    table = conform(raw().with_columns(ward=pl.lit("zz"), age=pl.lit(500)), example())
    assert table["ward"].to_list() == ["zz", "zz"]
    assert table["age"].to_list() == [500, 500]


def test_all_problems_are_told_at_once_and_no_cell():
    table = (
        raw()
        .drop("visit")
        .with_columns(
            age=pl.Series([SECRET, "3"]), pain=pl.Series([SECRET, SECRET]), day=pl.lit("01/02/2020")
        )
    )
    with pytest.raises(InputError) as caught:
        conform(table, example())
    details = "\n".join(caught.value.details)
    assert "4 columns" in caught.value.message
    assert "'visit' is in the schema and not in the table" in details
    assert "'age': 1 row cannot be read as integer" in details
    assert "'pain': 2 rows (every row) cannot be read as ordinal" in details
    assert "'day': 2 rows (every row) cannot be read as date. Write dates as YYYY-MM-DD" in details
    assert SECRET not in details + caught.value.message + caught.value.hint


@given(schema=schemas())
@settings(max_examples=40, deadline=None)
def test_an_empty_table_of_text_conforms_to_any_schema(schema):
    table = pl.DataFrame({c.name: pl.Series([], dtype=pl.String) for c in schema.columns})
    result = conform(table, schema)
    assert result.columns == [c.name for c in schema.columns]
    assert result.dtypes == [dtype_of(c) for c in schema.columns]


def test_unreadable_cells_can_become_missing_instead():
    table = raw().with_columns(age=pl.Series(["x", "3"]), pain=pl.Series(["x", "2"]))
    result = conform(table, example(), unreadable_cells="missing")
    assert result["age"].to_list() == [None, 3]
    assert clamp(result, example())["pain"].to_list() == [1, 2]
    with pytest.raises(InputError, match="in 1 column"):
        conform(table.drop("visit"), example(), unreadable_cells="missing")
