"""A small schema with every encoded kind, and a table that obeys it."""

from __future__ import annotations

import datetime

import polars as pl
import pytest

from synthkit.schema import Column, Schema


@pytest.fixture(scope="session")
def schema() -> Schema:
    day, time = datetime.date, datetime.datetime
    return Schema(
        name="visits",
        population="visits",
        columns=(
            Column(name="patient", kind="person_id", role="identifier"),
            Column(name="age", kind="integer", bounds=(0, 120)),
            Column(name="stays", kind="integer", bounds=(0, 9), nullable=True),
            Column(name="weight", kind="float", bounds=(0.0, 300.0), decimals=1, nullable=True),
            Column(name="score", kind="float"),
            Column(name="ward", kind="categorical", categories=("a", "b", "2020-01-01")),
            Column(name="grade", kind="ordinal", categories=(1, 2, 3), nullable=True),
            Column(name="alive", kind="boolean", nullable=True),
            Column(name="admitted", kind="date", bounds=(day(2020, 1, 1), day(2020, 12, 31))),
            Column(
                name="measured",
                kind="datetime",
                bounds=(time(2020, 1, 1), time(2020, 12, 31, 12, 30)),
                nullable=True,
            ),
            Column(name="remark", kind="text"),
        ),
    )


@pytest.fixture(scope="session")
def table() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "age": [0, 35, 120, 64],
            "stays": [0, None, 9, 1],
            "weight": [0.0, 81.5, None, 300.0],
            "score": [-1e-7, 2.5e17, 0.1, 3.0],
            "ward": ["a", "b", "2020-01-01", "a"],
            "grade": [1, 2, None, 3],
            "alive": [True, False, None, True],
            "admitted": [
                datetime.date(2020, 1, 1),
                datetime.date(2020, 12, 31),
                datetime.date(2020, 2, 29),
                datetime.date(2020, 5, 1),
            ],
            "measured": [
                datetime.datetime(2020, 1, 1),
                datetime.datetime(2020, 12, 31, 12, 30),
                None,
                datetime.datetime(2020, 3, 3, 3, 3, 3),
            ],
        },
        schema_overrides={"measured": pl.Datetime("us")},
    )
