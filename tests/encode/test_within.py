"""Conditions on a column: what they leave of each code, and values drawn within them."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest
from scipy import stats

from synthkit.encode import ColumnCodec, Condition, kinds
from synthkit.schema import Column

ALPHA = 1e-6
DATES = (datetime.date(2000, 1, 1), datetime.date(2019, 12, 31))
TIMES = (datetime.datetime(2020, 1, 1), datetime.datetime(2020, 12, 31, 23, 59, 59))
CASES = [
    (Column(name="c", kind="integer", bounds=(0, 5_000)), Condition(bounds=(17, 1_203))),
    (Column(name="c", kind="integer", bounds=(0, 90)), Condition(bounds=(None, 30))),
    (Column(name="c", kind="integer", bounds=(-999, 999)), Condition(bounds=(0, 0))),
    (Column(name="c", kind="float", bounds=(0, 900)), Condition(bounds=(12.5, 300.25))),
    (
        Column(name="c", kind="float", bounds=(0, 900), decimals=2, nullable=True),
        Condition(bounds=(12.345, None), missing=True),
    ),
    (
        Column(name="c", kind="date", bounds=DATES),
        Condition(bounds=(datetime.date(2004, 2, 3), datetime.date(2010, 5, 6))),
    ),
    (
        Column(name="c", kind="datetime", bounds=TIMES),
        Condition(bounds=(datetime.datetime(2020, 3, 1, 0, 0, 1), None)),
    ),
    (
        Column(name="c", kind="categorical", categories=tuple("abcdefgh"), nullable=True),
        Condition(values=("b", "g", "h")),
    ),
    (Column(name="c", kind="boolean", nullable=True), Condition(missing=True)),
    (Column(name="c", kind="ordinal", categories=(1, 2, 3)), Condition(values=(1, 3))),
]


def codec_of(column: Column, seed: int = 0) -> ColumnCodec:
    """A codec with made-up masses, among them empty cells and an empty code."""
    rng = np.random.default_rng(seed)
    plugin = kinds.plugin_name(column.kind)
    grid = kinds.load(plugin).grid(column)
    masses = rng.gamma(0.7, 100.0, grid.n_cells) * (rng.random(grid.n_cells) < 0.8)
    code_of_cell = grid.merge(masses, max_codes=5, max_bins=9, sigma=1.0)
    if grid.n_cells > 20:
        masses[code_of_cell == 3] = 0.0
    return ColumnCodec(column.name, plugin, grid, code_of_cell, masses)


def holds(series: pl.Series, condition: Condition) -> np.ndarray:
    """Which values satisfy a condition, by the values alone."""
    result = pl.repeat(False, len(series), eager=True)
    if condition.values:
        result = result | series.is_in(list(condition.values))
    if condition.bounds is not None:
        low, high = condition.bounds
        is_in = pl.repeat(True, len(series), eager=True)
        is_in = is_in & (series >= low) if low is not None else is_in
        is_in = is_in & (series <= high) if high is not None else is_in
        result = result | is_in
    return np.where(series.is_null(), condition.missing, result.fill_null(False).to_numpy())


@pytest.mark.parametrize(("column", "condition"), CASES)
def test_evidence_is_the_share_of_a_code_s_values_that_satisfy_the_condition(column, condition):
    codec = codec_of(column)
    within = codec.within(condition)
    n = 20_000
    for code in range(codec.size):
        values = codec.decode(np.full(n, code), np.random.default_rng(code))
        hits = int(holds(values, condition).sum())
        p = within.evidence[code]
        low, high = stats.binom.ppf([ALPHA / 2, 1 - ALPHA / 2], n, p)
        assert low <= hits <= high, (code, p, hits / n)


@pytest.mark.parametrize(("column", "condition"), CASES)
def test_values_within_are_those_that_decoding_and_rejecting_gives(column, condition):
    codec = codec_of(column)
    within = codec.within(condition)
    n = 20_000
    for code in np.flatnonzero(within.evidence > 0.01):
        rng = np.random.default_rng(int(code))
        ours = codec.decode(np.full(n, code), rng, within)
        assert holds(ours, condition).all()
        plain = codec.decode(np.full(n, code), rng)
        kept = plain.filter(pl.Series(holds(plain, condition)))
        assert ours.dtype == kept.dtype
        assert ours.null_count() / n == pytest.approx(kept.null_count() / len(kept), abs=0.1)
        numbers = [
            s.drop_nulls().cast(pl.Categorical).to_physical().to_numpy()
            if s.dtype == pl.String
            else s.drop_nulls().cast(pl.Float64 if s.dtype.is_float() else pl.Int64).to_numpy()
            for s in (ours, kept)
        ]
        if column.kind == "categorical":
            assert set(ours.unique()) == set(kept.unique())
        elif min(len(x) for x in numbers) > 50:
            assert stats.ks_2samp(*numbers).pvalue > ALPHA


def test_values_that_ignore_the_range_would_be_caught():
    column, condition = CASES[0]
    codec = codec_of(column)
    code = int(np.argmin(np.abs(codec.within(condition).evidence - 0.5)))
    assert 0 < codec.within(condition).evidence[code] < 1
    values = codec.decode(np.full(1_000, code), np.random.default_rng(0))
    assert not holds(values, condition).all()


@pytest.mark.parametrize(
    ("column", "condition"),
    [
        (CASES[3][0], Condition(bounds=(12.5, 12.5))),
        (CASES[4][0], Condition(bounds=(12.341, 12.349))),
        (CASES[0][0], Condition(missing=True)),
        (CASES[7][0], Condition(values=("z",))),
    ],
)
def test_a_condition_that_no_value_meets_has_no_evidence(column, condition):
    assert not codec_of(column).within(condition).evidence.any()


def test_a_single_value_has_a_single_code():
    codec = codec_of(CASES[0][0])
    for value in (0, 17, 4_999, 5_000):
        evidence = codec.within(Condition(bounds=(value, value))).evidence
        (own,) = codec.encode(pl.Series([value]))
        assert set(np.flatnonzero(evidence)) <= {own}


def test_codes_have_names_for_people():
    codec = codec_of(CASES[7][0])
    labels = codec.labels()
    assert len(labels) == codec.size
    assert labels[-1] == "missing"
    assert any(label.startswith("one of ") for label in labels)
    assert all(
        ".." in label or label.lstrip("-").isdecimal() for label in codec_of(CASES[0][0]).labels()
    )
