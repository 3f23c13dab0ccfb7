"""Whatever the rules and the model: every row given out obeys, or the request is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthkit.errors import ConfigError, InputError
from synthkit.schema import Follows, Implies, Order, ValueSet, check, dump, parse
from synthkit.schema.rules import breaks
from tests.pipeline.ruled import model, table
from tests.schema.rules import BY_NAME, DAYS, constraints

WHERE = {
    "class": ["a", "b"],
    "group": "y",
    "grade": 2,
    "smoker": True,
    "low": (None, 3),
    "mid": None,
    "high": (2.0, 5.0),
    "begin": (DAYS[1], None),
}


def breaking(rows: pl.DataFrame, one) -> list[int]:
    return [int(breaks(rows, rule, BY_NAME).sum()) for rule in one.schema.constraints]


def is_sound(rules) -> bool:
    """Whether a schema file could declare these rules, and a fit would take them."""
    from synthkit.schema._constraint_checks import together
    from synthkit.schema.feasibility import find_row

    return not list(together(rules, BY_NAME)) and find_row(BY_NAME, rules).row is not None


random = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
RULES = st.lists(constraints(), min_size=1, max_size=5).filter(is_sound).map(tuple)


@random
@given(rules=RULES, seed=st.integers(0, 50), is_mixture=st.booleans(), data=st.data())
def test_all_rows_obey_all_rules_under_any_condition(rules, seed, is_mixture, data):
    one = model(rules, seed, is_mixture=is_mixture)
    names = data.draw(st.lists(st.sampled_from(sorted(WHERE)), max_size=2, unique=True))
    asked = {}
    if names:
        asked["where"] = {n: WHERE[n] for n in names}
    elif data.draw(st.booleans()):
        asked["balance"] = {data.draw(st.sampled_from(["class", "group", "smoker"])): "uniform"}
    try:
        drawing = one.draw(200, seed=seed, **asked)
        rows = drawing.table()
    except InputError as error:
        # The condition has next to no mass, or nothing that obeys meets it: said, never looped.
        if asked and ("mass" in error.message or "rules" in error.message):
            return
        raise
    assert rows.height == 200
    assert breaking(rows, one) == [0] * len(rules)
    assert [p for p in check(rows, one.schema) if p.severity == "error"] == []
    assert one.sample(200, seed=seed, **asked).equals(rows)
    if "where" in asked:
        unruled = dataclasses.replace(one.schema, constraints=())
        for name, given_ in asked["where"].items():
            assert rows.filter(~_meets(name, given_)).height == 0, (name, unruled.name)
    if "balance" in asked:
        (name,) = asked["balance"]
        counts = rows[name].value_counts()["count"].to_list()
        assert max(counts) - min(counts) <= 1


def _meets(name: str, asked: object) -> pl.Expr:
    if asked is None:
        return pl.col(name).is_null()
    if isinstance(asked, list):
        return pl.col(name).is_in(asked)
    if isinstance(asked, tuple):
        low, high = asked
        found = pl.col(name).is_not_null()
        found = found & (pl.col(name) >= low) if low is not None else found
        return found & (pl.col(name) <= high) if high is not None else found
    return pl.col(name) == asked


@random
@given(rules=RULES, seed=st.integers(0, 50), data=st.data())
def test_completed_rows_keep_what_was_given_and_obey(rules, seed, data):
    one = model(rules, seed)
    names = data.draw(
        st.lists(st.sampled_from(sorted(BY_NAME)), min_size=1, max_size=4, unique=True)
    )
    partial = table(seed + 1).select(names).head(40)
    try:
        done = one.complete(partial, seed=seed)
    except InputError as error:
        if "cannot obey the schema's rules" in error.message:
            return
        raise
    assert breaking(done.table, one) == [0] * len(rules)
    for name in names:
        kept = partial[name].is_null() | (partial[name] == done.table[name]).fill_null(False)
        assert kept.all()


@random
@given(rules=RULES, seed=st.integers(0, 20))
def test_functions_are_complete_and_the_model_s_schema_survives_its_file(rules, seed):
    one = model(rules, seed)
    assert parse(dump(one.schema)) == one.schema
    for rule in one.schema.constraints:
        if isinstance(rule, Follows):
            n_keys = int(np.prod([len(_members(n)) for n in rule.of]))
            assert len(dict((*rule.known, *rule.learned))) == n_keys


def _members(name: str) -> list:
    from tests.schema.rules import members

    return members(BY_NAME[name])


class TestOneRule:
    def test_rows_that_obey_stay_as_they_were_drawn(self):
        rule = Implies(
            when=ValueSet(column="group", values=("x",)), then=ValueSet(column="grade", values=(1,))
        )
        one = model((rule,), 3)
        drawing = one.draw(5_000, seed=1)
        drawing.table()
        tally = drawing.tally
        assert tally.broke == {0: tally.redrawn}
        assert 0 < tally.redrawn < tally.rows == 5_000
        assert tally.borrowed == tally.constructed == 0

    def test_what_is_publicly_known_of_a_function_is_kept(self):
        rule = Follows(column="group", of=("class",), known=((("a",), "z"), ((None,), "y")))
        rows = model((rule,), 4).sample(2_000, seed=0)
        assert set(rows.filter(pl.col("class") == "a")["group"]) == {"z"}
        assert set(rows.filter(pl.col("class").is_null())["group"]) == {"y"}

    def test_a_condition_on_a_follower_is_one_on_what_decides_it(self):
        rule = Follows(column="group", of=("class",), known=((("a",), "z"), (("b",), "z")))
        one = model((rule,), 4)
        others = {k for (k,), v in one.schema.constraints[0].learned if v == "z"}
        rows = one.sample(500, seed=0, where={"group": "z"})
        assert set(rows["group"]) == {"z"}
        assert set(rows["class"]) <= {"a", "b", *others}

    def test_a_balanced_share_that_no_row_can_have_is_refused(self):
        known = tuple(((c,), "x") for c in ("a", "b", "c", "d", None))
        one = model((Follows(column="group", of=("class",), known=known),), 4)
        with pytest.raises(InputError, match="obeys the schema's rules"):
            one.sample(30, balance={"group": "uniform"})

    def test_a_rule_that_the_model_never_draws_holds_all_the_same(self):
        """The model gives the only allowed value no probability: its column's frequencies serve."""
        rule = Implies(
            when=ValueSet(column="class", excluded=True), then=ValueSet(column="grade", values=(3,))
        )
        one = model((rule,), 5)
        start = sum(one.codec.sizes[: one.codec.columns.index("grade")])
        one.inner.table[:, start : start + 3] = [0.5, 0.5, 0.0]
        rows = one.sample(1_000, seed=0)
        assert set(rows.filter(pl.col("class").is_not_null())["grade"]) == {3}

    def test_a_condition_to_which_a_rule_leaves_no_value_names_the_rules(self):
        # A single value of a continuous column: the rule asks for what cannot be drawn.
        rule = Implies(
            when=ValueSet(column="begin", excluded=True),
            then=ValueSet(column="high", bounds=(2.5, 2.5)),
        )
        for is_mixture in (True, False):
            one = model((rule,), 0, is_mixture=is_mixture)
            with pytest.raises(InputError, match="rules leave no value of the column 'high'"):
                one.sample(200, seed=0, where={"begin": WHERE["begin"]})
            with pytest.raises(InputError, match="No value of the column 'high' meets"):
                one.sample(200, seed=0, where={"high": 2.5})

    def test_all_completed_rows_that_break_some_rule_are_counted(self):
        """Two groups of linked columns: a row that breaks both counts once."""
        one = model(
            (
                Implies(
                    when=ValueSet(column="group", values=("x",)),
                    then=ValueSet(column="grade", values=(1,)),
                ),
                Order(columns=("begin", "end"), strict=True),
            ),
            0,
        )
        group = ["x", "x", "y", "y", "y"]
        days = [DAYS[0], DAYS[1], DAYS[1], DAYS[0], DAYS[0]]
        ends = [DAYS[1], DAYS[0], DAYS[0], DAYS[1], DAYS[1]]
        partial = pl.DataFrame({"group": group, "grade": [2] * 5, "begin": days, "end": ends})
        with pytest.raises(InputError, match=r"^3 of 5 rows cannot obey"):
            one.complete(partial, seed=0)

    def test_an_order_without_room_takes_the_only_value(self):
        rule = Order(columns=("begin", "end"), strict=True)
        one = model((rule,), 6)
        rows = one.sample(2_000, seed=0).drop_nulls("begin")
        assert rows.height
        assert (rows["begin"] < rows["end"]).all()


