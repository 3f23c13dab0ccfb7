"""Completion under rules: what is asked for is filled, and what stays empty is counted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from synthkit.schema import Implies, Order, ValueSet
from tests.pipeline.ruled import model, table
from tests.schema.rules import BY_NAME

EMPTY_IF_X = Implies(
    when=ValueSet(column="group", values=("x",)), then=ValueSet(column="mid", missing=True)
)
IN_ORDER = Order(columns=("low", "mid", "high"))
ROWS = 300


def holes(*names: str, **given: object) -> pl.DataFrame:
    """Rows of some columns, of which those without a given value are empty."""
    whole = table(1)
    return pl.DataFrame(
        [
            pl.Series(name, [given.get(name)] * ROWS, dtype=whole[name].dtype)
            for name in (*names, *given)
        ]
    )


class TestWhatIsAskedFor:
    @pytest.mark.parametrize("seed", range(4))
    def test_no_rule_asks_for_it_to_be_empty_so_it_is_filled(self, seed):
        done = model((IN_ORDER,), seed).complete(holes("mid", "low"), seed=0)
        assert done.table["mid"].null_count() == 0
        assert done.left_empty == {}
        assert done.filled == ROWS * len(BY_NAME)
        assert done.tally is not None
        assert "stay" not in done.tally.in_words()

    def test_between_given_cells_too(self):
        whole = table(1).filter(pl.col("low") <= pl.col("high")).select("low", "high")
        partial = whole.with_columns(pl.lit(None, pl.Float64).alias("mid"))
        done = model((IN_ORDER,), 1).complete(partial, seed=0)
        rows = done.table
        full = rows.drop_nulls("mid")
        assert ((full["low"] <= full["mid"]) & (full["mid"] <= full["high"])).all()
        # `mid` ends at 5: above that the rule leaves nothing.
        assert rows.filter(pl.col("mid").is_null()).filter(pl.col("low") <= 5).is_empty()
        assert done.left_empty.get("mid", 0) == rows["mid"].null_count()

    def test_a_rule_that_empties_it_is_kept_away_where_its_condition_is_not_given(self):
        done = model((EMPTY_IF_X,), 2).complete(holes("mid"), seed=0)
        assert done.table["mid"].null_count() == 0
        assert "x" not in set(done.table["group"])

    def test_a_rule_that_empties_it_wins_over_the_wish_and_is_counted(self):
        partial = pl.concat([holes("mid", group="x"), holes("mid", group="y")])
        done = model((EMPTY_IF_X,), 2).complete(partial, seed=0)
        is_x = done.table["group"] == "x"
        assert done.table["mid"].is_null().equals(is_x.alias("mid"))
        assert done.left_empty == {"mid": ROWS}
        assert done.filled == 2 * ROWS * (len(BY_NAME) - 1) - ROWS
        assert done.tally is not None
        assert "300 empty cells stay empty" in done.tally.in_words()
        assert "300 of 'mid'" in done.tally.in_words()

    def test_a_column_that_is_left_out_comes_as_the_model_has_it(self):
        one = model((IN_ORDER,), 2)
        done = one.complete(holes("grade", low=0), seed=0)
        assert done.table["mid"].null_count() > 0
        assert done.left_empty == {}


def test_cells_that_rules_draw_again_belong_to_their_rows():
    """A latent with one class and late ends: what is mended in its rows is late as well."""
    one = model((Order(columns=("begin", "end")),), 0)
    for name, laws in (
        ("class", {0: [1, 0, 0, 0, 0], 1: [0, 1, 0, 0, 0]}),
        ("begin", {0: [0.5, 0.5, 0, 0, 0, 0, 0], 1: [0, 0, 0, 0.5, 0.5, 0, 0]}),
        ("end", {0: [0.5, 0.5, 0, 0, 0], 1: [0, 0, 0, 0.5, 0.5]}),
    ):
        place = one.codec.columns.index(name)
        part, start = one.codec.parts[place], sum(one.codec.sizes[:place])
        for latent in range(len(one.inner.table)):
            law = laws[latent % 2]
            own = np.bincount(part.code_of_cell, weights=law, minlength=part.size)
            one.inner.table[latent, start : start + part.size] = own
    partial = pl.concat([holes("begin", "end", **{"class": c}) for c in ("a", "b")])
    rows = one.complete(partial, seed=0).table
    assert (rows["begin"] <= rows["end"]).all()
    third = pl.date(2020, 1, 3)
    early = rows.filter((pl.col("begin") < third) & (pl.col("end") < third))
    assert (rows["class"] == "a").sum() == ROWS
    assert set(early["class"]) == {"a"}
    assert early.height == ROWS
