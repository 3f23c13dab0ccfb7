"""Domains bought with noise: functions of the noisy answers, never failing."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import math

import numpy as np
import polars as pl
import pytest

from synthkit.encode import domains, fit
from synthkit.encode.domains import OTHER, mapping, months, names, numbers, occupied, purchase
from synthkit.errors import InputError
from synthkit.privacy import accountant, mechanism
from synthkit.privacy.event import NoisyTables, ThresholdedTables
from synthkit.schema import Column, Schema, dump, opened, parse

DAY = datetime.date
SENTINEL = "WrittenSentinel"
COLUMNS = (
    Column(name="age", kind="integer", bounds=(-77_777, 77_777), nullable=True),
    Column(name="weight", kind="float", bounds=(-77.77, 77.77), decimals=5),
    Column(name="seen", kind="date", bounds=(DAY(1777, 7, 7), DAY(1777, 7, 8))),
    Column(name="at", kind="datetime", bounds=None),
    Column(name="ward", kind="categorical", categories=(SENTINEL,), missing=("none",)),
    Column(name="code", kind="categorical", categories=(7_777,)),
    Column(name="grade", kind="ordinal", categories=(7_777, 8_888)),
    Column(name="size", kind="ordinal", categories=(SENTINEL,)),
    Column(name="back", kind="boolean", nullable=True),
)
SCHEMA = Schema(name="t", population="p", columns=COLUMNS, missing=("?",))
N = 30_000
LOOKS = domains.events(SCHEMA, epsilon=8.0, delta=1e-6, share=0.2)


def table(n: int = N) -> pl.DataFrame:
    """A table as it is read under the opened schema: categories are text. Shape (n, 9)."""
    rng = np.random.default_rng(0)
    day = [DAY(2019, 3, 5) + datetime.timedelta(int(d)) for d in rng.integers(0, 700, n)]
    return pl.DataFrame(
        {
            "age": rng.integers(18, 91, n),
            "weight": np.round(rng.uniform(40, 120, n), 1),
            "seen": pl.Series(day, dtype=pl.Date),
            "at": pl.Series(day, dtype=pl.Date).cast(pl.Datetime("us")),
            "ward": rng.choice(["south", "north", "east"], n),
            "code": rng.choice(["10", "2", "9"], n),
            "grade": rng.choice(["1", "2", "3", "10"], n),
            "size": rng.choice(["S", "M", "L"], n),
            "back": rng.random(n) < 0.5,
        },
        schema_overrides={"age": pl.Int64},
    )


def buy(rows: pl.DataFrame, schema: Schema = SCHEMA, looks=LOOKS) -> Schema:
    return domains.buy(rows, schema, np.arange(rows.height), looks)


@pytest.fixture(scope="module")
def bought() -> Schema:
    """Bought with limits that noise passes once in 1e9 cells, so that no test fails by chance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(occupied, "CHANCE_ANYWHERE", 1e-9)
        patch.setattr(occupied, "CHANCE_OF_STEP", 1e-9)
        return buy(table())


# --- what is bought ------------------------------------------------------------------------------


def test_on_an_easy_table_every_domain_is_the_obvious_one(bought):
    found = {c.name: c for c in bought.columns}
    assert found["age"].bounds == (10, 100)
    assert found["weight"].bounds == (20.0, 200.0)
    assert found["weight"].decimals == 1
    assert found["seen"].bounds[0] <= DAY(2019, 3, 31)
    assert DAY(2021, 1, 31) <= found["seen"].bounds[1] <= DAY(2023, 12, 31)
    assert isinstance(found["at"].bounds[0], datetime.datetime)
    assert found["ward"].categories[:3] == ("east", "north", "south")
    assert found["code"].categories in ((2, 9, 10), ("10", "2", "9", OTHER))
    assert found["grade"].categories == (1, 2, 3, 10)
    assert found["size"].categories[:3] == ("L", "M", "S")
    assert not any(c.nullable for c in bought.columns)
    assert {c.domain_source for c in bought.columns} == {"noisy"}


def test_nothing_that_was_written_survives_and_the_schema_loads_again(bought):
    text = dump(bought)
    for written in (SENTINEL, "7777", "77_777", "8888", "1777", "none", "'?'"):
        assert written not in text
    assert parse(text) == bought
    assert "from: noisy" in text


