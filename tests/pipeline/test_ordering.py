"""Columns in order: each keeps its distribution and its missing cells, and all rows obey."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from synthkit.pipeline.queueing import departures, moved, summed_hazards
from synthkit.schema import Implies, Order, ValueSet
from tests.pipeline.ruled import model

N = 60_000
SIGMAS = 5.0
"""Standard deviations of a share that chance may explain: alpha below 1e-6 per share."""
LOW = np.array([0.3, 0.3, 0.2, 0.1, 0.1, 0.0])
HIGH = np.array([0.1, 0.3, 0.2, 0.2, 0.1, 0.1])


def differ(drawn: np.ndarray, law: np.ndarray) -> bool:
    """Whether frequencies of codes are not those of a law."""
    shares = np.bincount(drawn, minlength=len(law)) / len(drawn)
    return bool((np.abs(shares - law) > SIGMAS * np.sqrt(0.25 / len(drawn))).any())


def nearest(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The joint law nearest to independence that keeps both and obeys: by iterative scaling."""
    joint = np.outer(low, high) * np.tri(len(low)).T
    for _ in range(5_000):
        joint = joint * (low / np.maximum(joint.sum(1), 1e-300))[:, None]
        joint = joint * (high / np.maximum(joint.sum(0), 1e-300))
    return joint


class TestTheQueue:
    def test_it_is_the_joint_law_nearest_to_independence(self):
        rng = np.random.default_rng(0)
        low = rng.choice(6, N, p=LOW)
        steps = summed_hazards(LOW[None], HIGH[None])
        high = departures(steps, np.zeros(N, int), low, rng.exponential(size=N))
        assert (high >= low).all()
        assert not differ(high, HIGH)
        assert not differ(low * 6 + high, nearest(LOW, HIGH).ravel())

    def test_independent_columns_would_have_been_told_apart(self):
        """The planted fault: the upper column is drawn until it obeys."""
        rng = np.random.default_rng(0)
        low = rng.choice(6, N, p=LOW)
        rest = np.outer(np.ones(6), HIGH) * np.tri(6).T
        rest = (rest / rest.sum(1, keepdims=True)).cumsum(1)
        high = (rest[low] < rng.random((N, 1))).sum(1)
        assert (high >= low).all()
        assert differ(high, HIGH)

    def test_each_latent_has_a_queue_of_its_own(self):
        rng = np.random.default_rng(1)
        lows, highs = np.stack([LOW, np.eye(6)[2]]), np.stack([HIGH, np.eye(6)[4]])
        latent_of = rng.integers(0, 2, N)
        low = np.where(latent_of == 0, rng.choice(6, N, p=LOW), 2)
        steps = summed_hazards(lows, highs)
        high = departures(steps, latent_of, low, rng.exponential(size=N))
        assert (high[latent_of == 1] == 4).all()
        assert not differ(high[latent_of == 0], HIGH)

    def test_where_no_joint_law_keeps_both_the_least_that_obeys_is_drawn(self):
        rng = np.random.default_rng(2)
        low = rng.choice(6, N, p=HIGH)  # the upper column lies below the lower one
        steps = summed_hazards(HIGH[None], LOW[None])
        high = departures(steps, np.zeros(N, int), low, rng.exponential(size=N))
        assert (high == low).all()
        assert moved(HIGH[None], LOW[None]) == pytest.approx(0.2)
        assert moved(LOW[None], HIGH[None]) == 0.0


def ordered_model(strict: bool = False):
    """A model with begin <= end, in which one row in four has no beginning."""
    one = model((Order(columns=("begin", "end"), strict=strict),), 6)
    for name, law in (("begin", [*(0.75 * LOW), 0.25]), ("end", [0.1, 0.3, 0.2, 0.2, 0.2])):
        place = one.codec.columns.index(name)
        part, start = one.codec.parts[place], sum(one.codec.sizes[:place])
        own = np.bincount(part.code_of_cell, weights=law, minlength=part.size)
        one.inner.table[:, start : start + part.size] = own
    return one


