"""Conditions, shares, segments and completion of a fitted mixture, in the words of its table."""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np
import polars as pl
import pytest

import synthkit as sk
from synthkit.errors import InputError
from synthkit.pipeline.drawing import whole_rows
from tests.generate.conftest import SMALL
from tests.generate.mixtures import ListedMixture
from tests.pipeline.jobs import ENCODED, schema, visits


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> sk.Model:
    from synthkit.privacy.ledger import Ledger

    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.sqlite'}")
    return sk.fit(
        visits(2_000), schema(), epsilon=8.0, generator="dpctgan", options=SMALL, ledger=ledger
    )


class OnlySamples:
    """A generator's model that is no mixture."""

    def __init__(self, inner):
        self._inner = inner

    def sample(self, n, rng):
        return self._inner.sample(n, rng)


class TestWithoutConditions:
    def test_rows_are_the_generator_s_own_decoded(self, model):
        """What conditions added leaves unconditional rows as they were, byte for byte."""
        rng = np.random.default_rng(7)
        expected = model.codec.decode(model.inner.sample(3_000, rng), rng)
        assert model.sample(3_000, seed=7).equals(expected)
        assert model.sample(3_000, seed=7, where={}, balance={}).equals(expected)
        assert model.draw(10).parts == ()


def test_a_category_of_which_the_model_has_no_mass_is_named(model, monkeypatch):
    place = model.codec.columns.index("ward")
    part = model.codec.parts[place]
    real = type(part).within

    def without_north(self, condition):
        found = real(self, condition)
        if self.name == "ward" and condition.values == ("north",):
            return dataclasses.replace(found, evidence=np.zeros_like(found.evidence))
        return found

    monkeypatch.setattr(type(part), "within", without_north)
    with pytest.raises(InputError, match="draws no row for ward=north") as caught:
        model.sample(30, balance={"ward": "uniform"})
    assert "--share" in caught.value.hint
    with pytest.raises(InputError, match="draws no row for the condition on 'ward'"):
        model.sample(30, where={"ward": "north"})
    assert model.sample(30, balance={"ward": {"south": 0.5, "east": 0.5}}).height == 30


