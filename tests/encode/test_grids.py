"""The public cells of every kind of column."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit import registry
from synthkit.encode import kinds
from synthkit.errors import InputError, IntegrityError
from synthkit.schema.model import Column
from tests.encode import strategies


def grid_of(column: Column):
    return kinds.load(kinds.plugin_name(column.kind)).grid(column)


def numbers(low, high, kind="integer", **more):
    return Column(name="x", kind=kind, bounds=(low, high), **more)


def test_each_file_serves_its_kinds_and_no_kind_is_served_twice():
    served = [k for n in registry.names("synthkit.encode") for k in kinds.load(n).KINDS]
    assert sorted(served) == sorted(set(served))
    assert set(served) == {
        "integer", "float", "categorical", "ordinal", "boolean", "date", "datetime",
    }  # fmt: skip


def test_a_kind_that_no_plugin_serves_is_an_input_error():
    with pytest.raises(InputError, match="text"):
        kinds.plugin_name("text")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_value_drawn_from_a_cell_lies_in_that_cell_and_in_the_domain(data):
    column = data.draw(strategies.columns)
    grid = grid_of(column)
    fractions = data.draw(st.lists(st.floats(0, 1), min_size=grid.n_cells, max_size=grid.n_cells))
    cells = np.arange(grid.n_cells)
    series = grid.values(cells, np.array(fractions))
    assert np.array_equal(grid.cells(series), cells)
    assert series.dtype == strategies.dtype_of(column)
    known = series.drop_nulls()
    assert len(known) == grid.n_cells - grid.has_missing
    assert series.null_count() == grid.has_missing == column.nullable
    if column.bounds is not None:
        assert known.min() >= column.bounds[0]
        assert known.max() <= column.bounds[1]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_cells_keep_the_order_of_values(data):
    column = data.draw(st.one_of(strategies.integer_columns(), strategies.float_columns()))
    values = data.draw(st.lists(strategies.domain_of(column).filter(lambda v: v is not None)))
    series = pl.Series(sorted(values), dtype=strategies.dtype_of(column))
    assert np.all(np.diff(grid_of(column).cells(series)) >= 0)


@settings(max_examples=100, deadline=None)
@given(column=strategies.columns)
def test_a_grid_survives_its_json_form(column):
    grid = grid_of(column)
    again = kinds.grid_from_dict(kinds.plugin_name(column.kind), grid.to_dict())
    assert again.to_dict() == grid.to_dict()
    cells = np.arange(grid.n_cells)
    half = np.full(grid.n_cells, 0.5)
    assert grid.values(cells, half).equals(again.values(cells, half), null_equal=True)


@pytest.mark.parametrize(
    ("column", "points"),
    [
        (numbers(-500, 900), (-500, 0, 900)),
        (numbers(10, 10**9), (10, 10**9)),
        (numbers(-3.5, 1e4, "float"), (-3.5, 0.0, 1e4)),
        (numbers(0.0, 250.0, "float"), (0.0, 250.0)),
        (numbers(-4.0, 250.0, "float", decimals=3), (-4.0, 0.0, 250.0)),
    ],
)
def test_zero_and_both_bounds_are_cells_of_their_own(column, points):
    grid = grid_of(column)
    for point in points:
        cell = int(grid.cells(pl.Series([point], dtype=strategies.dtype_of(column)))[0])
        drawn = grid.values(np.full(5, cell), np.linspace(0, 1, 5))
        assert drawn.to_list() == [point] * 5


def test_short_ranges_have_a_cell_for_each_value():
    assert grid_of(numbers(18, 90)).n_cells == 73
    assert grid_of(numbers(0, 255)).n_cells == 256
    assert grid_of(numbers(0.0, 5.0, "float", decimals=1)).n_cells == 51
    days = numbers(dt.date(2024, 1, 1), dt.date(2024, 3, 1), "date")
    assert grid_of(days).n_cells == 61


def test_long_ranges_have_about_128_cells_fine_near_zero():
    for column in (numbers(0, 10**6), numbers(0.0, 1e6, "float"), numbers(-(10**6), 10**6)):
        grid = grid_of(column)
        assert 100 <= grid.n_cells <= 140
        near = grid.cells(pl.Series([1, 30, 1000], dtype=strategies.dtype_of(column)))
        assert len(set(near.tolist())) == 3


def test_decimals_are_kept_and_never_leave_the_bounds():
    grid = grid_of(numbers(0.005, 9.999, "float", decimals=2))
    fractions = np.random.default_rng(1).random(4000)
    drawn = grid.values(np.arange(4000) % grid.n_cells, fractions)
    assert drawn.min() == 0.01
    assert drawn.max() == 9.99
    assert drawn.equals(drawn.round(2))


@pytest.mark.parametrize(
    ("column", "series", "decoded"),
    [
        (numbers(0, 9), pl.Series([-5, 99, None], dtype=pl.Int64), [0, 9, 0]),
        (numbers(0, 9, nullable=True), pl.Series([99, None]), [9, None]),
        (
            numbers(1.0, 2.0, "float", decimals=1),
            pl.Series([float("nan"), float("inf"), float("-inf"), 1e300, None]),
            [1.0, 2.0, 1.0, 2.0, 1.0],
        ),
        (
            numbers(1.0, 2.0, "float", nullable=True),
            pl.Series([float("nan"), float("inf"), None, -7.0]),
            [None, 2.0, None, 1.0],
        ),
        (
            numbers(dt.date(2024, 1, 1), dt.date(2024, 1, 9), "date"),
            pl.Series([dt.date(1990, 1, 1), dt.date(2090, 1, 1), None]),
            [dt.date(2024, 1, 1), dt.date(2024, 1, 9), dt.date(2024, 1, 1)],
        ),
        (
            Column(name="x", kind="categorical", categories=("a", "b")),
            pl.Series(["b", "unheard", None]),
            ["b", "a", "a"],
        ),
        (
            Column(name="x", kind="ordinal", categories=(3, 4), nullable=True),
            pl.Series([4, 9, None]),
            [4, None, None],
        ),
        (
            Column(name="x", kind="boolean", nullable=True),
            pl.Series([True, None, False]),
            [True, None, False],
        ),
    ],
)
def test_values_that_cannot_occur_are_clamped_not_refused(column, series, decoded):
    grid = grid_of(column)
    cells = grid.cells(series)
    assert grid.values(cells, np.zeros(len(series))).to_list() == decoded


def test_datetimes_are_kept_to_the_second():
    low, high = dt.datetime(2024, 1, 1, 0, 0, 0, 5), dt.datetime(2024, 1, 1, 0, 1)
    grid = grid_of(numbers(low, high, "datetime"))
    first = grid.values(np.array([0]), np.array([0.0])).to_list()
    assert first == [dt.datetime(2024, 1, 1, 0, 0, 1)]
    noon = pl.Series([dt.datetime(2024, 1, 1, 0, 0, 30, 999_999)])
    assert grid.values(grid.cells(noon), np.zeros(1)).to_list() == [
        dt.datetime(2024, 1, 1, 0, 0, 30)
    ]


@pytest.mark.parametrize(
    "column",
    [
        Column(name="x", kind="integer"),
        Column(name="x", kind="categorical"),
        Column(name="x", kind="date"),
        numbers(9, 3),
        numbers(0.2, 0.8),
        numbers(0.0, float("inf"), "float"),
        numbers(float("nan"), 1.0, "float"),
        numbers(0.001, 0.004, "float", decimals=2),
        numbers(0, 2**63),
        numbers(dt.date(2024, 2, 1), dt.date(2024, 1, 1), "date"),
    ],
)
def test_a_column_without_a_usable_domain_is_an_input_error_that_names_it(column):
    with pytest.raises(InputError, match="'x'"):
        grid_of(column)


@pytest.mark.parametrize("damaged", [{}, {"starts": "no"}, {"categories": 3, "has_missing": True}])
def test_a_damaged_grid_is_an_integrity_error(damaged):
    for name in registry.names("synthkit.encode"):
        with pytest.raises(IntegrityError, match="cannot be read"):
            kinds.grid_from_dict(name, damaged)
