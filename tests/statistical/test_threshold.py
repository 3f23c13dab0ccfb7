"""Thresholds: a category that one person brings alone is told with probability at most delta.

Exactly, from the discrete Gaussian's own tail, summed here a second time in rational steps; and by
Monte Carlo through the mechanism and through the purchase of domains, at delta 0.05, where a fault
shows. Alpha 1e-6. Planted faults: a threshold that is lower by one, a threshold that does not rise
with `fewest`, and a delta that is handed to each column whole instead of in parts.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from scipy import stats

from synthkit.encode.domains import purchase
from synthkit.privacy import mechanism, threshold
from synthkit.privacy.event import ThresholdedTables
from synthkit.schema import Column, Schema
from tests.statistical.power import measured_power

ALPHA = 1e-6
SIGMAS = (0.6, 1.0, 3.7, 25.0, 400.0)
DELTAS = (0.05, 1e-3, 1e-7, 1e-12)


def chance_of_a_lone_key(sigma: float, least: int) -> float:
    """P[1 + N >= least] for discrete Gaussian N: both sums term by term, each correctly rounded."""
    reach = math.ceil(40 * sigma) + 2
    first = max(least - 1, -reach)
    over = math.fsum(math.exp(-(t**2) / (2 * sigma**2)) for t in range(first, reach))
    total = 1 + 2 * math.fsum(math.exp(-(t**2) / (2 * sigma**2)) for t in range(1, reach))
    return float(Fraction(over) / Fraction(total))


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("delta", DELTAS)
def test_a_lone_key_is_told_with_at_most_delta_and_the_threshold_is_the_least_such(
    sigma: float, delta: float
) -> None:
    least = threshold.threshold(sigma, delta)
    assert chance_of_a_lone_key(sigma, least) <= delta
    # The planted fault, one too low: more than delta (unless nothing lower is a threshold at all).
    assert least == 2 or chance_of_a_lone_key(sigma, least - 1) > delta


# Through the mechanism, at a delta that shows.

SIGMA, DELTA, LONE = 3.0, 0.05, 60_000


def told_too_often(told: int, n: int, delta: float) -> bool:
    """One-sided binomial test."""
    return bool(stats.binom.sf(told - 1, n, delta) < ALPHA)


def told() -> int:
    """How many of LONE keys, each brought by one unit, are told."""
    counts = dict.fromkeys(range(LONE), 1)
    return len(threshold.published_counts(counts, sigma=SIGMA, delta=DELTA))


def test_lone_keys_are_told_as_rarely_as_is_charged() -> None:
    found = told()
    assert not told_too_often(found, LONE, DELTA)
    exact = chance_of_a_lone_key(SIGMA, threshold.threshold(SIGMA, DELTA))
    assert stats.binomtest(found, LONE, exact).pvalue > ALPHA  # and no more rarely than is known


def test_a_threshold_that_is_lower_by_one_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = threshold.threshold
    faulty = chance_of_a_lone_key(SIGMA, sound(SIGMA, DELTA) - 1)
    limit = stats.binom.isf(ALPHA, LONE, DELTA)
    assert stats.binom.sf(limit, LONE, faulty) > 1 - 1e-6
    rng = np.random.default_rng(1)
    assert (
        measured_power(lambda: told_too_often(int(rng.binomial(LONE, faulty)), LONE, DELTA)) > 0.99
    )
    monkeypatch.setattr(threshold, "threshold", lambda *of: sound(*of) - 1)
    assert told_too_often(told(), LONE, DELTA)


# Keys of fewer than `fewest` units get no noise: the key at `fewest` is then the lone one.

FEWEST = 40


def told_of(count: int) -> int:
    """How many of LONE keys of `count` units each are told, where `fewest` is FEWEST."""
    counts = dict.fromkeys(range(LONE), count)
    return len(threshold.published_counts(counts, sigma=SIGMA, delta=DELTA, fewest=FEWEST))


def test_keys_that_one_unit_makes_tellable_are_told_as_rarely_as_is_charged() -> None:
    found = told_of(FEWEST)
    assert not told_too_often(found, LONE, DELTA)
    exact = chance_of_a_lone_key(SIGMA, threshold.threshold(SIGMA, DELTA))
    assert stats.binomtest(found, LONE, exact).pvalue > ALPHA  # as often as lone keys, moved up
    assert told_of(FEWEST - 1) == 0


@pytest.mark.parametrize("missed", [FEWEST - 1, 1])
def test_a_threshold_that_does_not_rise_with_fewest_is_caught(
    monkeypatch: pytest.MonkeyPatch, missed: int
) -> None:
    """Planted fault: it forgets `fewest` (or counts one too few) and tells with more than delta."""
    sound = threshold.threshold
    faulty = chance_of_a_lone_key(SIGMA, sound(SIGMA, DELTA) - missed)
    limit = stats.binom.isf(ALPHA, LONE, DELTA)
    assert stats.binom.sf(limit, LONE, faulty) > 1 - 1e-6
    rng = np.random.default_rng(1)
    assert (
        measured_power(lambda: told_too_often(int(rng.binomial(LONE, faulty)), LONE, DELTA)) > 0.99
    )
    monkeypatch.setattr(threshold, "threshold", lambda *of: sound(*of) - missed)
    assert told_too_often(told_of(FEWEST), LONE, DELTA)


# Through the purchase: one person, several columns.

COLUMNS, REPEATS = 4, 4000
SCHEMA = Schema(
    name="t",
    population="t",
    missing=(),
    columns=tuple(
        Column(name=f"c{i}", kind="categorical", categories=("x",), domain_source="data")
        for i in range(COLUMNS)
    ),
)
LOOKS = (ThresholdedTables(name=purchase.CATEGORIES, sigma=SIGMA, tables=COLUMNS, delta=0.2),)
"""A delta of 0.2 in all; the columns share it, 0.05 each."""
TABLE = pl.DataFrame(
    {f"c{i}": ["common"] * 6 + ["Sentinel"] * 3 for i in range(COLUMNS)},
    schema={f"c{i}": pl.String for i in range(COLUMNS)},
)
UNITS = np.array([0, 1, 2, 3, 4, 5, 6, 6, 6])
"""The last person has three rows, and alone brings a name to every column."""


def purchases_that_tell(looks: tuple[ThresholdedTables, ...], repeats: int) -> int:
    """How often any column tells the name that one person brings."""
    found = 0
    for _ in range(repeats):
        bought = purchase.buy(TABLE, SCHEMA, UNITS, looks)
        found += any("Sentinel" in (c.categories or ()) for c in bought.columns)
    return found


@pytest.mark.slow
def test_a_person_s_own_names_are_told_with_at_most_delta_over_all_columns() -> None:
    assert not told_too_often(purchases_that_tell(LOOKS, REPEATS), REPEATS, LOOKS[0].delta)


@pytest.mark.slow
def test_columns_that_do_not_share_delta_are_caught() -> None:
    whole = (ThresholdedTables(name=purchase.CATEGORIES, sigma=SIGMA, tables=COLUMNS, delta=0.8),)
    one = chance_of_a_lone_key(SIGMA, threshold.threshold(SIGMA, 0.2))
    limit = stats.binom.isf(ALPHA, REPEATS, LOOKS[0].delta)
    assert stats.binom.sf(limit, REPEATS, 1 - (1 - one) ** COLUMNS) > 1 - 1e-6
    assert told_too_often(purchases_that_tell(whole, REPEATS), REPEATS, LOOKS[0].delta)


@pytest.mark.slow
def test_a_person_who_counts_with_all_rows_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: three rows of one person make a name look like that of three people."""
    monkeypatch.setattr(mechanism, "one_row_per_unit", lambda units: np.arange(len(units)))
    assert told_too_often(purchases_that_tell(LOOKS, REPEATS), REPEATS, LOOKS[0].delta)