class TestWhere:
    @pytest.mark.parametrize(
        ("where", "holds"),
        [
            ({"age": "30..40"}, pl.col("age").is_between(30, 40)),
            ({"age": (70, None)}, pl.col("age") >= 70),
            ({"age": "..29"}, pl.col("age") <= 29),
            ({"weight": (60.05, 80.0)}, pl.col("weight").is_between(60.1, 80.0)),
            ({"weight": None}, pl.col("weight").is_null()),
            ({"weight": ""}, pl.col("weight").is_null()),
            ({"ward": "north|east"}, pl.col("ward").is_in(["north", "east"])),
            ({"ward": ["north", "east"]}, pl.col("ward").is_in(["north", "east"])),
            ({"grade": [1, 3]}, pl.col("grade").is_in([1, 3])),
            ({"grade": "2..3"}, pl.col("grade").is_in([2, 3])),
            ({"grade": (None, 2)}, pl.col("grade").is_in([1, 2])),
            (
                {"admitted": "2020-02-01..2020-02-10", "returned": True},
                pl.col("returned")
                & pl.col("admitted").is_between(
                    datetime.date(2020, 2, 1), datetime.date(2020, 2, 10)
                ),
            ),
        ],
    )
    def test_conditions_hold_for_mixtures_and_by_rejection(self, model, where, holds):
        by_rejection = dataclasses.replace(model, inner=OnlySamples(model.inner))
        for one, method in ((model, "enumeration"), (by_rejection, "rejection")):
            drawing = one.draw(200, seed=3, where=where)
            rows = pl.concat(list(drawing.chunks()))
            assert rows.height == rows.filter(holds).height == 200
            assert rows.columns == ENCODED
            assert drawing.parts[0].support.method == method
            assert one.sample(200, seed=3, where=where).equals(rows)

    def test_the_mass_is_the_share_of_unconditional_rows(self, model):
        support = (
            model.draw(50_000, seed=0, where={"age": "30..49", "ward": "east"}).parts[0].support
        )
        rows = model.sample(50_000, seed=1)
        share = rows.filter(pl.col("age").is_between(30, 49), ward="east").height / rows.height
        # Alpha 1e-6: 4.9 standard deviations of the rows; the mass is exact.
        assert support.standard_error == 0.0
        assert abs(support.mass - share) < 4.9 * np.sqrt(share * (1 - share) / rows.height)
        assert support.drawn == SMALL["bank"]
        assert 1 < support.effective < SMALL["bank"]

    @pytest.mark.parametrize(
        ("where", "words"),
        [
            ({"age": "40..30"}, "lies in that range"),
            ({"age": "500..600"}, "lies in that range"),
            ({"admitted": "2021-01-01.."}, "lies in that range"),
            ({"age": ".."}, "lowest or a highest"),
            ({"age": (1, 2, 3)}, "lowest or a highest"),
            ({"age": [30, 40]}, "one value or one range"),
            ({"age": "a..b"}, "not a value of the integer"),
            ({"age": None}, "never missing"),
            ({"ward": []}, "No category"),
            ({"grade": "3..2"}, "lies in that range"),
            ({"grade": "2..4"}, "'4' is not a category"),
            ({"grade": ".."}, "lowest or a highest"),
            ({"grade": (1, 2, 3)}, "lowest or a highest"),
            ({"ward": "north..east"}, "have no order"),
            (["age"], "must be a dict of columns, not list"),
            ({"ward": "north|west"}, "not a category"),
            ({"weight": "nan.."}, "outside the domain"),
            ({"weight": (60.01, 60.04)}, "meets the condition exactly"),
            ({"segment": "x"}, "no segment"),
            ({"segment": 99}, "no segment 99"),
            ({"segment": "1/99"}, "number of segments"),
        ],
    )
    def test_a_condition_that_says_nothing_is_refused(self, model, where, words):
        with pytest.raises(InputError, match=words):
            model.sample(5, where=where)

    def test_the_hint_says_how_missing_is_written_where_a_cell_may_be_missing(self, model):
        with pytest.raises(InputError) as caught:
            model.sample(5, where={"weight": "(missing)"})
        assert "weight= with nothing after it" in caught.value.hint
        with pytest.raises(InputError) as caught:
            model.sample(5, where={"age": "(missing)"})
        assert "age=" not in caught.value.hint

    def test_the_hint_names_categories_that_no_range_orders(self, model):
        with pytest.raises(InputError) as caught:
            model.sample(5, where={"ward": "north..east"})
        assert "ward=A|B" in caught.value.hint
        assert "north, south, east" in caught.value.hint

    def test_bought_names_have_no_order_but_bought_numbers_and_written_names_have(self):
        from synthkit.pipeline.conditions import parse_condition
        from synthkit.schema import Column

        def found(categories: tuple[int | str, ...], source: str, given: object):
            column = Column(name="x", kind="ordinal", categories=categories, domain_source=source)
            return parse_condition(column, given).values

        assert found(("low", "mid", "high"), "public", "mid..") == ("mid", "high")
        assert found(("low", "mid", "high"), "public", ("low", "mid")) == ("low", "mid")
        assert found((1, 2, 5), "noisy", "1..2") == (1, 2)
        assert found(("1..2", "3..4"), "public", "1..2") == ("1..2",), "a name comes first"
        assert found(("1..2", "3..4"), "public", "3..4|1..2") == ("3..4", "1..2"), "names, again"
        with pytest.raises(InputError, match="have no order"):
            found(("high", "low", "<other>"), "noisy", "high..low")


