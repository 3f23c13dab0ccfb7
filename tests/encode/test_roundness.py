"""How round numbers are: what is looked at, at what price, and what noise explains."""

from __future__ import annotations

import dataclasses
import inspect
import math
import warnings

import numpy as np
import polars as pl
import pytest

from synthkit import encode
from synthkit.encode import endings, kinds, ladder, leveling, roundness, spikes, subcells
from synthkit.encode.subcells import even_shares
from synthkit.errors import IntegrityError
from synthkit.privacy import accountant, mechanism
from synthkit.privacy.event import NoisyTables
from synthkit.schema import Column, Schema
from tests.encode.test_spikes import AGE, AT, DAY, PRICE, RATIO, STARS, TOWN, public

DELTA = 1e-6
PULSE = public("pulse", "float", (0.0, 320.0), decimals=6, nullable=True)
COUNT = public("count", "integer", (-1000, 1000))
SCHEMA = Schema(
    name="t", population="t", columns=(PULSE, COUNT, RATIO, AGE, STARS, DAY, AT, TOWN), unit="row"
)
WIDE = (PULSE, COUNT, RATIO)
N_TABLES = 4
"""A table of levels of each wide column; of `count`, whose lattice is exact, one of endings too."""


def sizes() -> list[int]:
    """Cells of the tables of the wide columns, in order."""
    pulse, count, ratio = (grid_of(c).ladder for c in WIDE)
    assert (pulse.period, count.period, ratio.period) == (0, 100, 0)
    return [pulse.n_levels + 1, count.n_levels + 1, 101, ratio.n_levels + 1]


def looks(schema: Schema = SCHEMA, *, epsilon: float = 1.0, **more):
    return roundness.events(schema, epsilon=epsilon, delta=DELTA, **{"share": 0.02, **more})


def rows(n: int = 3_000, seed: int = 0) -> pl.DataFrame:
    """Pulses are whole and often of tens; counts are whole; ratios have no round number."""
    rng = np.random.default_rng(seed)
    pulse = np.rint(rng.normal(100, 30, n).clip(20, 300))
    tens = rng.random(n) < 0.4
    return pl.DataFrame(
        {
            "pulse": np.where(tens, np.rint(pulse / 10) * 10, pulse),
            "count": rng.integers(-1000, 1001, n),
            "ratio": rng.uniform(0, 1000, n),
            "age": np.full(n, 40),
            "stars": np.full(n, 3.5),
            "day": pl.Series(np.full(n, 9_000, dtype=np.int32)).cast(pl.Date),
            "at": pl.Series(np.full(n, 1_590_000_000_000_000)).cast(pl.Datetime("us")),
            "town": ["a"] * n,
        }
    )


def grid_of(column: Column):
    return kinds.load(kinds.plugin_name(column.kind)).grid(column)


# --- the price -----------------------------------------------------------------------------------


def test_only_numbers_whose_public_cells_hold_several_values_are_charged():
    (event,) = looks()
    assert isinstance(event, NoisyTables)
    assert event.name == "roundness of numbers"
    assert event.tables == N_TABLES
    for column in SCHEMA.columns:
        alone = dataclasses.replace(SCHEMA, columns=(column,))
        assert sum(e.tables for e in looks(alone)) == (column in WIDE) + (column is COUNT)


def to_buy(**written: object) -> tuple[NoisyTables, ...]:
    """The look at a table of which one number is yet to be bought, whatever is written of it."""
    price = Column(name="price", **{"kind": "float", **written})
    schema = dataclasses.replace(SCHEMA, columns=(*SCHEMA.columns, price))
    return looks(schema, to_buy=["price"])


def test_numbers_that_are_yet_to_be_bought_are_charged_for_all_that_they_may_need():
    more = tuple(Column(name=f"{c.name} to buy", kind=c.kind) for c in (AGE, PRICE, DAY, TOWN))
    schema = dataclasses.replace(SCHEMA, columns=(*SCHEMA.columns, *more))
    (event,) = looks(schema, to_buy=[c.name for c in more])
    assert event.tables == N_TABLES + 2 * 2


@pytest.mark.parametrize("decimals", [None, *range(7)])
@pytest.mark.parametrize("bounds", [None, (0.0, 1.0), (-1e9, 1e9)])
@pytest.mark.parametrize("nullable", [False, True])
def test_what_is_written_of_a_number_to_buy_decides_nothing(decimals, bounds, nullable):
    """`inspect` writes decimals and bounds off the rows: one row would decide the noise."""
    assert to_buy(decimals=decimals, bounds=bounds, nullable=nullable) == to_buy()


