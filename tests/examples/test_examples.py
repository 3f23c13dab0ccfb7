"""The example tables fit their schemas and come the same every time."""

from __future__ import annotations

import time

import pytest

from synthkit import examples, schema, source
from synthkit.errors import InputError

NAMES = ("patients", "reviews")


def test_names_are_the_simulators():
    assert examples.names() == NAMES


def test_an_unknown_example_names_the_known_ones():
    for ask in (examples.table, examples.schema_text, examples.describe):
        with pytest.raises(InputError) as caught:
            ask("patient")
        assert "patients" in caught.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_table_and_another_seed_another(name):
    simulate = examples._module(name).simulate
    first = simulate(500)
    assert first.equals(simulate(500))
    assert first.equals(examples.table(name, n_rows=500))
    assert not first.equals(simulate(500, seed=1))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_rows", [1, 2, 3_000])
def test_tables_of_any_size_conform_to_the_public_schema(name, n_rows):
    form = schema.parse(examples.schema_text(name))
    raw = examples.table(name, n_rows=n_rows)
    assert raw.height == n_rows
    assert raw.columns == [c.name for c in form.columns]
    found = schema.check(source.conform(raw, form), form)
    # Tables of a row or two are remarked upon as a whole, or as constant; never for a cell.
    assert [p for p in found if n_rows > 2 or (p.column and p.rows)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_table_without_rows_is_refused(name):
    with pytest.raises(InputError, match="at least one row"):
        examples.table(name, n_rows=0)


@pytest.mark.parametrize("name", NAMES)
def test_every_domain_of_an_example_is_public(name):
    form = schema.parse(examples.schema_text(name))
    assert form.person_id is not None
    assert form.targets
    for column in form.encoded:
        assert column.description
        if column.kind != "boolean":
            assert column.domain_source == "public"


@pytest.mark.parametrize("name", NAMES)
def test_every_category_of_the_schema_occurs_and_identifiers_are_unique(name):
    form = schema.parse(examples.schema_text(name))
    raw = examples.table(name)
    for column in form.columns:
        if column.categories:
            seen = set(raw.get_column(column.name).drop_nulls().unique().to_list())
            assert seen <= set(column.categories)
            # The second diagnosis is never a birth and never rare; all else occurs.
            assert column.name == "second_diagnosis" or seen == set(column.categories)
        if column.kind == "id":
            assert raw.get_column(column.name).n_unique() == raw.height


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_rows_says_nothing_about_the_person(name):
    raw = examples.table(name)
    person = raw.get_column("customer_id" if name == "reviews" else "patient_id")
    neighbours = (person == person.shift(1)).sum()
    assert neighbours < 30


@pytest.mark.parametrize("name", NAMES)
def test_the_structure_is_described(name):
    text = examples.describe(name)
    assert text.startswith(f"**{name}**")
    assert text.count("\n- ") >= 8


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_simulation_takes_under_a_second(name):
    examples.table(name, n_rows=10)
    start = time.process_time()
    examples.table(name)
    assert time.process_time() - start < 1.0