class TestBalance:
    @pytest.mark.parametrize("n", [1, 10, 301, 3_000])
    def test_uniform_gives_every_category_the_same_number_of_rows(self, model, n):
        rows = model.sample(n, seed=1, balance={"ward": "uniform"})
        counts = [rows.filter(pl.col("ward") == w).height for w in ("north", "south", "east")]
        assert sum(counts) == n
        assert max(counts) - min(counts) <= 1

    def test_shares_are_exact_and_the_rest_is_as_the_model_has_it(self, model):
        n = 40_000
        rows = model.sample(n, seed=1, balance={"ward": {"north": 0.2}})
        counts = dict(rows["ward"].value_counts().iter_rows())
        assert counts["north"] == 8_000
        free = dict(model.sample(n, seed=2)["ward"].value_counts().iter_rows())
        p = free["east"] / (free["east"] + free["south"])
        share = counts["east"] / 32_000
        assert abs(share - p) < 4.9 * np.sqrt(2 * p * (1 - p) / 20_000)

    def test_shares_hold_under_a_condition_in_random_order_and_in_chunks(self, model, monkeypatch):
        monkeypatch.setattr("synthkit.pipeline.drawing.CHUNK_ROWS", 128)
        ask = {"where": {"age": "30.."}, "balance": {"returned": {"true": 0.75}}}
        rows = model.sample(400, seed=1, **ask)
        assert rows["returned"].sum() == 300
        assert rows["age"].min() >= 30
        assert rows.equals(pl.concat(list(model.sample_chunks(400, seed=1, **ask))))
        assert 0 < rows["returned"].head(100).sum() < 100
        assert not rows.equals(model.sample(400, seed=2, **ask))

    def test_within_a_category_rows_follow_the_model(self, model):
        balanced = model.sample(20_000, seed=1, balance={"ward": "uniform"})
        given = model.sample(20_000, seed=2, where={"ward": "east"})
        own = balanced.filter(pl.col("ward") == "east")
        shares = [f["returned"].mean() for f in (own, given)]
        assert abs(shares[0] - shares[1]) < 4.9 * np.sqrt(0.5 / own.height)

    @pytest.mark.parametrize(
        ("balance", "words"),
        [
            ({"age": "uniform"}, "no categories to balance"),
            ({"wards": "uniform"}, "no column named"),
            ({"ward": "even"}, "neither 'uniform' nor shares"),
            ({"ward": {}}, "neither 'uniform' nor shares"),
            ({"ward": {"north": 1.5}}, "not between 0 and 1"),
            ({"ward": {"north": "some"}}, "not between 0 and 1"),
            ({"ward": {"north": float("nan")}}, "not between 0 and 1"),
            ({"ward": {"north": 0.7, "east": 0.7}}, "sum to 1.4"),
            ({"ward": {"north": 0.1, "east": 0.1, "south": 0.1}}, "sum to 0.3"),
            ({"ward": {"west": 0.2}}, "not a category"),
            ({"ward": "uniform", "grade": "uniform"}, "Only one column"),
            ("ward", "must be a dict of one column, not str"),
        ],
    )
    def test_a_balance_that_cannot_be_struck_is_refused(self, model, balance, words):
        with pytest.raises(InputError, match=words):
            model.sample(5, balance=balance)

    def test_a_balanced_column_has_no_condition_beside(self, model):
        with pytest.raises(InputError, match="at once"):
            model.sample(5, where={"ward": "east"}, balance={"ward": "uniform"})

    def test_a_category_without_mass_is_named(self, model, monkeypatch):
        monkeypatch.setattr("synthkit.generate.posterior.LEAST_MASS", 0.9)
        with pytest.raises(InputError, match=r"^ward=north: The condition has next to no mass"):
            model.sample(5, balance={"ward": "uniform"})

    def test_whole_rows_add_up(self):
        assert whole_rows([1 / 3, 1 / 3, 1 / 3], 10).tolist() == [4, 3, 3]
        assert whole_rows([0.2, 0.8], 5).tolist() == [1, 4]
        assert whole_rows([0.1] * 10, 7).sum() == 7