def test_what_is_written_changes_nothing_under_the_same_noise():
    rows = table(4_000)
    bare = opened(SCHEMA, [c.name for c in COLUMNS])
    with mechanism._recording() as tape:
        first = buy(rows)
    with mechanism._replaying(tape):
        assert buy(rows, bare) == first


def test_public_columns_are_left_alone_and_cost_nothing():
    public = Column(name="age", kind="integer", bounds=(0, 9), domain_source="public")
    schema = dataclasses.replace(SCHEMA, columns=(public, *COLUMNS[1:]))
    assert buy(table(), schema).column("age") == public
    alone = dataclasses.replace(SCHEMA, columns=(public,))
    assert domains.events(alone, epsilon=1.0, delta=1e-6, share=0.1) == ()
    assert buy(table(), alone) == alone


def test_missing_cells_beyond_noise_make_a_column_nullable_whatever_is_written():
    holes = pl.int_range(pl.len()) % 3 == 0
    rows = table().with_columns(pl.when(~holes).then(pl.all()).name.keep())
    assert all(c.nullable for c in buy(rows).columns)


def test_a_left_out_column_says_nothing_about_its_cells():
    note = Column(name="note", kind="text", nullable=True, missing=("secret",))
    schema = dataclasses.replace(SCHEMA, columns=(*COLUMNS, note))
    rows = table().with_columns(note=pl.lit("x"))
    assert buy(rows, schema).column("note") == Column(name="note", kind="text")


# --- neighbours ----------------------------------------------------------------------------------

LONE = {
    "age": [2**63 - 1, -(2**63), 0, None],
    "weight": [math.nan, math.inf, -math.inf, 1e300, 5e-324, 0.1 + 1e-12, None],
    "seen": [DAY(1, 1, 1), DAY(9999, 12, 31), None],
    "at": [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59), None],
    "ward": ["LoneSentinel", OTHER, "x" * 100_000, "a\x00b", "\x1f", "É‮", "123", None],
    "code": ["99999999999999999999", "-1", "007", "x", None],
    "grade": ["9223372036854775807", "-5", "2.5", "best", None],
    "size": ["LoneSentinel", None],
    "back": [None, True],
}
NEIGHBOURS = [(name, value) for name, values in LONE.items() for value in values]


def with_one(rows: pl.DataFrame, name: str, value: object) -> pl.DataFrame:
    """Gives the last row another cell: one row leaves and one comes, two neighbouring steps."""
    last = rows.tail(1).with_columns(pl.lit(value, dtype=rows.schema[name]).alias(name))
    return pl.concat([rows[:-1], last])


@pytest.mark.parametrize(("name", "value"), NEIGHBOURS)
def test_another_cell_of_any_value_changes_nothing_but_through_the_noisy_answers(name, value):
    rows = table(600)
    with mechanism._recording() as tape:
        first = buy(rows)
    other = with_one(rows, name, value)
    with mechanism._replaying(tape) as replay:
        assert buy(other) == first
    tables_moved = 0
    for old, new in zip(tape.draws[1:], replay.draws[1:], strict=True):
        if old.kind == "noisy_counts":
            assert old.asked["counts"].shape == new.asked["counts"].shape, "cells are public"
            moved = (new.asked["counts"] - old.asked["counts"]).tolist()
        else:
            before, after = old.asked["counts"], new.asked["counts"]
            moved = [after.get(k, 0) - before.get(k, 0) for k in {*before, *after}]
        assert max(map(abs, moved), default=0) <= 1
        tables_moved += sum(map(abs, moved))
    assert tables_moved <= 2 * 2, "the column's own tables alone: one cell less, one more"
    inside = domains.mapped(other, first)
    fit(inside, first, np.arange(other.height), sigma=20.0)


@pytest.mark.parametrize("name", [c.name for c in COLUMNS])
def test_an_emptied_column_raises_nothing_and_still_gets_a_domain(name):
    rows = table(3_000)
    rows = rows.with_columns(pl.lit(None, dtype=rows.schema[name]).alias(name))
    found = buy(rows)
    assert parse(dump(found)) == found
    fit(domains.mapped(rows, found), found, np.arange(rows.height), sigma=20.0)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tables_of_next_to_no_rows_raise_nothing(n):
    found = buy(table(n))
    assert parse(dump(found)) == found


