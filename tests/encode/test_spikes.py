"""Values that many rows share: which are found, at what price, and the cells they get."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np
import polars as pl
import pytest

from synthkit.encode import kinds, spikes
from synthkit.errors import InputError
from synthkit.privacy import accountant, mechanism, threshold
from synthkit.privacy.event import NoisyTables, ThresholdedTables
from synthkit.schema import Column, Schema
from tests.encode import strategies

N = 4_000
DELTA = 1e-6


def public(name: str, kind: str, bounds: tuple | None = None, **more) -> Column:
    return Column(name=name, kind=kind, bounds=bounds, domain_source="public", **more)


AMOUNT = public("amount", "integer", (0, 10_000), nullable=True)
RATIO = public("ratio", "float", (0.0, 1000.0), nullable=True)
PRICE = public("price", "float", (0.0, 1000.0), decimals=2)
DAY = public("day", "date", (dt.date(1990, 1, 1), dt.date(2020, 12, 31)), nullable=True)
AT = public("at", "datetime", (dt.datetime(2020, 1, 1), dt.datetime(2020, 12, 31)))
WIDE = (AMOUNT, RATIO, PRICE, DAY, AT)
AGE = public("age", "integer", (0, 99))
STARS = public("stars", "float", (0.0, 5.0), decimals=1)
TOWN = public("town", "categorical", categories=("a", "b"))
SCHEMA = Schema(name="t", population="t", columns=(*WIDE, AGE, STARS, TOWN), unit="row")

DAY_0 = dt.datetime(1970, 1, 1)
SHARED = {
    "amount": (4_321, 4_321),
    "ratio": (123.456, 123.456),
    "price": (49.99, 4_999),
    "day": (dt.date(2001, 2, 3), (dt.datetime(2001, 2, 3) - DAY_0).days),
    "at": (
        dt.datetime(2020, 5, 6, 7, 8, 9),
        (dt.datetime(2020, 5, 6, 7, 8, 9) - DAY_0) // dt.timedelta(seconds=1),
    ),
}
"""The value that half of the rows have, and its position."""
RARE = {
    "amount": 777,
    "ratio": 777.5,
    "price": 77.07,
    "day": dt.date(2007, 7, 7),
    "at": dt.datetime(2020, 7, 7, 7, 7, 7),
}
"""A value that three rows have."""


def looks(schema: Schema = SCHEMA, *, epsilon: float = 1.0, share: float = 0.2, **more):
    return spikes.events(schema, epsilon=epsilon, delta=DELTA, share=share, **more)


def spread(n: int, rng: np.random.Generator) -> pl.DataFrame:
    """Values that hardly two rows share, shape (n, 8)."""
    day = pl.Series((7_305 + rng.permutation(11_000)[:n]).astype(np.int32)).cast(pl.Date)
    seconds = 1_577_836_800 + rng.integers(0, 31_000_000, n)
    return pl.DataFrame(
        {
            "amount": rng.permutation(10_001)[:n],
            "ratio": rng.uniform(0, 1000, n),
            "price": rng.permutation(100_001)[:n] / 100,
            "day": day,
            "at": pl.Series(seconds * 1_000_000).cast(pl.Datetime("us")),
            "age": np.full(n, 40),
            "stars": np.full(n, 3.5),
            "town": ["a"] * n,
        }
    )


def half_of(values: dict, n: int = N) -> pl.DataFrame:
    """A table in which every other row has the given values; the others are spread."""
    rows = spread(n, np.random.default_rng(7))
    is_even = pl.int_range(pl.len()) % 2 == 0
    return rows.with_columns(
        pl.when(is_even).then(pl.lit(v, dtype=rows.schema[c])).otherwise(pl.col(c)).alias(c)
        for c, v in values.items()
    )


def find(rows: pl.DataFrame, schema: Schema = SCHEMA, units: np.ndarray | None = None, **more):
    units = np.arange(rows.height) if units is None else units
    found = spikes.find(rows, schema, units, looks(schema, **more))
    return {name: points.tolist() for name, points in found.items()}


# --- the price -----------------------------------------------------------------------------------


def test_only_numbers_and_times_whose_public_cells_hold_several_values_are_charged():
    (event,) = looks()
    assert isinstance(event, ThresholdedTables)
    assert event.name == "values that many share"
    assert event.tables == len(WIDE), "not the exact columns, nor the categories"
    exact_only = dataclasses.replace(SCHEMA, columns=(AGE, STARS, TOWN))
    assert looks(exact_only) == ()
    for column in (*WIDE, AGE, STARS, TOWN):
        alone = dataclasses.replace(SCHEMA, columns=(column,))
        assert len(looks(alone)) == (column in WIDE)


def test_numbers_and_times_that_are_yet_to_be_bought_are_charged_whatever_is_written_of_them():
    open_columns = tuple(
        Column(name=f"{c.name} to buy", kind=c.kind) for c in (AGE, PRICE, DAY, TOWN)
    )
    schema = dataclasses.replace(SCHEMA, columns=(*SCHEMA.columns, *open_columns))
    (event,) = looks(schema, to_buy=[c.name for c in open_columns])
    assert event.tables == len(WIDE) + 3, "all but the categories"
    written = [dataclasses.replace(AGE, name="age to buy"), *open_columns[1:]]
    schema = dataclasses.replace(SCHEMA, columns=(*SCHEMA.columns, *written))
    assert looks(schema, to_buy=[c.name for c in open_columns]) == (event,)


def test_columns_that_are_left_out_are_not_charged():
    left_out = dataclasses.replace(AMOUNT, name="serial", role="identifier")
    (event,) = looks(dataclasses.replace(SCHEMA, columns=(*SCHEMA.columns, left_out)))
    assert event.tables == len(WIDE)


@pytest.mark.parametrize("share", [0.01, 0.04, 0.2, 0.5])
@pytest.mark.parametrize("epsilon", [1.0, 8.0])
def test_the_price_is_the_share_of_mu_squared_and_a_tenth_of_delta(epsilon, share):
    (event,) = looks(epsilon=epsilon, share=share)
    mu = 1 / accountant.gaussian_sigma(epsilon, 0.9 * DELTA)
    assert event.tables / event.sigma**2 == pytest.approx(share * mu**2, rel=1e-9)
    assert event.delta == pytest.approx(0.1 * DELTA)
    assert accountant.cost([event], delta=DELTA).epsilon < epsilon


@pytest.mark.parametrize("share", [0, 0.0])
def test_no_share_no_look(share):
    assert looks(share=share) == ()


@pytest.mark.parametrize("share", [-0.01, 0.51, 1, math.nan, math.inf, True, False, "0.1", None])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(InputError, match=r"spike_share must be a number from 0 to 0\.5"):
        looks(share=share)


def least_of(event: ThresholdedTables) -> int:
    fewest = max(10, math.floor(event.sigma / 4))
    return threshold.threshold(event.sigma, event.delta / event.tables, fewest)


def test_a_threshold_beyond_half_of_the_public_rows_is_not_worth_its_noise():
    (event,) = looks()
    for rows, expected in ((2 * least_of(event), (event,)), (2 * least_of(event) - 1, ())):
        assert looks(dataclasses.replace(SCHEMA, rows_public=rows)) == expected


def test_a_budget_too_small_to_find_anything_with_is_not_spent():
    assert looks(epsilon=0.001, share=0.001) == ()


def test_without_the_event_nothing_is_looked_at():
    rows = half_of({c: v for c, (v, _) in SHARED.items()})
    other = NoisyTables(name="one-way tables", sigma=9.0, tables=8)
    with mechanism._recording() as tape:
        for events in ((), (other,)):
            assert spikes.find(rows, SCHEMA, np.arange(N), events) == {}
    assert tape.draws == []


# --- what is found -------------------------------------------------------------------------------


def test_a_value_that_half_of_the_rows_have_is_found_where_it_lies_and_no_other():
    rows = half_of({c: v for c, (v, _) in SHARED.items()})
    is_rare = pl.int_range(pl.len()).is_in([1, 3, 5])
    rows = rows.with_columns(
        pl.when(is_rare).then(pl.lit(v, dtype=rows.schema[c])).otherwise(pl.col(c)).alias(c)
        for c, v in RARE.items()
    )
    assert find(rows) == {c: [position] for c, (_, position) in SHARED.items()}


def test_the_same_is_found_exactly_where_nothing_is_private():
    rows = half_of({c: v for c, (v, _) in SHARED.items()})
    with mechanism._recording() as tape:
        found = spikes.exact(rows, SCHEMA)
    assert {c: p.tolist() for c, p in found.items()} == {c: [p] for c, (_, p) in SHARED.items()}
    assert tape.draws == [], "without noise, and without the choice of one row"


@pytest.mark.parametrize(("copies", "is_found"), [(7, False), (8, True)])
def test_without_privacy_a_value_counts_from_two_of_a_thousand_rows(copies, is_found):
    rows = spread(N, np.random.default_rng(3))
    shared = pl.int_range(pl.len()) < copies
    rows = rows.with_columns(ratio=pl.when(shared).then(77.25).otherwise("ratio"))
    assert spikes.exact(rows, SCHEMA).get("ratio", np.zeros(0)).tolist() == [77.25] * is_found


def test_without_privacy_no_row_of_a_tiny_table_is_a_value_that_many_share():
    assert spikes.exact(spread(30, np.random.default_rng(3)), SCHEMA) == {}
    assert spikes.exact(spread(0, np.random.default_rng(3)), SCHEMA) == {}


def test_missing_cells_are_never_found_not_even_as_the_lower_bound():
    rows = half_of(dict.fromkeys(SHARED, None))
    assert rows.null_count().row(0)[: len(WIDE)] == (N // 2,) * len(WIDE)
    assert find(rows) == {}
    assert spikes.exact(rows, SCHEMA) == {}


def test_a_number_that_is_none_is_missing():
    rows = half_of({"ratio": math.nan, "price": math.nan})
    assert find(rows) == {}
    assert spikes.exact(rows, SCHEMA) == {}


@pytest.mark.parametrize("side", [0, 1])
def test_values_beyond_the_bounds_are_found_at_the_bound(side):
    beyond = {
        "amount": (-(2**62), 2**62),
        "ratio": (-math.inf, 1e300),
        "price": (-1e300, math.inf),
        "day": (dt.date(1, 1, 1), dt.date(9999, 12, 31)),
        "at": (dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)),
    }
    found = find(half_of({c: v[side] for c, v in beyond.items()}))
    assert set(found) == set(beyond)
    for column in WIDE:
        grid = kinds.load(kinds.plugin_name(column.kind)).grid(column)
        bounds = grid.positions(pl.Series(column.bounds, dtype=strategies.dtype_of(column)))[0]
        assert found[column.name] == [bounds[side]]


def test_zero_is_one_value_whatever_its_sign():
    # The sign that is told would be that of some row, exactly: no noise decides it.
    signs = set()
    for zero in (0.0, -0.0):
        rows = half_of({"ratio": zero})
        (point,) = find(rows)["ratio"]
        signs.add(math.copysign(1.0, point))
        (exact,) = spikes.exact(rows, SCHEMA)["ratio"]
        signs.add(math.copysign(1.0, exact))
    assert signs == {1.0}


def test_a_value_just_inside_a_declared_precision_is_the_rounded_one():
    shared, position = SHARED["price"]
    assert find(half_of({"price": shared + 1e-9}))["price"] == [position]


# --- one person, one count -----------------------------------------------------------------------


def of_one_person() -> tuple[pl.DataFrame, np.ndarray]:
    """1,000 people with a row each, and one with 1,000 rows that are all alike."""
    rows = pl.concat(
        [
            spread(1_000, np.random.default_rng(1)),
            half_of({c: v for c, (v, _) in SHARED.items()}, 2_000).gather_every(2),
        ]
    )
    return rows, np.r_[np.arange(1_000), np.full(1_000, 1_000)]


def test_the_rows_of_one_person_make_no_value_that_many_share():
    rows, units = of_one_person()
    assert find(rows, units=units) == {}
    as_rows = find(rows)
    assert as_rows == {c: [p] for c, (_, p) in SHARED.items()}, "as rows of many people they do"


def test_planted_all_rows_of_a_person_are_counted_and_caught(monkeypatch):
    rows, units = of_one_person()
    monkeypatch.setattr(mechanism, "one_row_per_unit", lambda units: np.arange(len(units)))
    assert find(rows, units=units) == {c: [p] for c, (_, p) in SHARED.items()}


def test_every_person_is_counted_by_one_row_whichever_it_is():
    rows = half_of({c: v for c, (v, _) in SHARED.items()})
    units = np.arange(N) // 4
    with mechanism._recording() as tape:
        spikes.find(rows, SCHEMA, units, looks())
    asked = [d.asked["counts"] for d in tape.draws if d.kind == "published_counts"]
    assert [sum(counts.values()) for counts in asked] == [N // 4] * len(WIDE)