class TestSegments:
    def test_segments_are_listed_with_share_and_traits_and_may_be_drawn(self, model):
        found = model.segments(3)
        assert found == model.segments(3)
        assert sum(s.share for s in found) == pytest.approx(1)
        assert [s.number for s in found] == list(range(1, len(found) + 1))
        assert all(s.traits for s in found)
        for segment in found:
            drawing = model.draw(2_000, seed=0, where={"segment": f"{segment.number}/3"})
            support = drawing.parts[0].support
            assert support.mass == pytest.approx(segment.share, rel=1e-9)
            rows = pl.concat(list(drawing.chunks()))
            for trait in (t for t in segment.traits if t.column == "ward"):
                share = (rows["ward"] == trait.value).mean()
                assert abs(share - trait.share) < 4.9 * np.sqrt(0.5 / 2_000)

    def test_the_masses_of_all_segments_sum_to_one_and_one_latent_says_one(self, model):
        count = 50
        supports = [
            model.draw(10, seed=0, where={"segment": f"{k + 1}/{count}"}).parts[0].support
            for k in range(len(model.segments(count)))
        ]
        assert sum(s.mass for s in supports) == pytest.approx(1, rel=1e-9)
        for support in supports:  # of latents that are equally likely, all of a segment count
            assert support.effective == pytest.approx(support.mass * SMALL["bank"], rel=1e-6)
        assert min(s.effective for s in supports) == pytest.approx(1, rel=1e-6)

    def test_a_column_of_that_name_comes_first(self, model):
        renamed = tuple(
            dataclasses.replace(c, name="segment") if c.name == "ward" else c
            for c in model.schema.columns
        )
        parts = tuple(
            dataclasses.replace(p, name="segment") if p.name == "ward" else p
            for p in model.codec.parts
        )
        other = dataclasses.replace(
            model,
            schema=dataclasses.replace(model.schema, columns=renamed),
            codec=dataclasses.replace(model.codec, parts=parts),
        )
        assert set(other.sample(50, where={"segment": "east"})["segment"]) == {"east"}

    def test_what_is_no_mixture_has_no_segments(self, model):
        bare = dataclasses.replace(model, inner=OnlySamples(model.inner))
        with pytest.raises(InputError, match="has no segments"):
            bare.segments()
        with pytest.raises(InputError, match="has no segments"):
            bare.sample(5, where={"segment": 1})
        for count in (1, 51, True, 2.0):
            with pytest.raises(InputError, match="number of segments"):
                model.segments(count)


