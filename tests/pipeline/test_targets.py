"""Which targets get three-way tables: those that are publicly known to have two values."""

from __future__ import annotations

import dataclasses

import pytest

from synthkit.pipeline.making import Making, planned
from synthkit.schema import Column, Schema

TWO = Column(name="b", kind="categorical", categories=("no", "yes"), domain_source="public")
SCHEMA = Schema(
    name="t",
    population="t",
    targets=("b",),
    columns=(
        Column(name="a", kind="integer", bounds=(0, 9), domain_source="public"),
        TWO,
        Column(name="c", kind="integer", bounds=(0, 9), domain_source="public"),
    ),
)


def bought(target: Column | None = None, **changes: object) -> str:
    """Names the joint tables that a plan buys."""
    columns = (SCHEMA.columns[0], target or TWO, SCHEMA.columns[2])
    schema = dataclasses.replace(SCHEMA, columns=columns, **changes)  # type: ignore[arg-type]
    return planned(schema, Making(epsilon=1.0)).plan.events[1].name


def test_a_declared_target_of_two_values_gets_three_way_tables() -> None:
    assert bought() == "three-way tables with the target"
    assert bought(Column(name="b", kind="boolean")) == "three-way tables with the target"


@pytest.mark.parametrize(
    "target",
    [
        dataclasses.replace(TWO, categories=("no", "yes", "perhaps")),
        Column(name="b", kind="integer", bounds=(0, 1), domain_source="public"),
    ],
)
def test_other_targets_get_pairs(target: Column) -> None:
    assert bought(target) == "two-way tables"


def test_a_schema_without_a_target_gets_pairs() -> None:
    assert bought(targets=()) == "two-way tables"


def test_what_a_schema_lists_from_the_data_decides_nothing() -> None:
    # Two categories that were read from the rows: the plan must not depend on their number.
    assert bought(dataclasses.replace(TWO, domain_source="data")) == "two-way tables"
