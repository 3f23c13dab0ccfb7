from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.errors import InputError
from synthkit.schema import Column, Schema
from synthkit.source import split, unit_index

BY_ROW = Schema(
    name="t", population="t", columns=(Column(name="x", kind="integer", bounds=(0, 10**6)),)
)
BY_PERSON = dataclasses.replace(
    BY_ROW, columns=(Column(name="who", kind="person_id", role="identifier"), *BY_ROW.columns)
)


def table(persons: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"who": pl.Series(persons, dtype=pl.String), "x": list(range(len(persons)))}
    )


persons = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=40)


@given(who=persons)
@settings(max_examples=60, deadline=None)
def test_rows_share_a_unit_exactly_when_they_share_a_person(who):
    units = unit_index(table(who), BY_PERSON)
    assert units.dtype == np.int64
    assert sorted(set(units.tolist())) == list(range(len(set(who))))
    for i, first in enumerate(who):
        for j, second in enumerate(who):
            assert (units[i] == units[j]) == (first == second)


def test_without_a_person_each_row_is_its_own_unit():
    assert unit_index(table(["a", "a", "b"]), BY_ROW).tolist() == [0, 1, 2]
    by_wish = dataclasses.replace(BY_PERSON, unit="row")
    assert unit_index(table(["a", "a", "b"]), by_wish).tolist() == [0, 1, 2]


@given(who=persons, share=st.floats(0.01, 0.5), seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_train_and_holdout_share_no_person_and_lose_no_row(who, share, seed):
    if len(set(who)) < 2:
        return
    try:
        parts = split(table(who), BY_PERSON, holdout_share=share, seed=seed)
    except InputError:  # all of so few may be held out
        return
    assert parts.train.height > 0
    assert parts.holdout.height > 0
    assert not set(parts.train["who"]) & set(parts.holdout["who"])
    together = pl.concat([parts.train, parts.holdout]).sort("x")
    assert together.equals(table(who))
    assert parts.train["x"].is_sorted()


@pytest.mark.parametrize("schema", [BY_PERSON, BY_ROW])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_the_share_of_units_held_out_is_the_share_asked_for(schema, share):
    # alpha 1e-6, two-sided: binomial(20000, share), normal quantile 4.9.
    n = 20_000
    parts = split(table([str(i) for i in range(n)]), schema, holdout_share=share, seed=3)
    assert abs(parts.holdout.height - n * share) < 4.9 * np.sqrt(n * share * (1 - share))


@pytest.mark.parametrize("share", [0.2, 0.5])
@given(who=persons, seed=st.integers(0, 2**63 - 1))
@settings(max_examples=60, deadline=None)
def test_one_more_person_moves_nobody_else(share, who, seed):
    rows = pl.concat([table(who), table([str(i) for i in range(40)])])
    more = pl.concat([pl.DataFrame({"who": ["new", "new"], "x": [7, 8]}), rows])
    one = split(rows, BY_PERSON, holdout_share=share, seed=seed)
    two = split(more, BY_PERSON, holdout_share=share, seed=seed)
    assert set(one.train["who"]) ^ set(two.train["who"]) <= {"new"}
    assert two.train.filter(pl.col("who") != "new").equals(one.train)


@pytest.mark.parametrize("share", [0.2, 0.5])
@given(
    values=st.lists(st.none() | st.integers(0, 5), min_size=1, max_size=30),
    seed=st.integers(0, 2**63 - 1),
    at=st.integers(0, 30),
    value=st.none() | st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_one_more_row_moves_no_other_even_among_equal_rows(share, values, seed, at, value):
    values = [*values, *range(100, 140)]
    one, two = (
        split(
            pl.DataFrame({"x": pl.Series(column, dtype=pl.Int64)}),
            BY_ROW,
            holdout_share=share,
            seed=seed,
        )
        for column in (values, [*values[:at], value, *values[at:]])
    )
    before, after = Counter(one.train["x"].to_list()), Counter(two.train["x"].to_list())
    assert not before - after
    assert (after - before).total() <= 1


def test_a_split_is_reproducible_and_depends_on_its_seed():
    rows = table([str(i) for i in range(200)])
    first = split(rows, BY_PERSON, holdout_share=0.2, seed=1)
    assert split(rows, BY_PERSON, holdout_share=0.2, seed=1).holdout.equals(first.holdout)
    assert not split(rows, BY_PERSON, holdout_share=0.2, seed=2).holdout.equals(first.holdout)


def test_who_is_held_out_does_not_depend_on_the_order_of_the_rows():
    rows = table([str(i // 3) for i in range(300)])
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=5)
    one = split(rows, BY_PERSON, holdout_share=0.3, seed=1)
    two = split(shuffled, BY_PERSON, holdout_share=0.3, seed=1)
    assert set(one.holdout["who"]) == set(two.holdout["who"])


def test_every_unit_is_held_out_equally_often():
    # alpha 1e-6: each count is binomial(2000, 0.3); 12 of them, two-sided normal quantile 5.3.
    n, share, hits = 2000, 0.3, np.zeros(10)
    rows = table([str(i) for i in range(10)])
    for seed in range(n):
        hits[split(rows, BY_ROW, holdout_share=share, seed=seed).holdout["x"].to_numpy()] += 1
    assert np.all(np.abs(hits - n * share) < 5.3 * np.sqrt(n * share * (1 - share)))


def test_the_description_carries_no_row_count():
    parts = split(table([str(i) for i in range(777)]), BY_PERSON, holdout_share=0.2, seed=1)
    assert "persons, each with all of their rows" in parts.description
    for number in ("777", "155", "622"):
        assert number not in parts.description
    assert (
        "of the rows was held out"
        in split(table(["a", "b"]), BY_ROW, holdout_share=0.5, seed=1).description
    )


@pytest.mark.parametrize("share", [0.0, -0.1, 0.51, 1.0, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(InputError, match="above 0 and at most"):
        split(table(["a", "b"]), BY_PERSON, holdout_share=share, seed=1)


def test_no_side_is_ever_empty():
    with pytest.raises(InputError, match="1 person: too few"):
        split(table(["a", "a", "a"]), BY_PERSON, holdout_share=0.2, seed=1)
    with pytest.raises(InputError, match="no rows: too few"):
        split(table([]), BY_ROW, holdout_share=0.2, seed=1)


def test_rows_of_nobody_are_refused():
    with pytest.raises(InputError, match="1 row without a person id"):
        unit_index(table(["a", None]), BY_PERSON)
    with pytest.raises(InputError, match="no person id column"):
        unit_index(table(["a"]).drop("who"), BY_PERSON)


@pytest.mark.realdata
def test_a_real_table_is_split_by_patient(real_table):
    schema = Schema(
        name="d", population="d", columns=(Column(name="patient_nbr", kind="person_id"),)
    )
    rows = pl.read_parquet(real_table("diabetes130")).select(pl.col("patient_nbr").cast(pl.String))
    parts = split(rows, schema, holdout_share=0.2, seed=0)
    assert not set(parts.train["patient_nbr"]) & set(parts.holdout["patient_nbr"])
    n_persons = rows["patient_nbr"].n_unique()
    # alpha 1e-6, two-sided: binomial(n_persons, 0.2), normal quantile 4.9.
    gap = parts.holdout["patient_nbr"].n_unique() - 0.2 * n_persons
    assert abs(gap) < 4.9 * np.sqrt(n_persons * 0.2 * 0.8)
