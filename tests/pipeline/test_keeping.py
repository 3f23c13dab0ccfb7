"""A condition on columns that rules speak of: the conditional of the rows that are drawn freely."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from synthkit.errors import SynthkitError
from synthkit.pipeline import keeping
from synthkit.schema import Implies, ValueSet
from synthkit.schema.regions import Region
from tests.pipeline.ruled import model

RULE = Implies(
    when=ValueSet(column="class", values=("a", "b")),
    then=ValueSet(column="group", values=("x",)),
    exactly=True,
)
WHERE = {"group": "x"}
N = 20_000


def grades(rows: pl.DataFrame) -> np.ndarray:
    return rows["grade"].value_counts().sort("grade")["count"].to_numpy() / rows.height


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


class TestExactness:
    @pytest.mark.parametrize("is_mixture", [True, False])
    def test_rows_and_share_are_those_of_free_rows_that_meet_it(self, is_mixture):
        one = model((RULE,), 8, is_mixture=is_mixture)
        free = one.sample(8 * N, seed=1)
        met = free.filter(pl.col("group") == "x")
        drawing = one.draw(N, seed=2, where=WHERE)
        rows = drawing.table()
        (part,) = drawing.parts
        assert rows.height == N
        assert set(rows["group"]) == {"x"}
        assert set(rows["class"]) <= {"a", "b"}
        assert part.support.method == "rejection"
        # Five standard deviations of a share among 20,000 rows of 6 latents or more.
        assert abs(part.support.mass - met.height / free.height) < 0.02
        assert apart(grades(rows), grades(met)) < 0.02

    def test_weights_of_the_model_before_its_rules_are_not(self, monkeypatch):
        """The planted fault, and what is said where the condition is too rare to wait for."""
        one = model((RULE,), 8)
        met = one.sample(8 * N, seed=1).filter(pl.col("group") == "x")
        monkeypatch.setattr(keeping, "FEWEST", keeping.PILOT + 1)
        drawing = one.draw(N, seed=2, where=WHERE)
        rows = drawing.table()
        (part,) = drawing.parts
        assert part.support.method != "rejection"
        assert abs(part.support.mass - met.height / (8 * N)) > 0.02
        assert apart(grades(rows), grades(met)) > 0.02
        assert "before the rules" in drawing.tally.in_words()

    def test_balanced_parts_are_the_conditionals_too(self):
        one = model((RULE,), 8)
        drawing = one.draw(N, seed=2, balance={"group": {"x": 0.5}})
        rows = drawing.table()
        assert (rows["group"] == "x").sum() == N // 2
        met = one.sample(8 * N, seed=1).filter(pl.col("group") == "x")
        assert apart(grades(rows.filter(pl.col("group") == "x")), grades(met)) < 0.03
        assert {part.support.method for part in drawing.parts} == {"rejection"}

    def test_a_condition_on_a_column_without_rules_weighs_latents(self):
        drawing = model((RULE,), 8).draw(1_000, seed=2, where={"smoker": True})
        drawing.table()
        assert drawing.parts[0].support.method != "rejection"
        assert "before the rules" not in drawing.tally.in_words()


class TestBounds:
    def test_what_takes_too_long_is_not_waited_for(self, monkeypatch):
        one = model((RULE,), 8)
        for per_row, is_kept in ((4, True), (3, False)):
            monkeypatch.setattr(keeping, "PER_ROW", per_row)
            # 28 % of the rows meet it: 3.5 free rows for each one.
            support = one.draw(keeping.MOST, seed=2, where=WHERE).parts[0].support
            assert (support.method == "rejection") is is_kept

    def test_rows_that_never_come_are_a_fault_not_a_loop(self):
        one = model((RULE,), 8)
        drawing = one.draw(N, seed=2, where=WHERE)
        source = drawing.parts[0].source
        assert isinstance(source, keeping.Kept)
        source.asked = {"group": Region()}
        with pytest.raises(SynthkitError, match="far more rarely"):
            source.rows(N)

    def test_rows_left_over_come_next(self):
        source = model((RULE,), 8).draw(N, seed=2, where=WHERE).parts[0].source
        assert isinstance(source, keeping.Kept)
        first, second = source.rows(10), source.rows(10)
        assert source.drawn == 2 * keeping.PILOT
        assert not first.equals(second)
