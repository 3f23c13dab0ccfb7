import datetime

import numpy as np
import polars as pl
import pytest

from synthkit.evaluate.bins import fit_bins, level_codes, ordered_values
from synthkit.schema import Column

FLOAT = Column(name="x", kind="float")
WARD = Column(name="w", kind="categorical", categories=tuple("abcdef"))


def test_a_smooth_column_gets_twenty_bins_of_equal_weight():
    series = pl.Series(np.random.default_rng(0).normal(size=10_000))
    bins = fit_bins(series, FLOAT)
    counts = np.bincount(bins.encode(series), minlength=bins.size)
    assert bins.size == 21
    assert counts[-1] == 0
    assert np.all(np.abs(counts[:-1] - 500) <= 1)


def test_a_spike_has_a_bin_of_its_own():
    values = np.concatenate([np.zeros(900), np.linspace(1, 100, 100), np.linspace(-9, -1, 50)])
    bins = fit_bins(pl.Series(values), FLOAT)
    codes = bins.encode(pl.Series([0.0, -1e-9, 1e-9]))
    assert len(set(codes.tolist())) == 3
    encoded = bins.encode(pl.Series(values))
    assert (encoded == codes[0]).sum() == 900


def test_missing_cells_have_the_last_bin_whatever_the_kind():
    number = fit_bins(pl.Series([1.0, 2.0, None]), FLOAT)
    assert number.encode(pl.Series([None, 1.5], dtype=pl.Float64))[0] == number.size - 1
    ward = fit_bins(pl.Series(["a", None]), WARD)
    assert ward.encode(pl.Series([None, "a"]))[0] == ward.size - 1


def test_sixty_levels_are_kept_and_beyond_that_the_59_most_frequent():
    names = [f"l{i:03d}" for i in range(61)]
    series = pl.Series([n for i, n in enumerate(names) for _ in range(100 - i)])
    column = Column(name="c", kind="categorical", categories=tuple(names))
    assert fit_bins(series.filter(series != "l060"), column).levels == tuple(names[:60])
    bins = fit_bins(series, column)
    assert bins.levels == tuple(names[:59])
    assert bins.encode(pl.Series(["l059", "l060", "never seen"])).tolist() == [59, 59, 59]


def test_a_level_that_train_lacks_is_rest_and_not_missing():
    bins = fit_bins(pl.Series(["a", "a", "b"]), WARD)
    assert bins.encode(pl.Series(["a", "b", "f", None])).tolist() == [0, 1, 2, 3]


def test_booleans_and_integer_categories_are_levels():
    smoker = fit_bins(pl.Series([True, True, False]), Column(name="s", kind="boolean"))
    assert smoker.encode(pl.Series([True, False, None])).tolist() == [0, 1, 3]
    grade = fit_bins(pl.Series([3, 3, 1]), Column(name="g", kind="ordinal", categories=(1, 2, 3)))
    assert grade.encode(pl.Series([3, 1, 2])).tolist() == [0, 1, 2]


def test_a_column_without_any_train_value_still_has_bins():
    for series, column in (
        (pl.Series([None, None], dtype=pl.Float64), FLOAT),
        (pl.Series([None, None], dtype=pl.String), WARD),
    ):
        bins = fit_bins(series, column)
        assert bins.size == 2
        assert bins.encode(series).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([datetime.date(1970, 1, 2), None], [1.0, np.nan]),
        ([datetime.datetime(1970, 1, 1, 0, 0, 1, 500_000), None], [1.5, np.nan]),
        ([7, None], [7.0, np.nan]),
    ],
)
def test_times_and_numbers_lie_on_one_line(values, expected):
    np.testing.assert_array_equal(ordered_values(pl.Series(values)), expected)


def test_level_codes_do_not_depend_on_the_order_of_rows():
    series = pl.Series(["b", "a", "b", "c", "c"])
    first = fit_bins(series, WARD).levels
    assert fit_bins(series.reverse(), WARD).levels == first == ("b", "c", "a")
    assert level_codes(series, first).tolist() == [0, 2, 0, 1, 1]
