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


WIDE = tuple(
    Column(name=f"x{i}", kind="integer", bounds=(0, 9), domain_source="public") for i in range(12)
)


@pytest.mark.parametrize("kind", ["declared", "bought"])
def test_pairs_with_a_target_of_many_values_are_bought_apart_in_a_wide_table(kind: str) -> None:
    three = dataclasses.replace(TWO, categories=("no", "yes", "perhaps"))
    if kind == "bought":
        three = dataclasses.replace(three, domain_source="data")
    schema = dataclasses.replace(SCHEMA, columns=(*WIDE[:5], three, *WIDE[5:]))
    plan = planned(schema, Making(epsilon=1.0)).plan
    names = [e.name for e in plan.events]
    assert names[-2:] == ["two-way tables", "two-way tables with a target"]
    assert plan.targets == (5,)
    assert [e.tables for e in plan.events[-2:]] == [66, 12]  # type: ignore[union-attr]
