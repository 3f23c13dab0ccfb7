import itertools
from collections import Counter

import numpy as np
import polars as pl
import pytest

from synthkit.evaluate import build_context
from synthkit.evaluate.fidelity import tvd
from synthkit.schema import Column, Schema
from tests.evaluate.simulated import independent, large_tables, schema, set_column, tables


def measured(train, holdout, synthetic, of=None):
    context = build_context(train, holdout, synthetic, of or schema(), seed=0)
    return {m.name.removeprefix("fidelity."): m for m in tvd.measure(context)}


def test_hand_counted_tables():
    # train: a a b b, paired x y x y; other: a a a b, paired x x y y.
    train = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    other = np.array([[0, 0], [0, 0], [0, 1], [1, 1]])
    found = tvd.distances(train, [other, train], (2, 2), [(0,), (1,), (0, 1)])
    # One way: |3/4 - 1/2| = 1/4; 0. Pairs: shares 2/4, 1/4, 0, 1/4 against 1/4 each: 1/4.
    np.testing.assert_allclose(found, [[0.25, 0], [0, 0], [0.25, 0]])


def test_fast_counts_equal_a_slow_count_of_every_cell():
    rng = np.random.default_rng(0)
    sizes = (3, 7, 4, 2)
    train, other = (np.column_stack([rng.integers(0, s, n) for s in sizes]) for n in (500, 300))
    for size in (1, 2, 3):
        combinations = list(itertools.combinations(range(4), size))
        fast = tvd.distances(train, [other], sizes, combinations)[:, 0]
        for value, combination in zip(fast, combinations, strict=True):
            a, b = (Counter(map(tuple, t[:, combination])) for t in (train, other))
            slow = sum(abs(a[k] / 500 - b[k] / 300) for k in a | b) / 2
            assert value == pytest.approx(slow, abs=1e-12)


def test_triples_are_thirty_fixed_ones_or_all():
    assert tvd.triples(2) == []
    assert len(tvd.triples(5)) == 10
    assert len(set(tvd.triples(20))) == 30
    assert tvd.triples(20) == tvd.triples(20)


# Margins below are at least five standard deviations of the quantity over 20 seeds at this size:
# ratio to the holdout, honest 1.00 (sd .046 for pairs, .014 for triples), independent columns 2.13
# (.057) and 1.60 (.025); difference of tvd1 between the two: .000 (.0019).


def test_a_redraw_of_the_same_law_is_at_the_floor():
    found = measured(*large_tables(1))
    assert found["tvd2"].value == pytest.approx(found["tvd2"].reference, rel=0.25)
    assert found["tvd3"].value == pytest.approx(found["tvd3"].reference, rel=0.08)
    assert {m.n for m in found.values()} == {3000}


def test_destroyed_associations_show_in_pairs_but_not_in_columns():
    train, holdout, synthetic = large_tables(1)
    honest = measured(train, holdout, synthetic)
    found = measured(train, holdout, independent(synthetic, 0))
    assert found["tvd1"].value == pytest.approx(honest["tvd1"].value, abs=0.01)
    assert found["tvd2"].value > 1.6 * found["tvd2"].reference
    assert found["tvd3"].value > 1.3 * found["tvd3"].reference


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("age in years", pl.col("age in years") + 30),
        ("lab.value", pl.col("lab.value") * 100),
        ("ward", "icu"),
        ("admitted", pl.col("admitted").dt.offset_by("10y")),
    ],
)
def test_one_changed_column_is_named_as_the_worst(column, change):
    train, holdout, synthetic = tables(1)
    found = measured(train, holdout, set_column(synthetic, column, change))
    worst = found["tvd1_worst"]
    assert worst.note.startswith(f"worst column: {column};")
    assert worst.value > worst.reference + 0.3


def test_a_column_without_any_value_is_at_the_greatest_distance():
    train, holdout, synthetic = tables(1)
    found = measured(train, holdout, set_column(synthetic, "dose", None))
    assert found["tvd1_worst"].value == pytest.approx(1.0)
    assert "dose" in found["tvd1_worst"].note


def test_nulls_beyond_the_real_share_count_as_distance():
    train, holdout, synthetic = tables(1)
    half = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.col("dose"))
    found = measured(train, holdout, set_column(synthetic, "dose", half))
    assert found["tvd1_worst"].value == pytest.approx(0.5, abs=0.05)


def test_a_table_of_one_column_has_no_pairs_and_says_so():
    one = Schema(name="s", population="s", columns=(Column(name="x", kind="integer"),))
    frame = pl.DataFrame({"x": np.arange(100) % 7})
    found = measured(frame, frame, frame, one)
    assert found["tvd1"].value == pytest.approx(0)
    assert found["tvd2"].value is None
    assert "no pairs of columns" in found["tvd2"].note
