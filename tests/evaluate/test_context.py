import datetime

import numpy as np
import polars as pl
import pytest

from synthkit.errors import InputError
from synthkit.evaluate import NotMeasurable, build_context
from synthkit.schema import Column, Schema
from tests.evaluate.simulated import CANARY, schema, tables


def small(values, **more):
    return pl.DataFrame({"a": values, **more})


SMALL = Schema(name="s", population="s", columns=(Column(name="a", kind="float"),))
PERSONS = Schema(
    name="s",
    population="s",
    columns=(Column(name="who", kind="person_id"), Column(name="a", kind="integer")),
)


def test_an_absent_column_is_refused_by_name():
    train, holdout, synthetic = tables(0)
    with pytest.raises(InputError, match="synthetic table lacks 1") as caught:
        build_context(train, holdout, synthetic.drop("ward"), schema(), seed=0)
    assert caught.value.details == ("ward",)


def test_a_column_of_the_wrong_type_is_refused_without_a_cell():
    train, holdout, synthetic = tables(0)
    wrong = synthetic.with_columns(pl.lit(CANARY).alias("age in years"))
    with pytest.raises(InputError, match="age in years") as caught:
        build_context(train, holdout, wrong, schema(), seed=0)
    assert CANARY not in str(caught.value) + caught.value.hint
    assert caught.value.__suppress_context__


def test_a_schema_without_encoded_columns_is_refused():
    only_text = Schema(name="s", population="s", columns=(Column(name="a", kind="text"),))
    with pytest.raises(InputError, match="no column"):
        build_context(small(["x"]), small(["x"]), small(["x"]), only_text, seed=0)


def test_shuffled_rows_give_the_same_tables():
    train, holdout, synthetic = tables(0)
    first = build_context(train, holdout, synthetic, schema(), seed=0)
    mixed = [t.sample(fraction=1.0, shuffle=True, seed=5) for t in (train, holdout, synthetic)]
    second = build_context(*mixed, schema(), seed=0)
    assert first.train.frame.equals(second.train.frame)
    assert np.array_equal(first.train.units, second.train.units)
    assert np.array_equal(first.holdout.codes, second.holdout.codes)
    assert np.array_equal(first.synthetic.codes, second.synthetic.codes)


def test_equal_rows_have_equal_keys_and_others_do_not():
    train = small([1.0, None, float("nan"), 0.1 + 0.2, 2.0])
    context = build_context(train, small([0.3, None]), small([0.1 + 0.2, 1.0]), SMALL, seed=0)
    named = [
        dict(zip(t.frame["c0"].to_list(), k.tolist(), strict=True))
        for t, k in zip(
            (context.train, context.holdout, context.synthetic), context.keys, strict=True
        )
    ]
    assert named[0][0.1 + 0.2] == named[2][0.1 + 0.2] != named[1][0.3]
    assert named[0][None] == named[1][None]
    assert named[0][1.0] == named[2][1.0]
    assert len(np.unique(np.concatenate(context.keys))) == 5


def test_keys_tell_dates_and_nulls_apart_in_many_columns():
    train, holdout, synthetic = tables(0)
    joined = pl.concat(
        [train.select(synthetic.columns), holdout.select(synthetic.columns), synthetic]
    )
    context = build_context(train, holdout, synthetic, schema(), seed=0)
    assert len(np.unique(np.concatenate(context.keys))) == joined.unique().height
    assert isinstance(joined["admitted"][0], datetime.date)


def test_rows_of_one_person_share_a_unit_and_rows_without_id_are_alone():
    train = small([1, 2, 3, 4], who=["x", None, "x", None])
    holdout = small([1], who=["y"])
    context = build_context(train, holdout, small([1]), PERSONS, seed=0)
    units = context.train.units
    assert units[0] == units[2]
    assert len(set(units.tolist())) == 3
    picked = context.one_row_per_person(context.train, "test")
    assert sorted(units[picked].tolist()) == [0, 1, 2]


def test_persons_in_both_tables_are_found_out():
    train, holdout = small([1, 2], who=["x", "y"]), small([1, 5], who=["z", "y"])
    context = build_context(train, holdout, small([1]), PERSONS, seed=0)
    assert context.n_shared_persons == 1
    with pytest.raises(NotMeasurable, match="1 persons"):
        context.require_strangers()


def test_draws_repeat_for_a_purpose_and_differ_between_purposes():
    context = build_context(*tables(0), schema(), seed=3)
    first = context.draw(context.train, 100, "a")
    assert np.array_equal(first, context.draw(context.train, 100, "a"))
    assert not np.array_equal(first, context.draw(context.train, 100, "b"))
    assert len(np.unique(first)) == 100
    assert len(context.draw(context.train, 10**9, "a")) == context.train.n_rows