def test_rows_that_break_a_rule_are_never_given_out(monkeypatch):
    """The planted fault: nothing mends rows any more."""
    from synthkit.errors import SynthkitError
    from synthkit.pipeline.obeying import Obedience

    one = model((Order(columns=("begin", "end"), strict=True),), 6)
    monkeypatch.setattr(Obedience, "_sweep", lambda *_: None)
    monkeypatch.setattr(Obedience, "_jointly", lambda self, frame, *_: frame)
    monkeypatch.setattr(Obedience, "_ordered", lambda self, frame, *_: frame)
    monkeypatch.setattr(Obedience, "_mended", lambda self, frame, *_: frame)
    with pytest.raises(SynthkitError, match="about to be given out"):
        one.sample(1_000, seed=0)


def test_a_table_from_elsewhere_is_checked_for_rules_too(tmp_path):
    """Also for a function that nobody wrote down, and where categories are not public."""
    import synthkit as sk
    from synthkit.privacy.ledger import Ledger
    from tests.pipeline.jobs import ENCODED, SCHEMA, visits

    text = SCHEMA.replace("categories: [1, 2, 3], from: public", "categories: [1, 2, 3]")
    rules = (
        "constraints:\n  - {column: grade, follows: ward}\n"
        "  - {when: {column: ward, is: north}, then: {column: grade, is: 2}}\n"
    )
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    keeps = pl.when(pl.col("ward") == "north").then(2).otherwise(1).cast(pl.Int64).alias("grade")
    for change, outcome in ((keeps, "pass"), (pl.col("grade"), "fail")):
        evidence = sk.evaluate(
            visits(200), visits(200, seed=1, first_patient=900),
            visits(200, seed=2).select(ENCODED).with_columns(change), parse(text + rules),
            ledger=ledger,
        )  # fmt: skip
        assert evidence.validity is not None
        found = {r.rule: r.outcome for r in evidence.validity.results if r.rule.startswith("rule")}
        assert found == {"rule1.follows": outcome, "rule2.implies": outcome}
        assert [r.broken_as_drawn for r in evidence.rules] == [None, None]


