"""Sensitivity by brute force: what one person changes in whatever goes into the noise.

On all tables of up to four rows, three persons and two columns, with all their neighbours (one
person with all rows in or out) and everybody else's draws frozen, the exact vectors under the noise
lie at most as far apart as the event that was charged says: in each table one cell by one (L1 and
Linf 1), so sqrt(k * tables) in L2 where k rows of a person count; C for sums of clipped gradients.
No statistics: no neighbour is left out, so what passes has no exception among tables of this size.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from synthkit import encode
from synthkit.artifacts import Codes
from synthkit.generate.critic import ENGINES, PrivateCritic, discriminator
from synthkit.generate.layout import Layout
from synthkit.generate.network import initialise
from synthkit.generate.poisson import PoissonUnits
from synthkit.generate.two_way import measure, n_pairs
from synthkit.privacy import mechanism
from synthkit.schema import Column, Schema
from tests.statistical.neighbours import SIZES, Frozen, Pair, keys, pairs

SCHEMA = Schema(
    name="t",
    population="t",
    missing=(),
    columns=(
        Column(name="a", kind="categorical", categories=("x", "y"), domain_source="public"),
        Column(name="b", kind="integer", bounds=(0, 1), domain_source="public"),
    ),
)
EXHAUSTIVE = [2, pytest.param(4, marks=pytest.mark.slow)]
"""Most rows of a table; all of them up to four rows take a minute."""

Measurement = Callable[[np.ndarray, np.ndarray, int], None]
"""From values (n_rows, 2), units and k: takes one noisy look."""


def one_way(values: np.ndarray, units: np.ndarray, k: int) -> None:
    table = pl.DataFrame(
        {
            "a": pl.Series([("x", "y")[v] for v in values[:, 0]], dtype=pl.String),
            "b": pl.Series(values[:, 1].astype(np.int64), dtype=pl.Int64),
        }
    )
    encode.fit(table, SCHEMA, units, sigma=2.0, rows_per_unit=k)


def two_way(values: np.ndarray, units: np.ndarray, k: int) -> None:
    codes = Codes(columns=("a", "b"), sizes=SIZES, values=values, units=units)
    even = [np.array([0.5, 0.5])] * 2
    measure(codes, even, units=3.0, sigma=2.0, max_cells=100, rows_per_unit=k)


def three_way(values: np.ndarray, units: np.ndarray, k: int) -> None:
    both = values[:, :1] ^ values[:, 1:]
    codes = Codes(
        columns=("a", "b", "target"),
        sizes=(*SIZES, 2),
        values=np.hstack([values, both]),
        units=units,
    )
    even = [np.array([0.5, 0.5])] * 3
    measure(codes, even, units=3.0, sigma=2.0, max_cells=100, rows_per_unit=k, target=2)


def looked(measurement: Measurement, pair: Pair, row_keys: np.ndarray, n_rows: int, k: int):
    """Everything that went into the noise when the first `n_rows` rows are there."""
    frozen = Frozen(row_keys)
    with mechanism.watched(frozen):
        measurement(pair.values[:n_rows], pair.units[:n_rows], k)
    return np.concatenate(frozen.asked)


def largest_changes(
    measurement: Measurement, tables: int, most_rows: int, k: int = 1
) -> tuple[float, int, int]:
    """Returns the largest L2, L1 and Linf distance of two neighbours' exact vectors.

    A vector holds k sets of `tables` tables, so its L1 distance is at most k * tables, and Linf 1,
    if each table moves by one cell and one.
    """
    l2, l1, linf, n_seen = 0.0, 0, 0, 0
    for pair in pairs(most_rows):
        for row_keys in keys(len(pair.values)):
            more = looked(measurement, pair, row_keys, len(pair.values), k)
            less = looked(measurement, pair, row_keys, pair.n_others, k)
            assert more.shape == less.shape
            moved = np.abs(more - less)
            l2 = max(l2, float(np.sqrt(np.square(moved).sum())))
            l1, linf, n_seen = max(l1, int(moved.sum())), max(linf, int(moved.max())), n_seen + 1
    assert n_seen > 100
    return l2, l1, linf


LOOKS = [(one_way, encode.n_tables(SCHEMA)), (two_way, n_pairs(2)), (three_way, n_pairs(2))]


@pytest.mark.parametrize("most_rows", EXHAUSTIVE)
@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize(("measurement", "tables"), LOOKS)
def test_a_person_moves_each_table_by_one_cell_and_one(
    measurement: Measurement, tables: int, k: int, most_rows: int
) -> None:
    l2, l1, linf = largest_changes(measurement, tables, most_rows, k)
    slots = min(k, most_rows)  # a person of two rows fills two of three sets
    assert l2 == pytest.approx((slots * tables) ** 0.5, rel=1e-12)  # the bound, and it is reached
    assert (l1, linf) == (slots * tables, 1)


def all_rows(units: np.ndarray, *, most: int) -> tuple[np.ndarray, ...]:
    """Planted fault: every row of a person counts."""
    return (np.arange(len(units)), *[np.zeros(0, dtype=np.int64)] * (most - 1))


def twice(units: np.ndarray, *, most: int) -> tuple[np.ndarray, ...]:
    """Planted fault: the chosen row has weight 2."""
    chosen = mechanism._sound(units, most=most)  # type: ignore[attr-defined]
    return tuple(np.repeat(rows, 2) for rows in chosen)


def one_slot(units: np.ndarray, *, most: int) -> tuple[np.ndarray, ...]:
    """Planted fault: the k rows of a person all count in the first set of tables."""
    chosen = mechanism._sound(units, most=most)  # type: ignore[attr-defined]
    return (np.concatenate(chosen), *[np.zeros(0, dtype=np.int64)] * (most - 1))


@pytest.mark.parametrize(("fault", "k"), [(all_rows, 1), (twice, 1), (twice, 2), (one_slot, 2)])
@pytest.mark.parametrize(("measurement", "tables"), LOOKS)
def test_a_person_who_counts_for_more_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    measurement: Measurement,
    tables: int,
    fault: Callable[..., tuple[np.ndarray, ...]],
    k: int,
) -> None:
    monkeypatch.setattr(mechanism, "_sound", mechanism.rows_of_units, raising=False)
    monkeypatch.setattr(mechanism, "rows_of_units", fault)
    l2, _, linf = largest_changes(measurement, tables, 2, k)
    assert l2 > 1.2 * (k * tables) ** 0.5
    assert linf == 2


def anew(units: np.ndarray, *, most: int) -> tuple[np.ndarray, ...]:
    """Planted fault: whose row is chosen depends on how many rows there are in all."""
    chosen = mechanism._sound(units, most=most)  # type: ignore[attr-defined]
    if len(units) % 2:
        return chosen
    backwards = mechanism._sound(units[::-1], most=most)  # type: ignore[attr-defined]
    return tuple(len(units) - 1 - rows for rows in backwards)


@pytest.mark.slow
@pytest.mark.parametrize(("measurement", "tables"), LOOKS)
def test_a_person_who_moves_the_rows_of_others_is_caught(
    monkeypatch: pytest.MonkeyPatch, measurement: Measurement, tables: int
) -> None:
    monkeypatch.setattr(mechanism, "_sound", mechanism.rows_of_units, raising=False)
    monkeypatch.setattr(mechanism, "rows_of_units", anew)
    assert largest_changes(measurement, tables, 3)[0] > tables**0.5 + 0.1


# Gradients.

CLIP, BATCH = 0.5, 4.0
LAYOUT = Layout(SIZES)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook is firing")
        yield


class AllRows(PoissonUnits):
    """Planted fault: whoever enters brings all rows."""

    def draw(self) -> torch.Tensor:
        entered = self._uniform(len(self._starts)) < self._rate
        kept = entered.repeat_interleave(self._counts)
        return self._order[kept]


class Twice(PoissonUnits):
    """Planted fault: whoever enters has weight 2."""

    def draw(self) -> torch.Tensor:
        return super().draw().repeat_interleave(2)


class LooserClip(PrivateCritic):
    """Planted fault: each gradient is clipped to 1.01 C, while the noise stays as for C."""

    def __init__(self, network: torch.nn.Sequential, *, max_grad_norm: float, **options: Any):
        super().__init__(network, max_grad_norm=1.01 * max_grad_norm, **options)
        self.optimizer.max_grad_norm = max_grad_norm


def critic(kind: type[PrivateCritic], engine: str, k: int) -> PrivateCritic:
    """A critic without noise, in float64, whose clip saturates; k rows share C as in `session`."""
    network = discriminator(sum(SIZES), 6, 2)
    initialise(network, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 4
        network[-1].bias -= 1e3  # every real row is taken for a fake
    return kind(
        network.double(),
        max_grad_norm=CLIP / k,
        noise_multiplier=0.0,
        expected_batch=BATCH,
        learning_rate=1e-3,
        generator=mechanism.secret_torch_generator("cpu"),
        engine=engine,
    )


def frozen_draws(seed: int) -> Callable[[int], torch.Tensor]:
    """Gives the first n of fixed numbers, others at each call: a sampler's draws, unit by unit.

    The sampler asks once for the units' coins and once for the choice of rows, both in the order
    of units: with the person in question last, everybody else gets the same draws.
    """
    calls = itertools.count(1000 * seed)

    def uniform(n: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(next(calls))
        return torch.rand(16, dtype=torch.float64, generator=generator)[:n]

    return uniform


def largest_gradient_change(
    sampler: type[PoissonUnits] = PoissonUnits,
    kind: type[PrivateCritic] = PrivateCritic,
    *,
    engine: str = ENGINES[0],
    k: int = 1,
    most_rows: int = 3,
    seeds: int = 3,
) -> float:
    """Largest norm by which a person's coming changes the sum of clipped gradients, in units of C.

    With the same draws for everybody else.
    """
    step = critic(kind, engine, k)
    fake = torch.full((2, sum(SIZES)), 0.5, dtype=torch.float64)

    def gradient(values: np.ndarray, units: np.ndarray, seed: int) -> torch.Tensor:
        source = sampler(units, sample_rate=0.9, generator=torch.Generator(), rows_per_unit=k)
        source._uniform = frozen_draws(seed)  # type: ignore[method-assign]
        codes = torch.as_tensor(values.astype(np.int64))[source.draw()]
        step._gradient(LAYOUT.one_hot(codes).double(), fake)
        return BATCH * torch.cat([p.grad.reshape(-1) for p in step._params])

    largest = 0.0
    for pair in pairs(most_rows):
        for seed in range(seeds):
            more = gradient(pair.values, pair.units, seed)
            less = gradient(pair.values[: pair.n_others], pair.units[: pair.n_others], seed)
            largest = max(largest, float((more - less).norm()) / CLIP)
    return largest


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("k", [1, 2])
def test_a_person_moves_the_sum_of_clipped_gradients_by_at_most_c(engine: str, k: int) -> None:
    largest = largest_gradient_change(engine=engine, k=k, most_rows=2)
    assert 0.999 < largest <= 1 + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("k", [1, 2, 3])
def test_nor_in_any_table_of_four_rows(engine: str, k: int) -> None:
    assert 0.999 < largest_gradient_change(engine=engine, k=k, most_rows=4, seeds=2) <= 1 + 1e-6


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("sampler", "kind", "least"),
    [(AllRows, PrivateCritic, 1.5), (Twice, PrivateCritic, 1.9), (PoissonUnits, LooserClip, 1.009)],
)
def test_a_person_who_moves_it_by_more_is_caught(
    sampler: type[PoissonUnits], kind: type[PrivateCritic], least: float, engine: str
) -> None:
    assert largest_gradient_change(sampler, kind, engine=engine, most_rows=2) > least
