"""Cells of their own for values that many rows share: exact, ordered, and kept by conditions."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit import encode
from synthkit.encode import Condition, kinds, spikes
from synthkit.schema import Column
from tests.encode import strategies
from tests.encode.test_spikes import (
    AMOUNT,
    RATIO,
    SCHEMA,
    SHARED,
    TOWN,
    WIDE,
    N,
    half_of,
    looks,
    public,
)  # fmt: skip


def grid_of(column: Column):
    return kinds.load(kinds.plugin_name(column.kind)).grid(column)


on_line = st.one_of(
    strategies.integer_columns(), strategies.float_columns(), strategies.time_columns()
)


@st.composite
def with_points(draw: st.DrawFn):
    """A column on a line, its public grid, positions inside it, and the grid with them."""
    column = draw(on_line)
    grid = grid_of(column)
    inside = strategies.domain_of(dataclasses.replace(column, nullable=False))
    values = pl.Series(
        draw(st.lists(inside, min_size=1, max_size=6)), dtype=strategies.dtype_of(column)
    )
    points = grid.positions(values)[0]
    if draw(st.booleans()):  # neighbours share an end
        step = 1 if grid.line.is_lattice else np.spacing(points)
        points = np.clip(np.append(points, points + step), grid.line.starts[0], grid.line.upper)
    points = np.unique(points)
    return column, grid, points, grid.with_points(points)


@settings(max_examples=200, deadline=None)
@given(case=with_points())
def test_a_shared_value_decodes_to_exactly_itself(case):
    column, _, points, grid = case
    cells = grid.line.cells(points)
    for fraction in (0.0, 0.37, 1.0):
        drawn = grid.values(cells, np.full(points.size, fraction))
        positions, is_missing = grid.positions(drawn)
        assert positions.tolist() == points.tolist()
        assert not is_missing.any()
        assert grid.cells(drawn).tolist() == cells.tolist()
        assert drawn.dtype == strategies.dtype_of(column)


@settings(max_examples=200, deadline=None)
@given(case=with_points())
def test_cells_stay_ordered_apart_and_within_the_bounds(case):
    column, before, points, grid = case
    line = grid.line
    assert np.all(line.starts[1:] > line.starts[:-1])
    assert np.all(line.ends >= line.starts)
    assert np.all(line.ends[:-1] < line.starts[1:])
    assert (line.starts[0], line.ends[-1]) == (before.line.starts[0], before.line.upper)
    assert set(before.line.starts.tolist()) <= set(line.starts.tolist()), "cells are only divided"
    assert line.starts.size <= before.line.starts.size + 2 * points.size
    assert set(points.tolist()) <= set(line.starts[line.is_point].tolist())
    assert line.starts.dtype == before.line.starts.dtype
    assert np.all(grid.widths > 0)
    assert (grid.has_missing, grid.n_cells) == (column.nullable, line.starts.size + column.nullable)


@settings(max_examples=150, deadline=None)
@given(case=with_points(), data=st.data())
def test_a_value_drawn_from_any_cell_lies_in_it(case, data):
    column, _, _, grid = case
    fractions = data.draw(st.lists(st.floats(0, 1), min_size=grid.n_cells, max_size=grid.n_cells))
    cells = np.arange(grid.n_cells)
    series = grid.values(cells, np.array(fractions))
    assert np.array_equal(grid.cells(series), cells)
    known = series.drop_nulls()
    assert known.min() >= column.bounds[0]
    assert known.max() <= column.bounds[1]


@settings(max_examples=100, deadline=None)
@given(case=with_points())
def test_a_grid_with_shared_values_survives_its_json_form(case):
    column, _, points, grid = case
    again = kinds.grid_from_dict(kinds.plugin_name(column.kind), grid.to_dict())
    assert again.to_dict() == grid.to_dict()
    assert again.is_exact == grid.is_exact
    cells, half = np.arange(grid.n_cells), np.full(grid.n_cells, 0.5)
    assert grid.values(cells, half).equals(again.values(cells, half), null_equal=True)
    assert again.line.cells(points).tolist() == grid.line.cells(points).tolist()


@settings(max_examples=100, deadline=None)
@given(case=with_points())
def test_the_order_of_the_points_and_those_outside_change_nothing(case):
    _, before, points, grid = case
    low, high = before.line.starts[0], before.line.upper
    mixed = np.concatenate([points[::-1], points]).astype(before.line.starts.dtype)
    apart = np.array([low - 1, low - 5, high + 1], dtype=before.line.starts.dtype)
    apart = apart[(apart < low) | (apart > high)]  # a step of one is nothing beside 1e17
    for given_points in (mixed, np.concatenate([apart, points])):
        assert before.with_points(given_points).to_dict() == grid.to_dict()
    assert before.with_points(apart).to_dict() == before.to_dict()


def test_categories_and_unknown_names_keep_their_grid():
    town = grid_of(TOWN)
    assert spikes.with_spikes(town, "town", {"town": np.array([1])}) is town
    amount = grid_of(AMOUNT)
    assert spikes.with_spikes(amount, "amount", {"price": np.array([1])}) is amount


# --- conditions ----------------------------------------------------------------------------------

POINTS = np.array([0, 17, 18, 500, 2_500, 4_999, 5_000])
LATTICES = (
    public("c", "integer", (0, 5_000), nullable=True),
    public("c", "float", (0.0, 50.0), decimals=2),
    public("c", "date", (dt.date(1970, 1, 1), dt.date(1983, 9, 10))),
)


def value_at(grid, position: int) -> object:
    cell = grid.line.cells(np.array([position]))
    inside = (position - grid.line.starts[cell]) / grid.line.widths[cell]
    (value,) = grid.values(cell, inside + 1e-9).to_list()
    return value


@pytest.mark.parametrize("column", LATTICES, ids=[c.kind for c in LATTICES])
def test_a_condition_leaves_of_each_cell_the_share_of_its_values_that_meet_it(column):
    grid = grid_of(column).with_points(POINTS)
    assert int(grid.line.upper) == 5_000
    everything = np.arange(5_001)
    cell_of = grid.line.cells(everything)
    sizes = np.bincount(cell_of)
    ends = [None, 0, 1, 16, 17, 18, 19, 499, 500, 501, 1_234, 4_999, 5_000]
    n_partial = 0
    for low, high in itertools.product(ends, ends):
        bounds = tuple(None if p is None else value_at(grid, p) for p in (low, high))
        meets = (everything >= (low or 0)) & (everything <= (5_000 if high is None else high))
        parts = grid.intervals(Condition(bounds=bounds))[: len(sizes)]
        expected = np.bincount(cell_of, weights=meets) / sizes
        assert parts[:, 1] - parts[:, 0] == pytest.approx(expected, abs=1e-9), (low, high)
        n_partial += int(((expected > 0) & (expected < 1)).sum())
    assert n_partial > 20, "cells that a condition divides were among them"


def test_a_shared_value_of_a_continuous_column_is_in_or_out_as_a_whole():
    points = np.array([12.5, 300.25, 300.3])
    grid = grid_of(RATIO).with_points(points)
    own = grid.line.cells(points)
    for low, high, inside in (
        (12.5, 300.25, [1, 1, 0]),
        (12.5, 12.5, [1, 0, 0]),
        (math.nextafter(12.5, 13), 300.3, [0, 1, 1]),
        (None, math.nextafter(300.25, 0), [1, 0, 0]),
        (300.26, None, [0, 0, 1]),
    ):
        parts = grid.intervals(Condition(bounds=(low, high)))
        span = parts[:, 1] - parts[:, 0]
        assert span[own].tolist() == inside
        assert np.all((span >= 0) & (span <= 1))


@pytest.mark.parametrize("column", WIDE, ids=[c.name for c in WIDE])
def test_values_drawn_under_a_condition_meet_it_and_a_shared_one_can_be_asked_for(column):
    value, position = SHARED[column.name]
    rows = half_of({column.name: value})
    schema = dataclasses.replace(SCHEMA, columns=(column,))
    fitted = encode.fit(
        rows, schema, np.arange(N), sigma=3.0, points={column.name: np.array([position])}
    )
    (part,) = fitted.codec.parts
    within = part.within(Condition(bounds=(value, value)))
    (code,) = part.encode(pl.Series([value], dtype=rows.schema[column.name]))
    assert np.flatnonzero(within.evidence).tolist() == [code]
    drawn = part.decode(np.full(200, code), np.random.default_rng(1), within)
    assert drawn.to_list() == [value] * 200
    share = float(part.counts @ within.evidence) / part.counts.sum()
    assert share == pytest.approx(0.5, abs=0.02), "what re-weighting takes for its share"


# --- what it is for ------------------------------------------------------------------------------

SIGMA = 5.0


def share_decoded(column: Column, points: dict[str, np.ndarray]) -> float:
    """Share of decoded rows that have exactly the value which half of the real rows have."""
    value, _ = SHARED[column.name]
    rows = half_of({c: v for c, (v, _) in SHARED.items()})
    schema = dataclasses.replace(SCHEMA, columns=(column,))
    fitted = encode.fit(rows, schema, np.arange(N), sigma=SIGMA, points=points)
    again = encode.codec_from_dict(fitted.codec.to_dict())
    decoded = again.decode(fitted.codes.values, np.random.default_rng(1)).get_column(column.name)
    return float((decoded == value).fill_null(False).mean())


@pytest.mark.parametrize("column", WIDE, ids=[c.name for c in WIDE])
def test_a_value_that_half_of_the_rows_have_keeps_its_share_after_decoding(column):
    points = {column.name: np.array([SHARED[column.name][1]])}
    # Noise of 5 on 2,000 of 4,000, in a bin of its own or beside cells of noise: two in a hundred.
    assert share_decoded(column, points) == pytest.approx(0.5, abs=0.02)
    assert share_decoded(column, {}) < 0.1, "the planted fault, no cell of its own: it is lost"


def test_points_beside_each_other_are_told_apart():
    rows = half_of({"amount": 300})
    rows = rows.with_columns(amount=pl.when(pl.int_range(pl.len()) % 4 == 0).then(301).otherwise(
        "amount"
    ))  # fmt: skip
    schema = dataclasses.replace(SCHEMA, columns=(AMOUNT,))
    points = spikes.find(rows, schema, np.arange(N), looks(schema))
    assert points["amount"].tolist() == [300, 301]
    fitted = encode.fit(rows, schema, np.arange(N), sigma=SIGMA, points=points)
    decoded = fitted.codec.decode(fitted.codes.values, np.random.default_rng(1))["amount"]
    for value in (300, 301):
        assert float((decoded == value).mean()) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("shared", [0.02, 0.05])
def test_a_value_of_a_few_in_a_hundred_rows_keeps_its_share_too(shared):
    n = 20_000
    rng = np.random.default_rng(5)
    is_shared = rng.random(n) < shared
    rows = pl.DataFrame({"ratio": np.where(is_shared, 123.456, rng.uniform(0, 1000, n))})
    schema = dataclasses.replace(SCHEMA, columns=(RATIO,))
    fitted = encode.fit(
        rows, schema, np.arange(n), sigma=10.0, points={"ratio": np.array([123.456])}
    )
    decoded = fitted.codec.decode(fitted.codes.values, rng)["ratio"]
    assert float((decoded == 123.456).mean()) == pytest.approx(float(is_shared.mean()), abs=0.005)