def days(rows: pl.DataFrame, name: str) -> np.ndarray:
    first = pl.date(2020, 1, 1)
    days = (pl.col(name) - first).dt.total_days()
    return rows.drop_nulls(name).select(days).to_series().to_numpy()


class TestRowsOfAModel:
    def test_both_columns_keep_their_distributions_and_as_many_cells_are_missing(self):
        one = ordered_model()
        rows = one.sample(N, seed=0)
        raw = one.codec.decode(
            one.inner.sample(N, np.random.default_rng(1)), np.random.default_rng(2)
        )
        assert (rows.drop_nulls()["begin"] <= rows.drop_nulls()["end"]).all()
        for name in ("begin", "end"):
            law = np.bincount(days(raw, name), minlength=6) / len(days(raw, name))
            assert not differ(days(rows, name), law), name
        assert abs(rows["begin"].is_null().mean() - raw["begin"].is_null().mean()) < 0.015

    def test_many_rows_broke_the_rule_as_they_were_drawn(self):
        """Else the test above would have nothing to see."""
        drawing = ordered_model().draw(N, seed=0)
        drawing.table()
        assert drawing.tally.broke[0] > 0.1 * N
        assert drawing.tally.redrawn == drawing.tally.broke[0]

    def test_a_strict_order_keeps_the_missing_cells_too(self):
        rows = ordered_model(strict=True).sample(N, seed=0)
        both = rows.drop_nulls("begin")
        assert (both["begin"] < both["end"]).all()
        assert rows["begin"].is_null().mean() == pytest.approx(0.25, abs=0.015)

    def test_a_chain_of_numbers_of_several_kinds_holds(self):
        one = model((Order(columns=("low", "mid", "high")),), 3)
        rows = one.sample(5_000, seed=0)
        raw = one.codec.decode(
            one.inner.sample(N, np.random.default_rng(1)), np.random.default_rng(2)
        )
        assert (rows["low"] <= rows["high"]).all()
        both = rows.drop_nulls("mid")
        assert ((both["low"] <= both["mid"]) & (both["mid"] <= both["high"])).all()
        assert abs(rows["mid"].is_null().mean() - raw["mid"].is_null().mean()) < 0.03

    def test_a_rule_on_a_category_keeps_missing_cells_where_it_does_not_turn_on_them(self):
        """Rows with a missing class obey; drawing until all agree would make them more."""
        barred = ValueSet(column="class", values=("a", "b"), excluded=True, missing=True)
        rule = Implies(when=ValueSet(column="group", values=("x", "y")), then=barred)
        one = model((rule,), 2)
        raw = one.codec.decode(
            one.inner.sample(N, np.random.default_rng(1)), np.random.default_rng(2)
        )
        rows = one.sample(N, seed=0)
        assert rows.filter(
            pl.col("group").is_in(["x", "y"]) & pl.col("class").is_in(["a", "b"])
        ).is_empty()
        gap = rows["class"].is_null().mean() - raw["class"].is_null().mean()
        assert abs(gap) < 0.015

    def test_a_condition_on_one_end_is_the_free_rows_that_meet_it(self):
        """Of a rare condition latents are weighted; an order rule leaves that exact."""
        from synthkit.pipeline import keeping

        one, few = ordered_model(), pytest.MonkeyPatch()
        first, third = (one.sample(1, seed=0)["end"].dtype, 2)
        assert first == pl.Date
        where = {"begin": (None, "2020-01-02")}
        with few.context() as patch:
            patch.setattr(keeping, "FEWEST", keeping.PILOT + 1)
            drawing = one.draw(N, seed=0, where=where)
            rows = drawing.table()
        assert drawing.parts[0].support.method != "rejection"
        free = one.sample(4 * N, seed=1).filter(pl.col("begin") <= pl.date(2020, 1, third))
        law = np.bincount(days(free, "end"), minlength=6) / free.height
        assert differ(days(rows, "end"), law) is False
        assert drawing.parts[0].support.mass == pytest.approx(free.height / (4 * N), abs=0.01)