class TestCompletion:
    def partial(self) -> pl.DataFrame:
        rng = np.random.default_rng(0)
        table = visits(300, seed=9).select("age", "weight", "ward", "returned")
        holes = {c: pl.Series(rng.random(300) < 0.4) for c in table.columns}
        return table.with_columns(
            pl.when(~holes[c]).then(pl.col(c)).alias(c) for c in table.columns
        )  # fmt: skip

    def test_given_cells_are_untouched_and_every_other_is_filled(self, model):
        table = self.partial()
        done = model.complete(table, seed=0)
        assert done.table.columns == ENCODED
        for name in table.columns:
            given = table[name].is_not_null()
            assert done.table[name].filter(given).equals(table[name].filter(given))
            assert done.table[name].null_count() == 0, "an empty cell is filled with a value"
        empty = sum(table[c].null_count() for c in table.columns)
        assert done.filled == empty + 300 * (len(ENCODED) - table.width)
        assert done.effective.shape == (300,)

    def test_completed_rows_obey_the_schema_and_follow_the_seed(self, model):
        from synthkit.schema import Schema, check

        table = self.partial()
        done = model.complete(table, seed=0).table
        learned = Schema(**{**vars(model.schema), "columns": model.schema.encoded, "unit": "row"})
        assert [p for p in check(done, learned) if p.severity == "error"] == []
        assert done.equals(model.complete(table, seed=0).table)
        assert not done.equals(model.complete(table, seed=1).table)

    def test_a_row_may_be_alone(self, model):
        done = model.complete(pl.DataFrame({"age": [44], "ward": [None]}), seed=0)
        assert done.table.height == 1
        assert done.table["age"].item() == 44

    def test_a_column_that_is_left_out_may_be_missing_as_the_model_has_it(self, model):
        done = model.complete(pl.DataFrame({"age": [44] * 2_000}), seed=0)
        assert done.table["weight"].null_count() > 0

    def test_completion_is_the_conditional_distribution(self, model):
        done = model.complete(pl.DataFrame({"ward": ["east"] * 6_000}), seed=0)
        rows = model.sample(20_000, seed=1, where={"ward": "east"})
        shares = [f["returned"].mean() for f in (done.table, rows)]
        assert abs(shares[0] - shares[1]) < 4.9 * np.sqrt(0.25 / 6_000 + 0.25 / 20_000)
        assert done.latents == SMALL["bank"]
        assert done.effective.max() <= SMALL["bank"]

    @pytest.mark.parametrize(
        ("table", "words"),
        [
            (pl.DataFrame({"age": [999, 30], "ward": ["west", None]}), "2 problems"),
            (pl.DataFrame({"age": ["forty", "30"]}), "1 problem"),
            (
                pl.DataFrame({"patient": ["PatientSentinel1"], "age": [3]}),
                "no column named 'patient'",
            ),
            (pl.DataFrame({"age": []}, schema={"age": pl.Int64}), "no row"),
        ],
    )
    def test_what_the_model_cannot_know_is_refused_without_a_value(self, model, table, words):
        with pytest.raises(InputError, match=words) as error:
            model.complete(table)
        said = " ".join([error.value.message, error.value.hint, *error.value.details])
        for secret in ("999", "west", "forty", "PatientSentinel1"):
            assert secret not in said

    @pytest.mark.parametrize("given", ["partial.csv", {"age": [44]}, None])
    def test_what_is_no_table_is_named(self, model, given):
        with pytest.raises(InputError, match="must be a polars DataFrame") as error:
            model.complete(given)
        assert "synthkit.read" in error.value.hint

    def test_the_rows_done_are_told_and_never_fall(self, model, monkeypatch):
        from synthkit.pipeline.progress import RowsDone, Silent

        monkeypatch.setattr("synthkit.pipeline.completing.CHUNK_ROWS", 100)
        told: list[RowsDone] = []

        class Telling(Silent):
            def step(self, event):
                told.append(event)

        table = self.partial().head(250)
        done = model.complete(table, seed=0, progress=Telling())
        assert done.table.equals(model.complete(table, seed=0).table)
        steps = [event.step for event in told]
        assert steps == sorted(steps)
        assert {100, 200, 250} <= set(steps)
        assert len(steps) > 3, "a chunk tells more than its end"
        assert {event.steps for event in told} == {250}
        assert told[-1].seconds_left == 0

    def test_rows_of_next_to_one_latent_are_counted_and_told(self, model):
        whole = model.sample(400, seed=0).drop_nulls()
        model = dataclasses.replace(model, inner=ListedMixture(model.codec.sizes, n_latents=64))
        done = model.complete(whole.drop("ward", "returned"), seed=1)
        assert 0 < done.thin < whole.height
        assert done.thin == (done.effective < 2).sum()
        assert "of the model's 64 latents" in done.note()
        # One cell has no other to follow.
        assert model.complete(whole.drop("ward"), seed=1).thin == 0
        assert model.complete(whole.select("returned"), seed=1).note() is None
        drawn = dataclasses.replace(done, latents=None, thin=1)
        assert drawn.note().startswith("1 row rests on fewer than 10 effective latents")

    def test_a_generator_that_is_no_mixture_says_so(self, model):
        bare = dataclasses.replace(model, inner=OnlySamples(model.inner))
        with pytest.raises(InputError, match="cannot complete rows"):
            bare.complete(pl.DataFrame({"age": [44]}))