def test_planted_a_price_by_what_is_written_is_told_by_it(monkeypatch):
    """As many tables as the decimals that `inspect` wrote down would need."""
    real = roundness.events

    def by_what_is_written(schema, **how):
        bounded = [c for c in schema.columns if c.name != "price" or c.bounds is not None]
        return real(dataclasses.replace(schema, columns=tuple(bounded)), **{**how, "to_buy": ()})

    monkeypatch.setattr(roundness, "events", by_what_is_written)
    with pytest.raises(AssertionError):
        test_what_is_written_of_a_number_to_buy_decides_nothing(2, (0.0, 1000.0), False)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 8.0])
def test_the_price_is_two_percent_of_mu_squared(epsilon):
    (event,) = looks(epsilon=epsilon)
    mu = 1 / accountant.gaussian_sigma(epsilon, DELTA)
    assert event.tables / event.sigma**2 == pytest.approx(0.02 * mu**2, rel=1e-9)


def test_a_table_too_small_to_tell_a_heap_from_noise_is_not_looked_at():
    (event,) = looks()
    enough = math.ceil(20 * event.sigma)
    assert looks(dataclasses.replace(SCHEMA, rows_public=enough)) == (event,)
    assert looks(dataclasses.replace(SCHEMA, rows_public=enough - 1)) == ()
    assert looks(epsilon=5e-4) == ()


def test_without_the_event_nothing_is_looked_at():
    other = NoisyTables(name="one-way tables", sigma=9.0, tables=8)
    with mechanism._recording() as tape:
        for events in ((), (other,)):
            assert roundness.find(rows(), SCHEMA, np.arange(3_000), events) is None
    assert tape.draws == []


def test_planted_a_look_at_more_tables_than_are_charged_is_refused():
    (event,) = looks()
    fewer = dataclasses.replace(event, tables=event.tables - 1)
    with (
        mechanism._recording() as tape,
        pytest.raises(IntegrityError, match="4 tables would be looked at, and 3 are charged"),
    ):
        roundness.find(rows(), SCHEMA, np.arange(3_000), [fewer])
    assert tape.draws == []


# --- one person, one count -----------------------------------------------------------------------


def asked(table: pl.DataFrame, units: np.ndarray, points=None) -> np.ndarray:
    """The exact counts that the look puts under noise, all tables end to end."""
    with mechanism._recording() as tape:
        roundness.find(table, SCHEMA, units, looks(), points)
    (draw,) = [d for d in tape.draws if d.kind == "noisy_counts"]
    assert draw.asked["sigma"] == looks()[0].sigma
    return draw.asked["counts"]


ODD = {
    "all alike": {"pulse": 60.0, "count": 5, "ratio": 0.5},
    "missing": {"pulse": None, "count": 0, "ratio": None},
    "not a number": {"pulse": math.nan, "count": -1000, "ratio": math.nan},
    "beyond": {"pulse": math.inf, "count": 2**62, "ratio": -math.inf},
    "tiny": {"pulse": 5e-324, "count": -(2**62), "ratio": 5e-324},
}


@pytest.mark.parametrize("cells", ODD.values(), ids=ODD)
@pytest.mark.parametrize("k", [1, 40])
def test_a_person_moves_one_cell_of_each_table_by_one_with_however_many_rows(k, cells):
    few = rows(200)
    more = pl.DataFrame({c: [cells.get(c, few[c][0])] * k for c in few.columns}, schema=few.schema)
    before = asked(few, np.arange(200))
    after = asked(pl.concat([few, more]), np.r_[np.arange(200), np.full(k, 200)])
    moves = [np.abs(part).sum() for part in np.split(after - before, np.cumsum(sizes())[:-1])]
    assert moves == [1] * N_TABLES, "each in each table, missing ones and bounds too"


@pytest.mark.parametrize("cells", ODD.values(), ids=ODD)
def test_each_of_many_alike_persons_moves_the_same_cells_by_one(cells):
    few = rows(50)
    alike = pl.DataFrame({c: [cells.get(c, few[c][0])] * 15 for c in few.columns}, few.schema)
    counts = [asked(pl.concat([few, alike[:n]]), np.arange(50 + n)) for n in range(16)]
    moves = np.diff(counts, axis=0)
    assert moves.sum(axis=1).tolist() == [N_TABLES] * 15
    assert (moves == moves[0]).all(), "however few or many are in them"


