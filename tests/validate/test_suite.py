"""The suite says what the schema says, about encoded columns only, in the same bytes each time."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.schema import Schema
from synthkit.validate import decimals_regex, write_suite


def test_identifiers_and_text_are_not_in_the_suite(schema: Schema) -> None:
    suite = write_suite(schema, rows=4)
    named = {c.column for c in suite.checks if c.column}
    assert named == {c.name for c in schema.encoded}
    assert b"patient" not in suite.to_json()
    assert b"remark" not in suite.to_json()


def test_every_column_is_checked_for_existence_type_and_some_value(schema: Schema) -> None:
    rules = {c.rule for c in write_suite(schema, rows=4).checks}
    for column in schema.encoded:
        for what in ("exists", "type", "some_values"):
            assert f"{column.name}.{what}" in rules
        assert (f"{column.name}.not_null" in rules) is not column.nullable
        assert (f"{column.name}.bounds" in rules) is (column.bounds is not None)
        assert (f"{column.name}.categories" in rules) is (column.categories is not None)


def test_rule_ids_are_unique_and_in_the_json(schema: Schema) -> None:
    suite = write_suite(schema, rows=4)
    ids = [e["meta"]["rule_id"] for e in json.loads(suite.to_json())["expectations"]]
    assert ids == [c.rule for c in suite.checks]
    assert len(set(ids)) == len(ids)


def test_the_same_schema_gives_the_same_bytes(schema: Schema) -> None:
    assert write_suite(schema, rows=4).to_json() == write_suite(schema, rows=4).to_json()


@settings(max_examples=300, deadline=None)
@given(
    value=st.floats(allow_nan=False, allow_infinity=False, width=64),
    decimals=st.integers(0, 12),
)
def test_rounded_numbers_have_few_enough_decimals(value: float, decimals: int) -> None:
    if abs(value) * 10.0**decimals < 2**53:
        rounded = float(np.round(value, decimals))
        assert re.match(decimals_regex(decimals), repr(rounded))


@pytest.mark.parametrize(
    ("value", "decimals", "fits"),
    [
        (0.5, 0, False),
        (3.0, 0, True),
        (0.25, 1, False),
        (1e-05, 4, False),
        (1e-05, 5, True),
        (1.2e-05, 5, False),
        (1.2e-05, 6, True),
        (-1.25e-07, 8, False),
        (-1.25e-07, 9, True),
        (2.5e17, 0, True),
        (0.1 + 0.2, 1, False),
    ],
)
def test_decimals_are_counted_in_every_way_a_float_is_written(
    value: float, decimals: int, fits: bool
) -> None:
    assert bool(re.match(decimals_regex(decimals), repr(value))) is fits
