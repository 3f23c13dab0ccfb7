"""The public ladder of round steps: what it follows from, and the level of each value."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.encode import kinds
from synthkit.encode.ladder import Ladder
from synthkit.schema import Column
from tests.encode import strategies


def ladder(kind: str, bounds: tuple, decimals: int | None = None) -> Ladder | None:
    column = Column(name="x", kind=kind, bounds=bounds, decimals=decimals)
    return kinds.load("numeric").grid(column).ladder


def steps(found: Ladder | None, decimals: int = 0) -> list[float]:
    assert found is not None
    return [float(s) / 10**decimals for s in found.steps]


def level_of(value: float, found: Ladder | None, decimals: int = 0) -> float | None:
    """The step whose level a value has; None: of no step."""
    assert found is not None
    kind = np.int64 if found.is_lattice else np.float64
    position = round(value * 10**decimals) if found.is_lattice else value
    level = int(found.levels(np.array([position], dtype=kind))[0])
    return [*steps(found, decimals), None][level]


# --- what it follows from ------------------------------------------------------------------------


def test_steps_go_from_a_quarter_of_the_range_down_to_the_declared_decimals():
    assert steps(ladder("integer", (0, 1000))) == [100, 50, 10, 5]
    assert steps(ladder("integer", (0, 400))) == [100, 50, 10, 5]
    assert steps(ladder("integer", (0, 399))) == [50, 10, 5]
    assert steps(ladder("integer", (-200, 200))) == [100, 50, 10, 5]
    assert steps(ladder("float", (0.0, 40.0), 1), 1) == [10, 5, 1, 0.5]
    assert steps(ladder("float", (0.0, 4.0), 3), 3) == [1, 0.5, 0.1, 0.05, 0.01, 0.005]


def test_a_float_without_declared_decimals_has_at_most_six():
    assert steps(ladder("float", (0.0, 1.0)))[-1] == 1e-6
    assert steps(ladder("float", (0.0, 0.04), 8), 8)[-1] == 1e-6
    assert ladder("float", (0.0, 1e-7)) is None
    assert ladder("float", (0.0, 5e-324)) is None


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [("integer", (0, 2**62)), ("integer", (-(2**62), 2**62)), ("float", (-1.7e308, 1.7e308))],
)
def test_the_widest_ranges_have_sixteen_steps_that_numbers_can_hold(kind, bounds):
    found = ladder(kind, bounds)
    assert len(steps(found)) == 16
    assert steps(found)[0] <= 1e18
    assert np.all(found.steps > 0)


def test_where_every_value_has_a_cell_there_is_no_ladder():
    assert ladder("integer", (0, 255)) is None
    assert ladder("float", (0.0, 5.0), 1) is None
    assert ladder("integer", (7, 7)) is None
    assert ladder("float", (7.0, 7.0)) is None


def test_dates_and_times_have_none():
    import datetime as dt

    column = Column(name="x", kind="date", bounds=(dt.date(1900, 1, 1), dt.date(2020, 1, 1)))
    assert not hasattr(kinds.load("temporal").grid(column), "ladder")


@settings(max_examples=150, deadline=None)
@given(st.one_of(strategies.integer_columns(), strategies.float_columns()))
def test_each_step_is_2_or_5_of_the_next_and_cells_of_their_own_change_none(column):
    grid = kinds.load("numeric").grid(column)
    found = grid.ladder
    if found is None:
        return
    for level in range(1, len(found.digits)):
        ratio = float(found.steps[level - 1]) / float(found.steps[level])
        assert ratio == pytest.approx(found.ratio(level))
    assert found.steps[0] <= (float(grid.line.upper) - float(grid.line.starts[0])) / 4 + 1e-9
    low = grid.line.starts[:1]
    assert grid.with_points(low + (1 if grid.line.is_lattice else 0.5)).ladder == found


# --- the level of a value ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "level"),
    [(300, 100), (-300, 100), (250, 50), (-50, 50), (60, 10), (35, 5), (-5, 5), (7, None),
     (-1, None), (0, None), (1000, 100)],
)  # fmt: skip
def test_a_whole_number_has_the_coarsest_step_that_divides_it(value, level):
    assert level_of(value, ladder("integer", (-200, 200))) == level


@pytest.mark.parametrize(
    ("value", "level"),
    [(0.5, 0.5), (0.89999962, 0.1), (-0.89999962, 0.1), (0.04999998, 0.05), (0.3, 0.1),
     (0.1 + 0.2, 0.1), (0.15, 0.05), (0.26, 0.01), (0.123456, 1e-6), (0.0, None), (-0.0, None),
     (1e-9, None), (5e-324, None), (0.33333333, None), (1.0, 0.5)],
)  # fmt: skip
def test_numbers_that_went_through_short_floats_are_as_round_as_they_were(value, level):
    assert level_of(value, ladder("float", (-1.0, 1.0))) == level


def test_a_temperature_that_lost_bits_still_has_one_decimal():
    assert level_of(37.39844, ladder("float", (31.5, 42.0), 5), 5) == 0.1


def test_a_declared_precision_leaves_no_room_for_artefacts():
    found = ladder("float", (0.0, 1000.0), 2)
    assert level_of(9.99, found, 2) is None
    assert level_of(999.99, found, 2) is None
    assert level_of(10.0, found, 2) == 10
    assert level_of(99.95, found, 2) == 0.05


@pytest.mark.parametrize("value", [2**62, -(2**62), 2**62 - 1, 2**53 + 1])
def test_the_largest_whole_numbers_have_levels(value):
    found = ladder("integer", (-(2**62), 2**62))
    level = int(found.levels(np.array([value], dtype=np.int64))[0])
    assert level == next(
        (i for i, s in enumerate(found.steps.tolist()) if value % s == 0), found.n_levels - 1
    )


def test_no_float_fails_and_those_without_digits_left_have_no_level():
    found = ladder("float", (-1.7e308, 1.7e308))
    odd = np.array([1.7e308, -1.7e308, 5e-324, 1e200, 2.0**200])
    assert found.levels(odd).tolist() == [found.n_levels - 1] * 5
    assert found.levels(np.array([5e15, -7e14])).tolist() == [0, 3]


@pytest.mark.parametrize("decimals", [None, 2, 5])
def test_no_value_decides_the_level_of_another(decimals):
    found = ladder("float", (-50.0, 1000.0), decimals)
    scale = 10 ** (decimals or 0)
    rng = np.random.default_rng(7)
    rounded = np.round(rng.uniform(-50, 1000, 400), 1)
    blurred = np.r_[rounded, rounded.astype(np.float16), rounded + 0.003, -50.0, 0.0, 1000.0]
    at = np.rint(blurred * scale).astype(np.int64) if found.is_lattice else blurred
    alone = [int(found.levels(at[i : i + 1])[0]) for i in range(at.size)]
    assert len(set(alone)) > 4
    assert found.levels(at).tolist() == alone
    assert found.levels(at[::-1]).tolist() == alone[::-1]


def test_values_near_a_multiple_are_as_many_as_the_tolerance_says():
    rng = np.random.default_rng(3)
    found = ladder("float", (0.0, 1000.0))
    x = rng.uniform(500, 1000, 200_000)
    shares = np.bincount(found.levels(x), minlength=found.n_levels) / x.size
    for level, step in enumerate(found.steps[:4]):
        window = 2 * float(found.tolerance(np.array([750.0]), step)[0]) / step
        if level:
            window *= 1 - 1 / found.ratio(level)
        assert shares[level] == pytest.approx(window, abs=0.01)


@settings(max_examples=150, deadline=None)
@given(st.integers(-(10**6), 10**6), st.sampled_from(range(5)))
def test_multiples_are_correctly_rounded_decimals(times, level):
    found = ladder("float", (-4.0, 4.0))
    value = float(found.values(level, np.array([float(times)]))[0])
    exact = times * found.digits[level]
    assert value == float(f"{exact}e{found.exponents[level]}") + 0.0
    assert math.copysign(1, value) == (-1 if times < 0 else 1)


def test_three_tenths_are_three_tenths():
    found = ladder("float", (0.0, 1.0))
    assert found.values(0, np.array([3.0])).tolist() == [0.3] != [0.1 * 3]


def test_a_ladder_is_a_value():
    found = ladder("integer", (0, 1000))
    assert found == dataclasses.replace(found)


# --- endings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "bounds", "decimals", "period"),
    [
        ("integer", (0, 1000), None, 100),
        ("integer", (-200, 200), None, 100),
        ("integer", (0, 399), None, 10),
        ("float", (0.0, 500.0), 2, 100),
        ("float", (0.0, 40.0), 1, 100),
        ("float", (0.0, 4.0), 3, 100),
        ("float", (0.0, 500.0), 4, 0),
        ("float", (0.0, 500.0), None, 0),
        ("integer", (0, 2**62), None, 0),
    ],
)
def test_endings_repeat_after_a_hundred_positions_where_the_lattice_is_exact(
    kind, bounds, decimals, period
):
    assert ladder(kind, bounds, decimals).period == period


def test_a_value_whose_ending_is_told_is_no_longer_of_its_level():
    found = dataclasses.replace(ladder("float", (-50.0, 500.0), 2), endings=(50, 99))
    none, half, charm = found.n_levels - 1, found.n_levels, found.n_levels + 1
    at = np.array([1299, 1250, 1200, 1298, 1295, 0, -1, -50, -101, 99])
    fine = found.levels(at)
    assert found.classes(at).tolist() == [
        charm, half, fine[2], none, fine[4], none, charm, half, charm, charm
    ]  # fmt: skip
    assert fine[1] != none


@settings(max_examples=100, deadline=None)
@given(st.integers(-(10**5), 10**5), st.sets(st.integers(1, 99), max_size=8))
def test_members_of_all_classes_are_all_positions_once(at, some):
    found = dataclasses.replace(ladder("integer", (-(10**5), 10**5)), endings=tuple(sorted(some)))
    (own,) = found.classes(np.array([at]))
    for k, remainders in enumerate(found.remainders):
        if remainders is not None:
            assert (at % 100 in remainders) == (k == own)