@pytest.mark.parametrize("n", [0, 1, 2, 200])
@pytest.mark.parametrize("all_missing", [False, True])
def test_no_row_decides_whether_the_look_is_taken(n, all_missing):
    table = rows(n)
    if all_missing:
        table = table.with_columns(pulse=pl.lit(None, pl.Float64), ratio=pl.lit(math.nan))
    counts = asked(table, np.arange(n))
    assert counts.size == sum(sizes())
    assert counts.sum() == n * N_TABLES


def test_nothing_of_rows_is_said_on_the_way():
    for module in (roundness, leveling, endings, ladder, subcells):
        assert not speaks(inspect.getsource(module))
    assert speaks("warnings.warn('one row is rounder than all others')")


def speaks(source: str) -> bool:
    """Whether a module may print, log or warn: each would tell of counts past their noise."""
    return any(word in source for word in ("print(", "warn", "logg", "stderr", "stdout"))


def test_planted_a_person_who_counts_with_all_rows_is_caught(monkeypatch):
    few = rows(200)
    before = asked(few, np.arange(200))
    monkeypatch.setattr(mechanism, "one_row_per_unit", lambda units: np.arange(len(units)))
    after = asked(pl.concat([few, few[:1], few[:1]]), np.r_[np.arange(200), 200, 200])
    assert np.abs(after - before).sum() == 2 * N_TABLES


def test_an_audit_finds_each_row_in_the_cells_it_counts_in():
    table = rows(50)
    with mechanism._recording() as tape:
        roundness.find(table, SCHEMA, np.arange(50), looks())
    (draw,) = [d for d in tape.draws if d.kind == "noisy_counts"]
    places = draw.asked["cells"](table)
    assert places.shape == (50, N_TABLES)
    counted = np.bincount(places.ravel(), minlength=draw.asked["counts"].size)
    assert counted.tolist() == draw.asked["counts"].tolist()


def test_values_with_a_cell_of_their_own_and_missing_ones_need_no_level():
    table = rows(4).with_columns(
        pulse=pl.Series([70.0, None, 0.0, 320.0]), ratio=pl.Series([math.nan, 0.0, 1000.0, 0.0])
    )
    counts = asked(table, np.arange(4), {"pulse": np.array([70_000_000])})
    pulse, _, _, ratio = np.split(counts, np.cumsum(sizes())[:-1])
    assert pulse[-1] == 4
    assert ratio[-1] == 4


def test_where_every_value_turns_out_to_be_a_spike_all_need_no_level():
    points = {"count": np.arange(-1000, 1001)}
    counts = asked(rows(200), np.arange(200), points)
    _, levels, endings_, _ = np.split(counts, np.cumsum(sizes())[:-1])
    for table in (levels, endings_):
        assert table.tolist() == [*[0] * (table.size - 1), 200], "in a table of public shape"
    units = np.arange(200)
    noisy = roundness.find(rows(200), SCHEMA, units, looks(), points)
    for levels in (noisy, roundness.exact(rows(200), SCHEMA, points)):
        codec = fitted(rows(200), levels, points=points)
        assert part(codec, "count").roundness is None
        assert part(codec, "count").grid.is_exact


def test_exact_counts_are_of_all_rows_and_draw_nothing():
    with mechanism._recording() as tape:
        found = roundness.exact(rows(), SCHEMA)
    assert tape.draws == []
    assert found.sigma == 0
    assert {c: n.sum() for c, n in found.counts.items()} == dict.fromkeys(
        [c.name for c in WIDE], 3_000
    )
    empty = roundness.exact(rows(0), SCHEMA)
    assert all(n.sum() == 0 for n in empty.counts.values())


# --- what noise explains -------------------------------------------------------------------------


def fitted(table: pl.DataFrame, levels=None, schema: Schema = SCHEMA, sigma=None, points=None):
    units = np.arange(table.height)
    return encode.fit(table, schema, units, sigma=sigma, points=points, levels=levels).codec


def part(codec: encode.Codec, name: str) -> encode.ColumnCodec:
    return next(p for p in codec.parts if p.name == name)


