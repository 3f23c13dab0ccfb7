"""Which rows break rules, against a row-by-row count; and whether any row can obey."""

from __future__ import annotations

import dataclasses
import itertools

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthkit.errors import ConfigError
from synthkit.schema import (
    Constraint,
    Follows,
    Implies,
    Order,
    Schema,
    ValueSet,
    broken,
    dtype_of,
    dump,
    parse,
)
from synthkit.schema.feasibility import find_row
from synthkit.schema.rules import agreed, breaks
from tests.schema.rules import BY_NAME, COLUMNS, DAY, POINTS, constraints, members

SCHEMA = Schema(
    name="t",
    population="t",
    columns=tuple(dataclasses.replace(c, domain_source="public") for c in COLUMNS),
)


def is_in(values: ValueSet, cell: object) -> bool:
    """The slow truth of a set of values."""
    if cell is None:
        return values.missing
    if values.bounds is not None:
        low, high = values.bounds
        return (low is None or cell >= low) and (high is None or cell <= high)
    return (cell in values.values) != values.excluded


def is_broken(rule: Constraint, row: dict[str, object]) -> bool:
    """The slow truth of a rule."""
    match rule:
        case Order():
            cells = [row[n] for n in rule.columns if row[n] is not None]
            pairs = itertools.combinations(cells, 2)
            return any(a >= b if rule.strict else a > b for a, b in pairs)
        case Implies():
            when = is_in(rule.when, row[rule.when.column])
            then = is_in(rule.then, row[rule.then.column])
            return (when and not then) or (rule.exactly and then and not when)
        case Follows():
            function = dict((*rule.known, *rule.learned))
            key = tuple(row[n] for n in rule.of)
            return key in function and function[key] != row[rule.column]


def small_domain(name: str) -> list:
    if name in POINTS:
        return [*POINTS[name], *([None] if BY_NAME[name].nullable else [])]
    return members(BY_NAME[name])


ROWS = st.fixed_dictionaries({n: st.sampled_from(small_domain(n)) for n in BY_NAME})


@settings(deadline=None)
@given(rule=constraints(), rows=st.lists(ROWS, min_size=1, max_size=8))
def test_rows_that_break_a_rule_are_those_of_the_definition(rule, rows):
    table = pl.DataFrame(rows, schema={c.name: dtype_of(c) for c in COLUMNS}, orient="row")
    found = breaks(table, rule, BY_NAME)
    assert found.null_count() == 0
    assert found.to_list() == [is_broken(rule, row) for row in rows]


@settings(deadline=None)
@given(rule=constraints())
def test_a_rule_survives_yaml(rule):
    schema = dataclasses.replace(SCHEMA, constraints=(rule,))
    if find_row(BY_NAME, [rule]).is_impossible:
        with pytest.raises(ConfigError, match="one problem"):
            parse(dump(schema))
    else:
        assert parse(dump(schema)) == schema


def by_hand(rules: list[Constraint]) -> bool:
    """Whether some row obeys, by looking at all rows."""
    names = sorted({n for r in rules for n in _names(r)})
    grid = {
        "low": list(range(7)),
        "mid": [x / 10 for x in range(-10, 51)] + [None],
        "begin": [*(DAY.fromordinal(DAY.toordinal() + i) for i in range(6)), None],
        "end": [DAY.fromordinal(DAY.toordinal() + i) for i in range(5)],
    }
    cells = [grid.get(n) or members(BY_NAME[n]) for n in names]
    return any(
        not any(is_broken(r, dict(zip(names, row, strict=True))) for r in rules)
        for row in itertools.product(*cells)
    )


def _names(rule: Constraint) -> tuple[str, ...]:
    from synthkit.schema import column_names

    return column_names(rule)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.data())
def test_a_row_is_found_exactly_where_one_exists(data):
    rules = data.draw(st.lists(constraints(), min_size=1, max_size=4))
    used = {n for r in rules for n in _names(r)}
    size = 1
    for name in used:
        size *= {"low": 7, "mid": 62, "begin": 7, "end": 5}.get(name, 5)
    if "high" in used or size > 20_000:
        return  # no list of all values, or too long a one
    found = find_row(BY_NAME, rules)
    assert found.is_complete
    assert (found.row is not None) == by_hand(rules)
    if found.row is not None:
        assert not any(is_broken(r, found.row) for r in rules)


class TestBroken:
    TABLE = pl.DataFrame(
        {
            "class": ["a", "a", "a", "b", ""],
            "group": ["x", "x", "y", "y", "z"],
            "low": ["5", "1", "2", "3", "4"],
            "mid": ["4.0", "2.0", "", "1.0", "5.0"],
        }
    )

    def rules(self, *rules: Constraint) -> Schema:
        return dataclasses.replace(SCHEMA, constraints=rules)

    def test_rows_are_counted_and_no_cell_is_told(self):
        schema = self.rules(
            Order(columns=("low", "mid")),
            Follows(column="group", of=("class",)),
            Follows(column="grade", of=("class",)),
        )
        found = broken(self.TABLE, schema)
        # Low 5 over mid 4 and 3 over 1; one "a" that is y among two that are x. No grade: no word.
        assert [(p.column, p.rows, p.severity) for p in found] == [
            ("mid", 2, "warning"),
            ("group", 1, "warning"),
        ]
        assert "low <= mid" in found[0].message

    def test_a_table_that_obeys_has_no_problem(self):
        schema = self.rules(
            Implies(
                when=ValueSet(column="low", bounds=(None, 3)),
                then=ValueSet(column="class", values=("a", "b")),
            )
        )
        assert broken(self.TABLE, schema) == ()

    def test_what_is_known_counts_before_what_most_have(self):
        rule = Follows(column="group", of=("class",), known=((("a",), "y"),))
        assert broken(self.TABLE, self.rules(rule))[0].rows == 2

    def test_a_function_is_completed_by_what_most_rows_have(self):
        table = pl.DataFrame({"class": ["a", "a", "a", None], "group": ["x", "x", "y", "z"]})
        found = agreed(table, Follows(column="group", of=("class",)), BY_NAME)
        assert dict(found.learned) == {("a",): "x", (None,): "z"}


@pytest.mark.parametrize("strict", [False, True])
def test_missing_values_leave_the_others_in_order(strict: bool):
    rule = Order(columns=("low", "mid", "high"), strict=strict)
    rows = {"low": [3, 3], "mid": [None, None], "high": [2.0, 3.0]}
    table = pl.DataFrame(rows, schema={n: dtype_of(BY_NAME[n]) for n in rows})
    assert breaks(table, rule, BY_NAME).to_list() == [True, strict]