def test_a_category_that_one_row_has_is_told_by_noise_alone():
    """With delta 1e-7 for the names, 100 tries would show a name told at count 1 at once."""
    rows = with_one(table(500), "ward", "LoneSentinel")
    schema = dataclasses.replace(SCHEMA, columns=(COLUMNS[4],))
    looks = domains.events(schema, epsilon=8.0, delta=1e-6, share=0.2)
    for _ in range(100):
        assert "LoneSentinel" not in (buy(rows, schema, looks).column("ward").categories or ())


def test_planted_a_threshold_that_forgets_delta_tells_the_lone_name(monkeypatch):
    from synthkit.privacy import threshold

    rows = with_one(table(500), "ward", "LoneSentinel")
    schema = dataclasses.replace(SCHEMA, columns=(COLUMNS[4],))
    looks = domains.events(schema, epsilon=8.0, delta=1e-6, share=0.2)
    monkeypatch.setattr(threshold, "threshold", lambda sigma, delta, fewest: 1)
    told = ["LoneSentinel" in buy(rows, schema, looks).column("ward").categories for _ in range(60)]
    assert any(told), "each try tells it with a chance of about one half"


def test_planted_bounds_from_exact_extremes_are_caught(monkeypatch):
    rows = table(600)

    def peeks(first, last, *, is_integer):
        return (int(rows["age"].min()), int(rows["age"].max())) if is_integer else (0.0, 1.0)

    with mechanism._recording() as tape:
        sound = buy(rows)
    monkeypatch.setattr(numbers, "bounds", peeks)
    with mechanism._replaying(tape):
        first = buy(rows)
    rows = with_one(rows, "age", 4_000)
    with mechanism._replaying(tape):
        assert buy(rows) != first, "the replay sees that bounds follow the rows"
    assert sound.column("age").bounds != first.column("age").bounds


# --- the price -----------------------------------------------------------------------------------


def test_the_price_is_the_share_of_mu_squared_and_a_tenth_of_delta():
    looks = domains.events(SCHEMA, epsilon=1.0, delta=1e-6, share=0.1)
    assert [(type(e), e.tables) for e in looks] == [
        (NoisyTables, 4), (ThresholdedTables, 4), (NoisyTables, 2),
    ]  # fmt: skip
    mu = 1 / accountant.gaussian_sigma(1.0, 0.9e-6)
    assert sum(e.tables / e.sigma**2 for e in looks) == pytest.approx(0.1 * mu**2)
    assert accountant.threshold_delta(looks) == pytest.approx(1e-7)
    assert 0.2 < accountant.cost(looks, delta=1e-6).epsilon < 0.4


def test_a_budget_too_small_to_buy_with_is_refused():
    with pytest.raises(InputError, match="too small to buy"):
        domains.events(SCHEMA, epsilon=1e-4, delta=1e-6, share=0.05)


# --- cells and ranges ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(0, 0, 0), (1, 1, 1), (2, 2, 2), (5, 3, 5), (6, 6, 10), (11, 10, 20), (100, 50, 100),
     (101, 100, 200), (-1, -1, -1), (-3, -5, -3), (-100, -100, -50),
     (2**63 - 1, 2 * 10**18, 2**62), (-(2**63), -(2**62), -2 * 10**18)],
)  # fmt: skip
def test_each_whole_number_lies_in_its_public_cell(value, low, high):
    (cell,) = numbers.cells(pl.Series([value], dtype=pl.Int64), is_integer=True)
    assert numbers.bounds(cell, cell, is_integer=True) == (low, high)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(0.0, 0.0, 0.0), (-0.0, 0.0, 0.0), (1e-9, 0.0, 1e-6), (0.3, 0.2, 0.5), (1.0, 0.5, 1.0),
     (1.01, 1.0, 2.0), (-70.0, -100.0, -50.0), (1e300, 5e17, 1e18), (math.inf, 5e17, 1e18)],
)  # fmt: skip
def test_each_float_lies_in_its_public_cell(value, low, high):
    (cell,) = numbers.cells(pl.Series([value]), is_integer=False)
    assert numbers.bounds(cell, cell, is_integer=False) == (low, high)


