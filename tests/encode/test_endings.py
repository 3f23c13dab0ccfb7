"""Endings of numbers: what stands out is told, what noise or a slope brings about is not."""

from __future__ import annotations

import numpy as np
import pytest

from synthkit.encode import endings, kinds
from synthkit.encode.endings import even_remainders, told
from synthkit.schema import Column

PRICE = Column(name="price", kind="float", bounds=(0.0, 500.0), decimals=2)
BEATS = Column(name="beats", kind="integer", bounds=(0, 300))
SIGMA = 60.0


def grid_of(column: Column):
    return kinds.load("numeric").grid(column)


def looked(column: Column, positions: np.ndarray, sigma: float, seed: int = 0) -> tuple[int, ...]:
    """What the look tells of values at some positions."""
    grid, rng = grid_of(column), np.random.default_rng(seed)
    line, period = grid.line, grid.ladder.period
    cells = line.cells(positions)
    masses = np.bincount(cells, minlength=line.starts.size).astype(float)
    counts = np.bincount(positions[~line.is_point[cells]] % period, minlength=period)
    noisy = counts + rng.normal(0, sigma, period) if sigma else counts.astype(float)
    masses = np.maximum(masses + rng.normal(0, sigma / 2, masses.size), 0) if sigma else masses
    return told(noisy, masses, line, grid.ladder, sigma)


def prices(n: int, shares: dict[int, float], seed: int = 0) -> np.ndarray:
    """Positions in pence, a lognormal of pounds; some shares of them with an ending each."""
    rng = np.random.default_rng(seed)
    pence = np.exp(rng.normal(7.5, 0.8, n)).clip(120, 49_000).astype(np.int64)
    ending = rng.choice([-1, *shares], n, p=[1 - sum(shares.values()), *shares.values()])
    return np.where(ending >= 0, pence // 100 * 100 + ending, pence)


@pytest.mark.parametrize("sigma", [0.0, SIGMA])
def test_the_usual_endings_of_prices_are_told(sigma):
    assert looked(PRICE, prices(20_000, {99: 0.5, 95: 0.15, 49: 0.1}), sigma) == (49, 95, 99)


def test_endings_next_to_each_other_are_told_together():
    assert looked(PRICE, prices(20_000, {97: 0.2, 98: 0.2, 99: 0.3}), SIGMA) == (97, 98, 99)


def test_a_period_of_ten_tells_the_last_digit():
    rng = np.random.default_rng(0)
    beats = rng.normal(150, 40, 20_000).clip(1, 299).astype(np.int64)
    beats = np.where(rng.random(20_000) < 0.5, beats // 10 * 10 + 8, beats)
    assert grid_of(BEATS).ladder.period == 10
    assert looked(BEATS, beats, SIGMA) == (8,)


def test_every_price_on_one_ending_is_told_without_noise_too():
    assert looked(PRICE, np.arange(199, 40_000, 100), 0.0) == (99,)


def found_in_nothing(n: int = 200) -> int:
    """How many of so many looks at prices of any pence tell an ending."""
    at = prices(20_000, {})
    return sum(looked(PRICE, at, SIGMA, seed) != () for seed in range(n))


def test_noise_tells_nothing():
    assert found_in_nothing() <= 4


def test_planted_a_look_that_believes_the_noise_is_caught(monkeypatch):
    monkeypatch.setattr(endings, "TOLD_SIGMAS", 2.0)
    monkeypatch.setattr(endings, "LEAST_EXCESS", 1.0)
    assert found_in_nothing(20) > 4


def steep() -> np.ndarray:
    """Between 300 and 500 pounds, falling so fast that the first pence of a cell prevail."""
    rng = np.random.default_rng(0)
    return np.rint(30_000 + rng.exponential(150, 400_000)).clip(30_000, 49_000).astype(np.int64)


def test_a_density_that_falls_within_a_cell_has_no_endings():
    assert looked(PRICE, steep(), 0.0) == ()


def test_planted_comparing_with_all_endings_would_take_a_slope_for_them(monkeypatch):
    monkeypatch.setattr(endings, "NEAR_SHARE", 1.0)
    monkeypatch.setattr(endings, "LEAST_EXCESS", 1.0)
    assert looked(PRICE, steep(), 0.0) != ()


@pytest.mark.parametrize("column", [PRICE, BEATS])
def test_even_shares_of_remainders_are_those_that_counting_by_hand_gives(column):
    line, period = grid_of(column).line, grid_of(column).ladder.period
    every = np.arange(line.starts[0], line.upper + 1)
    cells = line.cells(every)
    by_hand = np.zeros((line.starts.size, period))
    np.add.at(by_hand, (cells, every % period), 1 / line.widths[cells])
    by_hand[line.is_point] = 0
    assert even_remainders(line, period) == pytest.approx(by_hand)


@pytest.mark.parametrize("counts", [np.zeros(100), np.full(100, -50.0), np.full(100, 9e9)])
@pytest.mark.parametrize("mass", [0.0, 1e-9, 1e9])
def test_no_counts_fail(counts, mass):
    grid = grid_of(PRICE)
    masses = np.full(grid.line.starts.size, mass)
    assert told(counts, masses, grid.line, grid.ladder, SIGMA) == ()
