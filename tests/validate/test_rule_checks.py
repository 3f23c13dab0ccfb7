"""Great Expectations finds exactly the rows that break a rule, whatever its columns are called."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest

from synthkit.artifacts import Evidence
from synthkit.gate import decide, load_policy
from synthkit.schema import Follows, Implies, Order, Schema, ValueSet
from synthkit.schema.rules import breaks
from synthkit.validate import measurements, validate, write_suite
from tests.pipeline.ruled import table
from tests.schema.rules import COLUMNS, DAYS

NAMES = {"class": "Class name (final)", "mid": "mid é-1", "low": "from", "end": "a.b"}
COLUMNS_ = tuple(
    dataclasses.replace(c, name=NAMES.get(c.name, c.name), domain_source="public") for c in COLUMNS
)
BY_NAME = {c.name: c for c in COLUMNS_}
QUOTES = ValueSet(
    column="group",
    values=(
        "x",
        'it\'s "y"',
    ),
)
RULES = (
    Follows(
        column="group",
        of=("Class name (final)",),
        known=((("a",), "x"), (("b",), "z"), ((None,), "y")),
    ),
    Follows(column="grade", of=("group", "smoker"), known=((("x", True), 1), (("y", None), 3))),
    Order(columns=("from", "mid é-1", "high"), strict=True),
    Order(columns=("begin", "a.b")),
    Implies(
        when=ValueSet(column="from", bounds=(None, 3)),
        then=ValueSet(column="Class name (final)", values=("a", "b"), missing=True),
        exactly=True,
    ),
    Implies(
        when=ValueSet(column="begin", bounds=(DAYS[0], DAYS[1])),
        then=ValueSet(column="smoker", values=(True,)),
    ),
    Implies(
        when=ValueSet(column="mid é-1", missing=True),
        then=ValueSet(column="grade", values=(1, 3), excluded=True, missing=True),
    ),
    Implies(
        when=ValueSet(column="smoker", excluded=True),
        then=ValueSet(column="a.b", values=(DAYS[0], DAYS[2])),
    ),
    Implies(when=ValueSet(column="high", bounds=(2.5, None)), then=QUOTES),
)


def renamed() -> pl.DataFrame:
    return table().rename(NAMES)


def schema(*rules) -> Schema:
    return Schema(name="t", population="t", columns=COLUMNS_, constraints=rules)


def test_shares_are_those_of_the_rows_that_break_each_rule():
    """Two ways of saying what a rule means agree: pandas queries, and polars for drawn rows."""
    rows = renamed()
    validity, _ = validate(rows, schema(*RULES))
    found = {r.rule.partition(".")[0]: r for r in validity.results if r.rule.startswith("rule")}
    assert len(found) == len(RULES)
    for i, rule in enumerate(RULES):
        share = breaks(rows, rule, BY_NAME).mean()
        assert found[f"rule{i + 1}"].outcome == "fail"
        assert found[f"rule{i + 1}"].unexpected_share == pytest.approx(share)
        assert 0 < share < 1


def test_a_function_of_many_values_takes_several_checks_and_each_can_fail():
    many = tuple(f"v{i}" for i in range(120))
    columns = (
        dataclasses.replace(COLUMNS_[0], categories=many, nullable=False),
        dataclasses.replace(COLUMNS_[1], categories=many),
    )
    known = tuple(((v,), v) for v in many)
    rule = Follows(column="group", of=("Class name (final)",), known=known)
    one = Schema(name="t", population="t", columns=columns, constraints=(rule,))
    suite = write_suite(one, rows=120)
    assert [c.rule for c in suite.checks if c.rule.startswith("rule")] == [
        "rule1.follows.1", "rule1.follows.2", "rule1.follows.3"
    ]  # fmt: skip
    rows = pl.DataFrame({"Class name (final)": many, "group": [*many[:-1], "v0"]})
    outcomes = {r.rule: r.outcome for r in validate(rows, one)[0].results}
    assert outcomes["rule1.follows.1"] == outcomes["rule1.follows.2"] == "pass"
    assert outcomes["rule1.follows.3"] == "fail"


@pytest.mark.parametrize("obeys", [True, False])
def test_a_table_that_breaks_a_rule_is_refused(obeys: bool):
    """The planted fault: one row in three hundred."""
    rows = renamed().with_columns(
        pl.lit(0, dtype=pl.Int64).alias("from"), pl.lit(1.0).alias("high")
    )
    if not obeys:
        high = [1.0] * (rows.height - 1) + [0.0]
        rows = rows.with_columns(
            pl.Series("from", [0] * (rows.height - 1) + [1]), pl.Series("high", high)
        )
    validity, _ = validate(rows, schema(Order(columns=("from", "high"))))
    evidence = Evidence(
        name="t", measurements=measurements(validity), rows_synthetic=rows.height, validity=validity
    )
    decision = decide(evidence, load_policy("internal"))
    rule = next(r for r in decision.rules if r.rule == "schema_validity")
    assert rule.outcome == ("pass" if obeys else "fail")
    if not obeys:
        assert decision.verdict == "refused"
        (bad,) = [r for r in validity.results if r.outcome == "fail"]
        assert (bad.rule, bad.unexpected_share) == ("rule1.order", pytest.approx(1 / 300))