def test_numbers_without_round_ones_have_no_weights_without_noise():
    table = rows(20_000)
    codec = fitted(table, roundness.exact(table, SCHEMA))
    assert part(codec, "count").roundness is None
    ratio = part(codec, "ratio").roundness
    assert ratio is None or ratio[-1] > 0.5


def test_numbers_without_round_ones_seldom_have_weights_under_noise():
    # 2.5 standard deviations, for a handful of neighbours: a few looks of a hundred tell too much.
    table = rows(20_000)
    (event,) = looks(epsilon=4.0)
    looked = [roundness.find(table, SCHEMA, np.arange(20_000), [event]) for _ in range(20)]
    codecs = [fitted(table, levels) for levels in looked]
    counts = [part(c, "count").roundness for c in codecs]
    ratios = [part(c, "ratio").roundness for c in codecs]
    assert sum(w is None for w in counts) > 10
    assert sum(w is None or w[-1] > 0.5 for w in ratios) > 10


def test_the_noise_of_a_look_at_nothing_rounds_nothing():
    even = even_shares(grid_of(RATIO).line, grid_of(RATIO).ladder)
    masses = np.full(len(even), 100.0)
    expected = masses @ even
    rng = np.random.default_rng(5)
    told = 0
    for _ in range(200):
        counts = expected + rng.normal(0, 300, expected.size)
        told += leveling.weights_of(counts, masses, even, 300.0) is not None
    assert told <= 40, "a dozen levels at 2.5 standard deviations"


def test_planted_weights_that_believe_the_noise_are_caught(monkeypatch):
    monkeypatch.setattr(leveling, "TOLD_SIGMAS", 0.0)
    with pytest.raises(AssertionError, match="standard deviations"):
        test_the_noise_of_a_look_at_nothing_rounds_nothing()


def test_levels_and_cells_are_both_met():
    table = rows(20_000)
    levels = roundness.exact(table, SCHEMA)
    grid = grid_of(PULSE)
    even = even_shares(grid.line, grid.ladder)
    masses = np.bincount(grid.cells(table["pulse"]), minlength=grid.n_cells)[:-1].astype(float)
    counts = levels.counts["pulse"][:-1]
    weights = leveling.weights_of(counts, masses, even, 0.0)
    of_cell = even @ weights
    is_wide = (of_cell > 0) & ~grid.line.is_point
    scale = np.where(is_wide, masses / np.where(is_wide, of_cell, 1), 0)
    met = (scale @ even) * weights
    assert np.abs(met - counts).sum() < 0.02 * counts.sum()


@pytest.mark.parametrize("counts", [np.zeros(4), np.full(4, -5.0), np.array([0, 0, 0, 9e9])])
def test_no_counts_fail(counts):
    even = np.array([[0.1, 0.1, 0.3, 0.5], [0, 0, 0, 0], [0.0, 0.0, 0.0, 1.0]])
    for masses in (np.zeros(3), np.ones(3), np.array([0.0, 5.0, 0.0])):
        found = leveling.weights_of(counts, masses, even, 1.0)
        assert found is None or (np.isfinite(found).all() and found.min() >= 0 and found.max() == 1)


def test_a_share_that_rounding_left_is_none_without_noise_too():
    even = np.array([[1.0, 1e-17]])
    assert leveling.weights_of(np.array([50.0, 50.0]), np.array([100.0]), even, 0.0) is None


@pytest.mark.parametrize("far", [1e30, 1e300, 8e307])
def test_bounds_however_far_apart_give_finite_weights_or_none(far):
    rng = np.random.default_rng(1)
    for bounds in ((0.0, far), (-far, far)):
        grid = grid_of(public("x", "float", bounds))
        even = even_shares(grid.line, grid.ladder)
        for _ in range(60):
            masses = np.rint(rng.gamma(0.3, 100, grid.n_cells)) * (rng.random(grid.n_cells) < 0.5)
            counts = np.rint(rng.gamma(0.1, 1e4, grid.ladder.n_levels))
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = leveling.weights_of(counts, masses, even, 1.0)
            assert found is None or (np.isfinite(found).all() and found.max() == 1)


def test_spikes_and_their_cells_are_left_out_of_the_levels():
    table = rows(20_000)
    points = spikes.exact(table, SCHEMA)
    assert points["pulse"].size
    codec = fitted(table, roundness.exact(table, SCHEMA, points), points=points)
    assert part(codec, "pulse").roundness is not None