def test_rules_that_bar_every_row_of_a_written_domain_are_refused_before_any_look(tmp_path):
    """With domains read from the data the file may be sound, and a fit that takes them not."""
    import synthkit as sk
    from synthkit.privacy.ledger import Ledger
    from tests.pipeline.jobs import SCHEMA, visits

    text = SCHEMA.replace("bounds: [0, 120], from: public", "bounds: [0, 120], from: data")
    rule = (
        "constraints:\n  - when: {column: age, range: [null, 300]}\n"
        "    then: {column: weight, range: [200, null]}\n"
    )
    text = text.replace("nullable: true, from: public", "nullable: true, from: data")
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    with pytest.raises(ConfigError, match="bar every row"):
        sk.fit(visits(), parse(text + rule), epsilon=1.0, domains="as_written", ledger=ledger)
    assert ledger.history("visits-test") == ()


def test_no_fit_looks_whether_real_rows_obey(tmp_path, monkeypatch):
    """A table that breaks a rule in every row is fitted like any other, and nobody asks."""
    import synthkit as sk
    from synthkit.privacy.ledger import Ledger
    from synthkit.schema import rules
    from tests.pipeline.jobs import SCHEMA, visits

    rule = (
        "constraints:\n  - {when: {column: age, range: [0, 120]}, then: {column: grade, is: 2}}\n"
    )
    schema = parse(SCHEMA + rule)
    real = visits(200).with_columns(pl.lit(1).alias("grade"))
    assert rules.broken(real, schema)[0].rows == 200

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a fit asked whether real rows obey")

    monkeypatch.setattr(rules, "breaks", asked)
    monkeypatch.setattr(rules, "broken", asked)
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    one = sk.fit(real, schema, epsilon=5.0, generator="independent", ledger=ledger)
    assert set(one.sample(100, seed=0)["grade"]) == {2}


def test_bought_domains_take_in_what_rules_name(tmp_path):
    """A value that a rule names is public: it is in the domain whatever the noisy counts say."""
    import synthkit as sk
    from synthkit.privacy.ledger import Ledger
    from tests.pipeline.jobs import SCHEMA, visits

    text = SCHEMA.replace("categories: [north, south, east], from: public", "from: data")
    rule = "  - {when: {column: age, range: [null, 40]}, then: {column: ward, is: ICU}}\n"
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    one = sk.fit(
        visits(2_000),
        parse(f"{text}constraints:\n{rule}"),
        epsilon=5.0,
        generator="independent",
        ledger=ledger,
    )
    assert "ICU" in one.schema.column("ward").categories
    rows = one.sample(2_000, seed=0)
    young = rows.filter(pl.col("age") <= 40)
    assert set(young["ward"]) == {"ICU"}
    # The model never draws it; its rows under 41, about 3 in 10, are not thinned out for that.
    assert young.height > 400
    path = tmp_path / "visits.model"
    one.save(path)
    assert sk.Model.load(path).sample(50, seed=1).equals(one.sample(50, seed=1))
