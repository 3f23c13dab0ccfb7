"""Draws by how round numbers are: cells and codes are kept, heaps come back, conditions hold."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synthkit.encode import (
    Codec,
    ColumnCodec,
    Condition,
    codec_from_dict,
    fit,
    kinds,
    roundness,
    spikes,
)
from synthkit.encode.subcells import WHOLE, divided, even_shares
from synthkit.errors import IntegrityError
from synthkit.schema import Column, Schema
from tests.encode import strategies
from tests.encode.test_within import ALPHA, holds

numbers = st.one_of(strategies.integer_columns(), strategies.float_columns())


def rounded(
    column: Column,
    weights: np.ndarray | None,
    seed: int = 0,
    endings: tuple[int, ...] = (),
) -> ColumnCodec:
    """A codec with made-up masses, a few cells of their own, and weights of classes."""
    rng = np.random.default_rng(seed)
    grid = kinds.load("numeric").grid(column)
    grid = grid.with_endings(endings)
    low, high = float(grid.line.starts[0]), float(grid.line.upper)
    points = np.unique(low + rng.random(3) * (high / 2 - low / 2))
    grid = grid.with_points(points)
    masses = rng.gamma(0.7, 100.0, grid.n_cells) * (rng.random(grid.n_cells) < 0.8)
    codes = grid.merge(masses, max_codes=5, max_bins=9, sigma=1.0)
    if grid.n_cells > 20:
        masses[codes == 3] = 0.0
    return ColumnCodec(column.name, "numeric", grid, codes, masses, weights)


@st.composite
def codecs(draw: st.DrawFn) -> ColumnCodec:
    """A numeric column of any grid, with any weights of its classes where it has some."""
    column = draw(numbers)
    ladder = rounded(column, None).grid.ladder
    if ladder is None:
        return rounded(column, None)
    endings: set[int] = set()
    if ladder.period:
        endings = draw(st.sets(st.integers(1, ladder.period - 1), max_size=12))
    n = ladder.n_levels + len(endings)
    some = st.lists(st.sampled_from([0.0, 1e-6, 0.01, 0.5, 1.0]), min_size=n, max_size=n)
    weights = np.array(draw(some))
    weights[draw(st.integers(0, n - 1))] = 1.0
    return rounded(column, weights, draw(st.integers(0, 9)), tuple(sorted(endings)))


@settings(max_examples=300, deadline=None)
@given(codecs(), st.integers(0, 2**32))
def test_what_is_drawn_has_the_code_and_lies_within_the_bounds(codec, seed):
    codes = np.repeat(np.arange(codec.size), 40)
    drawn = codec.decode(codes, np.random.default_rng(seed))
    assert np.array_equal(codec.encode(drawn), codes)
    assert drawn.equals(codec.decode(codes, np.random.default_rng(seed)), null_equal=True)
    assert drawn.dtype == (pl.Int64 if codec.grid.is_integer else pl.Float64)


@settings(max_examples=300, deadline=None)
@given(codecs(), st.integers(0, 2**32))
def test_a_draw_from_any_part_lies_in_its_cell_and_is_of_its_class(codec, seed):
    if codec.roundness is None:
        return
    grid = codec.grid
    parts = divided(grid.line, grid.ladder, codec.roundness)
    n = parts.cell.size
    some = np.random.default_rng(seed).random(n)
    for fraction in (np.zeros(n), np.ones(n), some):
        found = parts.positions(np.arange(n), fraction)
        assert np.array_equal(grid.line.cells(found), parts.cell)
        is_round = parts.level != WHOLE
        if not grid.ladder.is_tolerant:
            classes = grid.ladder.classes(found[is_round])
            assert np.array_equal(classes, parts.level[is_round])
    sums = np.bincount(parts.cell, weights=parts.share, minlength=grid.line.starts.size)
    assert sums == pytest.approx(1.0)


@settings(max_examples=100, deadline=None)
@given(numbers)
def test_even_shares_are_shares(column):
    grid = kinds.load("numeric").grid(column)
    if grid.ladder is None:
        return
    even = even_shares(grid.line, grid.ladder)
    assert even.min() >= 0
    assert even.sum(axis=1)[~grid.line.is_point] == pytest.approx(1.0)
    assert not even[grid.line.is_point].any()


SMALL = Column(name="x", kind="integer", bounds=(-700, 700))
PENCE = Column(name="x", kind="float", bounds=(-7.0, 9.0), decimals=2)


SOME_FIVES = (5, 15, 25, 35, 45, 55, 65, 75, 85, 95)
"""All endings of the level of fives: of the level itself nothing is left."""


@pytest.mark.parametrize("endings", [(), (99,), (1, 49, 50, 95, 99), SOME_FIVES, range(1, 100)])
@pytest.mark.parametrize("column", [SMALL, PENCE])
def test_members_are_those_that_counting_by_hand_gives(column, endings):
    grid = kinds.load("numeric").grid(column).with_endings(tuple(endings))
    parts = divided(grid.line, grid.ladder, np.ones(grid.ladder.n_classes))
    every = np.arange(grid.line.starts[0], grid.line.upper + 1)
    cells, levels = grid.line.cells(every), grid.ladder.classes(every)
    for cell, level, count, i in zip(
        parts.cell, parts.level, parts.count, range(parts.cell.size), strict=True
    ):
        if level == WHOLE:
            assert grid.line.is_point[cell]
            continue
        mine = every[(cells == cell) & (levels == level)]
        assert count == mine.size
        found = parts.positions(np.full(count, i), (np.arange(count) + 0.5) / count)
        assert found.tolist() == mine.tolist()
    even = even_shares(grid.line, grid.ladder)
    by_hand = np.zeros_like(even)
    np.add.at(by_hand, (cells, levels), 1 / grid.line.widths[cells])
    wide = ~grid.line.is_point
    assert even[wide] == pytest.approx(by_hand[wide])


@pytest.mark.parametrize("endings", [(), (5, 50, 99)])
def test_with_equal_weights_every_value_is_drawn_evenly(endings):
    codec = rounded(SMALL, None, endings=endings)
    weights = np.ones(codec.grid.ladder.n_classes)
    alike = dataclasses.replace(codec, roundness=weights)
    codes = np.repeat(np.arange(codec.size), 20_000)
    one = codec.decode(codes, np.random.default_rng(0)).to_numpy()
    other = alike.decode(codes, np.random.default_rng(1)).to_numpy()
    counts = [np.bincount(x + 700, minlength=1401) for x in (one, other)]
    used = counts[0] + counts[1] > 0
    assert stats.chi2_contingency(np.array(counts)[:, used]).pvalue > ALPHA


def test_a_multiple_that_short_floats_moved_to_a_cell_of_its_own_is_drawn_from_that_alone():
    column = Column(name="x", kind="float", bounds=(31.5, 42.0), decimals=5)
    grid = kinds.load("numeric").grid(column).with_points(np.array([3_739_844, 3_650_000]))
    weights = np.zeros(grid.ladder.n_levels)
    weights[:3] = 1.0
    parts = divided(grid.line, grid.ladder, weights)
    is_round = parts.level != WHOLE
    ends = [parts.positions(np.flatnonzero(is_round), np.full(is_round.sum(), f)) for f in (0, 1)]
    drawn = {int(x) for x in np.concatenate(ends)}
    assert 3_740_000 not in drawn
    assert 3_730_000 in drawn
    assert 3_750_000 in drawn
    assert even_shares(grid.line, grid.ladder)[grid.line.cells(np.array([3_740_000]))[0], 2] == 0


# --- conditions ----------------------------------------------------------------------------------

CASES = [
    (Column(name="c", kind="integer", bounds=(0, 5_000)), Condition(bounds=(17, 1_203))),
    (Column(name="c", kind="integer", bounds=(0, 5_000)), Condition(bounds=(100, 100))),
    (Column(name="c", kind="integer", bounds=(-999, 999)), Condition(bounds=(None, -33))),
    (Column(name="c", kind="float", bounds=(0, 900)), Condition(bounds=(12.5, 300.25))),
    (Column(name="c", kind="float", bounds=(0, 1)), Condition(bounds=(0.3, 0.7))),
    (
        Column(name="c", kind="float", bounds=(0, 900), decimals=2, nullable=True),
        Condition(bounds=(12.345, None), missing=True),
    ),
    (
        Column(name="c", kind="float", bounds=(-50, 90), decimals=6, nullable=True),
        Condition(bounds=(-20, 37.5)),
    ),
    (
        Column(name="c", kind="float", bounds=(0, 900), decimals=1, nullable=True),
        Condition(missing=True),
    ),
]


def heaped(column: Column) -> ColumnCodec:
    """Half of the mass is on round numbers, the rest even but for two endings, if it has any."""
    ladder = kinds.load("numeric").grid(column).ladder
    own = (49, 99) if ladder.period else ()
    levels = np.r_[np.linspace(1.0, 0.1, ladder.n_levels - 1), 0.02]
    return rounded(column, np.r_[levels, np.full(len(own), 0.7)], endings=own)


@pytest.mark.parametrize(("column", "condition"), CASES)
def test_evidence_is_the_share_of_draws_that_satisfy_the_condition(column, condition):
    codec = heaped(column)
    within = codec.within(condition)
    n = 20_000
    for code in range(codec.size):
        values = codec.decode(np.full(n, code), np.random.default_rng(code))
        hits = int(holds(values, condition).sum())
        p = within.evidence[code]
        low, high = stats.binom.ppf([ALPHA / 2, 1 - ALPHA / 2], n, p)
        assert low <= hits <= high, (code, p, hits / n)


@pytest.mark.parametrize(("column", "condition"), CASES)
def test_draws_within_are_those_that_decoding_and_rejecting_gives(column, condition):
    codec = heaped(column)
    within = codec.within(condition)
    n = 20_000
    for code in np.flatnonzero(within.evidence > 0.01):
        rng = np.random.default_rng(int(code))
        ours = codec.decode(np.full(n, code), rng, within)
        assert holds(ours, condition).all()
        assert np.all(codec.encode(ours) == code)
        plain = codec.decode(np.full(n, code), rng)
        kept = plain.filter(pl.Series(holds(plain, condition))).drop_nulls().to_numpy()
        if len(kept) > 50:
            assert stats.ks_2samp(ours.drop_nulls().to_numpy(), kept).pvalue > ALPHA


@settings(max_examples=300, deadline=None)
@given(codecs(), st.data())
def test_no_draw_leaves_a_condition_whatever_its_bounds(codec, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    some = codec.decode(rng.integers(0, codec.size, 30), rng).drop_nulls()
    if not len(some):
        return
    nudge = data.draw(st.sampled_from([0, 1, -1, 0.004]))
    ends = sorted(data.draw(st.tuples(*[st.sampled_from(some.to_list())] * 2)))
    low, high = (e + (nudge if not codec.grid.is_integer else round(nudge)) for e in ends)
    condition = Condition(bounds=(low, high))
    within = codec.within(condition)
    assert within.evidence.min() >= 0
    assert within.evidence.max() <= 1
    codes = np.repeat(np.flatnonzero(within.evidence > 0), 20)
    drawn = codec.decode(codes, rng, within)
    assert holds(drawn, condition).all()
    assert np.array_equal(codec.encode(drawn), codes)


def test_a_single_round_value_of_a_fine_float_has_evidence():
    codec = heaped(Column(name="c", kind="float", bounds=(0.0, 1.0)))
    within = codec.within(Condition(bounds=(0.3, 0.3)))
    (code,) = np.flatnonzero(within.evidence)
    drawn = codec.decode(np.full(5, code), np.random.default_rng(0), within)
    assert drawn.to_list() == [0.3] * 5


# --- heaps come back -----------------------------------------------------------------------------

PULSE = Column(name="pulse", kind="float", bounds=(0.0, 320.0), decimals=6, domain_source="public")
RATIO = Column(name="ratio", kind="float", bounds=(0.0, 1000.0), domain_source="public")
CHANCE = Column(name="chance", kind="float", bounds=(0.0, 1.0), domain_source="public")
CENTS = Column(name="cents", kind="float", bounds=(0.0, 500.0), decimals=2, domain_source="public")
SCHEMA = Schema(name="t", population="t", columns=(PULSE, RATIO, CHANCE, CENTS), unit="row")
N = 20_000


def table() -> pl.DataFrame:
    """Whole pulses, 4 in 10 of tens; ratios of any digits; chances of twentieths that lost bits;
    prices that end on .99."""
    rng = np.random.default_rng(0)
    pulse = np.rint(rng.normal(100, 30, N).clip(20, 300))
    tens = rng.random(N) < 0.4
    chance = (rng.integers(1, 20, N) * 0.05).astype(np.float32).view(np.uint32) & 0xFFFFF800
    return pl.DataFrame(
        {
            "pulse": np.where(tens, np.rint(pulse / 10) * 10, pulse),
            "ratio": rng.uniform(0, 1000, N),
            "chance": chance.astype(np.uint32).view(np.float32).astype(np.float64),
            "cents": np.round(rng.integers(1, 400, N) - 0.01, 2),
        }
    )


def share_of(series: pl.Series, step: float) -> float:
    x = series.to_numpy()
    return float(np.mean(np.abs(x - np.rint(x / step) * step) < 1e-9))


def decoded(epsilon: float | None) -> tuple[pl.DataFrame, Codec]:
    real, units = table(), np.arange(N)
    if epsilon is None:
        levels = roundness.exact(real, SCHEMA)
    else:
        looks = roundness.events(SCHEMA, epsilon=epsilon, delta=1e-6, share=0.02)
        levels = roundness.find(real, SCHEMA, units, looks)
    fitted = fit(real, SCHEMA, units, sigma=None if epsilon is None else 40.0, levels=levels)
    return fitted.codec.decode(fitted.codes.values, np.random.default_rng(0)), fitted.codec


@pytest.mark.parametrize("epsilon", [None, 1.0])
def test_heaps_come_back_and_what_has_none_gets_none(epsilon):
    real, (drawn, codec) = table(), decoded(epsilon)
    loose = 0.02 if epsilon is None else 0.1
    assert share_of(drawn["pulse"], 1.0) == pytest.approx(1.0, abs=loose)
    tens = [share_of(s["pulse"], 10.0) for s in (real, drawn)]
    assert tens[1] == pytest.approx(tens[0], abs=0.05 + loose)
    assert share_of(drawn["chance"], 0.05) == pytest.approx(1.0, abs=0.03 + loose)
    assert share_of(drawn["ratio"], 0.001) < loose
    assert drawn["ratio"].n_unique() > 0.85 * N
    assert share_of(drawn["cents"], 1.0) < 0.02, "no price ends on .00"
    assert share_of(drawn["cents"] + 0.01, 1.0) == pytest.approx(1.0, abs=loose)
    before = fit(real, SCHEMA, np.arange(N), sigma=None).codec
    values = before.encode(real, np.arange(N)).values
    without = before.decode(values, np.random.default_rng(0))
    assert share_of(without["pulse"], 1.0) < 0.1, "and without the look they do not"
    assert share_of(without["cents"] + 0.01, 1.0) < 0.1
    assert codec.parts[0].roundness is not None


def test_a_column_with_spikes_and_levels_draws_both():
    real, units = table(), np.arange(N)
    points = spikes.exact(real, SCHEMA)
    levels = roundness.exact(real, SCHEMA, points)
    fitted = fit(real, SCHEMA, units, sigma=None, points=points, levels=levels)
    drawn = fitted.codec.decode(fitted.codes.values, np.random.default_rng(0))
    assert share_of(drawn["pulse"], 1.0) > 0.99
    again = fitted.codec.encode(drawn, units)
    assert np.array_equal(again.values, fitted.codes.values)


# --- files ---------------------------------------------------------------------------------------


def test_a_codec_with_weights_survives_its_file_and_one_without_has_no_such_key():
    _, codec = decoded(None)
    written = json.loads(json.dumps(codec.to_dict()))
    again = codec_from_dict(written)
    codes = np.random.default_rng(1).integers(0, np.array(codec.sizes), (500, len(codec.sizes)))
    one, other = (c.decode(codes, np.random.default_rng(2)) for c in (codec, again))
    assert one.equals(other)
    assert again.to_dict() == codec.to_dict()
    old = {**written, "columns": [dict(c) for c in written["columns"]]}
    for column in old["columns"]:
        column.pop("roundness", None)
    read = codec_from_dict(old)
    assert all(p.roundness is None for p in read.parts)
    assert read.to_dict() == old
    assert read.decode(codes, np.random.default_rng(2)).height == 500


def test_endings_survive_the_file_and_a_file_without_them_is_as_before():
    written = json.loads(json.dumps(decoded(None)[1].to_dict()))
    endings = [c["grid"].get("endings") for c in written["columns"]]
    assert endings == [None, None, None, [99]]
    assert codec_from_dict(written).parts[3].grid.endings == (99,)


NO_ENDINGS = [[True], [0], [100], [-1], [99, 98], [99, 99], [9.0], ["99"], 99, None, [[99]]]


@pytest.mark.parametrize("bad", NO_ENDINGS, ids=repr)
def test_damaged_endings_are_refused_in_clear_words(bad):
    written = decoded(None)[1].to_dict()
    column = written["columns"][3]
    column["grid"] = {**column["grid"], "endings": bad}
    column["roundness"] = column["roundness"][:-1]
    column["roundness"] += [1.0] * (len(bad) if isinstance(bad, list) else 1)
    with pytest.raises(IntegrityError, match="cannot be read"):
        codec_from_dict(written)


def test_endings_on_a_grid_that_has_none_are_refused():
    written = decoded(None)[1].to_dict()
    column = written["columns"][0]
    column["grid"] = {**column["grid"], "endings": [99]}
    column["roundness"] = [*column["roundness"], 1.0]
    with pytest.raises(IntegrityError, match="cannot be read"):
        codec_from_dict(written)


BAD = [-1.0, math.nan, math.inf, 2.0, 1e308, 10**400, None]


@pytest.mark.parametrize("bad", BAD, ids=lambda x: f"{x!r:.9}")
def test_damaged_weights_are_refused_in_clear_words(bad):
    written = decoded(None)[1].to_dict()
    n = len(written["columns"][0]["roundness"])
    rest = [1.0] * (n - 1)
    none_is_one = [0.5] * n
    for damaged in ([], rest, [1.0, 1.0, *rest], [bad, *rest], [*rest, bad], bad, none_is_one):
        written["columns"][0]["roundness"] = damaged
        with pytest.raises(IntegrityError, match="damaged"):
            codec_from_dict(written)


@pytest.mark.parametrize(
    "damage",
    [
        {"grid": {"upper": math.inf}},
        {"grid": {"upper": 10**400}},
        {"grid": {"starts": [], "has_missing": True}, "code_of_cell": [0], "masses": [1.0]},
    ],
)
def test_weights_on_a_damaged_grid_are_refused_in_clear_words(damage):
    written = decoded(None)[1].to_dict()
    column = written["columns"][0]
    column.update({**damage, "grid": {**column["grid"], **damage["grid"]}})
    with pytest.raises(IntegrityError, match="damaged"):
        codec_from_dict(written)


def test_weights_for_a_grid_without_levels_are_refused():
    from synthkit.encode import kinds as of_room

    column = Column(name="town", kind="categorical", categories=("a", "b"))
    grid = of_room.load("categorical").grid(column)
    codec = Codec((ColumnCodec("town", "categorical", grid, np.arange(2), np.ones(2)),))
    written = codec.to_dict()
    written["columns"][0]["roundness"] = [1.0]
    with pytest.raises(IntegrityError, match="damaged"):
        codec_from_dict(written)