def test_cells_are_in_order_and_all_are_reached():
    for is_integer in (True, False):
        n = numbers.n_cells(is_integer)
        ends = [numbers.bounds(i, i, is_integer=is_integer) for i in range(n - 1)]
        assert all(a[1] <= b[0] and a[0] <= a[1] for a, b in itertools.pairwise(ends))
        kind = pl.Int64 if is_integer else pl.Float64
        highs = pl.Series([e[1] if e[1] > 0 else e[0] for e in ends], dtype=kind)
        assert numbers.cells(highs, is_integer=is_integer).tolist() == list(range(n - 1))


def test_pure_noise_gives_a_false_sure_cell_at_most_once_in_a_hundred_grids():
    # 2,000 grids of noise; more than 48 false ones has a chance below 1e-6 if each has 1 %.
    rng, sigma = np.random.default_rng(1), 30.0
    noise = np.rint(rng.normal(0, sigma, (2_000, 115)))
    false = [occupied.sure(row, sigma, n_tests=115).any() for row in noise]
    assert sum(false) <= 48


def test_thin_tails_are_kept_and_no_range_grows_past_zero_by_chance():
    sigma, wall = 10.0, 4
    noisy = np.array([0, 0, 0, 30, 500, 400, 30, 25, 0, 0])
    assert occupied.occupied(noisy, sigma, wall=wall) == (wall, 7)
    sure_below = np.array([0, 0, 0, 90, 500, 400, 0, 0, 0, 0])
    assert occupied.occupied(sure_below, sigma, wall=wall) == (3, 5)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [({0: 900}, 0), ({2: 900}, 2), ({2: 900, 4: 10}, 2), ({2: 900, 7: 90}, None), ({}, None)],
)
def test_decimals_are_those_that_more_than_noise_needs(counts, expected):
    noisy = np.zeros(numbers.N_DECIMALS)
    for need, n in counts.items():
        noisy[need] = n
    assert numbers.decimals(noisy, 10.0, (0.0, 100.0)) == expected


def test_decimals_that_write_no_number_between_the_bounds_are_none():
    noisy = np.array([900, 0, 0, 0, 0, 0, 0, 0])
    assert numbers.decimals(noisy, 10.0, (2e-6, 5e-6)) is None


def test_a_month_alone_years_together_or_decades_show_where_dates_lie():
    sigma = 20.0

    def ranged(at: dict[int, float]) -> tuple[DAY, DAY]:
        noisy = np.zeros(months.N_CELLS)
        for month, n in at.items():
            noisy[1 + month] = n
        return months.bounds(*months.cell_range(noisy, sigma), is_date=True)

    may_2020 = (2020 - 1800) * 12 + 4
    assert ranged({may_2020: 500}) == (DAY(2020, 5, 1), DAY(2020, 5, 31))
    thin_year = {(2020 - 1800) * 12 + m: 35.0 for m in range(12)}
    assert ranged(thin_year) == (DAY(2020, 1, 1), DAY(2020, 12, 31))
    assert ranged({4799: 900}) == (DAY(2199, 12, 1), DAY(2199, 12, 31))
    noisy = np.zeros(months.N_CELLS)
    noisy[-2] = 900  # after 2199
    assert months.cell_range(noisy, sigma) == (4800, 4800)


# --- rows inside the domains ---------------------------------------------------------------------


def noisy(**more) -> Column:
    return Column(name="c", domain_source="noisy", **more)


@pytest.mark.parametrize(
    ("column", "cells", "inside"),
    [
        (noisy(kind="integer", bounds=(0, 9)), [-5, 3, 50, None], [0, 3, 9, 0]),
        (noisy(kind="float", bounds=(0.0, 9.0), nullable=True), [math.nan, math.inf], [None, 9.0]),
        (noisy(kind="categorical", categories=("a", OTHER), nullable=True),
         ["a", "b", OTHER, None], ["a", OTHER, OTHER, None]),
        (noisy(kind="categorical", categories=("a", OTHER)), ["b", None], [OTHER, OTHER]),
        (noisy(kind="categorical", categories=("a", "b"), nullable=True), ["z", "b"], [None, "b"]),
        (noisy(kind="categorical", categories=("a", "b")), ["z", None], ["a", "a"]),
        (noisy(kind="categorical", categories=(1, 5)), ["3", "4", "x", None], [1, 5, 1, 1]),
        (noisy(kind="ordinal", categories=(1, 5), nullable=True),
         ["9223372036854775807", "-9", None, "best"], [5, 1, None, None]),
        (noisy(kind="boolean"), [True, None], [True, False]),
        (noisy(kind="date", bounds=(DAY(2020, 1, 1), DAY(2020, 2, 1))),
         [DAY(1, 1, 1), DAY(9999, 1, 1)], [DAY(2020, 1, 1), DAY(2020, 2, 1)]),
    ],
)  # fmt: skip
def test_each_row_goes_to_its_own_place(column, cells, inside):
    schema = Schema(name="t", population="p", columns=(column,))
    kinds = {"integer": pl.Int64, "float": pl.Float64, "boolean": pl.Boolean, "date": pl.Date}
    frame = pl.DataFrame({"c": pl.Series(cells, dtype=kinds.get(column.kind, pl.String))})
    assert mapping.mapped(frame, schema)["c"].to_list() == inside
    one_by_one = [mapping.mapped(frame[i], schema)["c"].item() for i in range(frame.height)]
    assert one_by_one == inside, "no row decides about another"


def test_categories_stand_in_an_order_that_no_count_decides():
    told = ["10", "9", "2"]
    assert names.categories(told, "categorical", has_leftover=False) == (2, 9, 10)
    assert names.categories(told, "categorical", has_leftover=True) == ("10", "2", "9", OTHER)
    assert names.categories(told, "ordinal", has_leftover=True) == (2, 9, 10)
    assert names.categories(["b", "A", "7"], "ordinal", has_leftover=True) == ("7", "A", "b", OTHER)
    assert names.categories(["b", "a"], "categorical", has_leftover=False) == ("a", "b")
    assert names.categories(["007"], "categorical", has_leftover=False) == ("007",)
    assert names.categories([], "categorical", has_leftover=False) == (OTHER,)


def test_the_look_takes_one_row_of_each_unit():
    rows = table(600)
    with mechanism._recording() as tape:
        domains.buy(rows, SCHEMA, np.arange(600) // 3, LOOKS)
    counts = next(d for d in tape.draws if d.kind == "noisy_counts").asked["counts"]
    assert counts.sum() == 4 * 200
    assert purchase.BOUNDS == "bounds of columns"


@pytest.mark.parametrize("chunk", [1, 7, 1 << 18])
def test_what_is_counted_does_not_depend_on_the_chunks_rows_are_read_in(chunk, monkeypatch):
    from synthkit.encode import reading

    schema, table = SCHEMA_OF_CHUNKS, TABLE_OF_CHUNKS
    units = np.arange(table.height) // 2
    looks = domains.events(schema, epsilon=1.0, delta=1e-6, share=0.1)

    def asked() -> list[object]:
        chosen = (np.arange(0, table.height, 2),)
        with monkeypatch.context() as patch:
            patch.setattr(mechanism, "rows_of_units", lambda units, *, most: chosen)
            with mechanism._recording() as tape:
                domains.buy(table, schema, units, looks)
        counts = [d.asked["counts"] for d in tape.draws]
        return [c.tolist() if isinstance(c, np.ndarray) else c for c in counts]

    whole = asked()
    monkeypatch.setattr(reading, "_CHUNK_ROWS", chunk)
    assert asked() == whole
    assert len(whole) >= 4


SCHEMA_OF_CHUNKS = Schema(
    name="t",
    population="t",
    columns=tuple(
        Column(name=kind, kind=kind, domain_source="data")
        for kind in ("integer", "float", "date", "boolean", "categorical")
    ),
)
TABLE_OF_CHUNKS = pl.DataFrame(
    {
        "integer": [3, None, 70, 9, 100, 4, 5, 6] * 5,
        "float": [0.5, 1.25, None, 3.0, 4.0, 5.0, 8.75, 9.0] * 5,
        "date": [datetime.date(2020, 1 + i, 1) for i in range(8)] * 5,
        "boolean": [True, False, None, True] * 10,
        "categorical": ["a", "b", None, "b", "c", "a", "d", "b"] * 5,
    }
)
