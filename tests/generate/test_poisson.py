from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch

from synthkit.generate import poisson
from synthkit.generate.poisson import PoissonUnits, passed_over
from synthkit.privacy import mechanism
from synthkit.privacy.mechanism import secret_torch_generator

ALPHA = 1e-6
UNITS = np.repeat(np.arange(40), [50] + [1] * 29 + [4] * 10)
RATE, DRAWS = 0.1, 3000


class RowsInsteadOfUnits(PoissonUnits):
    """Planted fault: a coin per row, as every DP-GAN that ignores persons does."""

    def draw(self) -> torch.Tensor:
        return (self._uniform(len(self._order)) < self._rate).nonzero().squeeze(1)


class CoinPerUnit(PoissonUnits):
    """The slow truth: one coin for each unit, tossed by itself."""

    def _entered(self) -> torch.Tensor:
        return (self._uniform(len(self._starts)) < self._rate).nonzero().squeeze(1)


class FirstBlockOnly(PoissonUnits):
    """Planted fault: what lies beyond the first draws never enters."""

    def _entered(self) -> torch.Tensor:
        gaps = passed_over(self._uniform(4), self._rate, self._uniform, at_most=40)
        places = (gaps + 1).cumsum(0) - 1
        return places[places < 40]


class OneTooFar(PoissonUnits):
    """Planted fault: the unit after one that entered can never enter."""

    def _entered(self) -> torch.Tensor:
        gaps = passed_over(self._uniform(30), self._rate, self._uniform, at_most=40)
        places = (gaps + 2).cumsum(0) - 2
        return places[places < 40]


class FixedBatch(PoissonUnits):
    """Planted fault: shuffled batches of fixed size, charged as Poisson."""

    def draw(self) -> torch.Tensor:
        chosen = self._uniform(len(self._starts)).argsort()[: int(RATE * len(self._starts))]
        return self._order[self._starts[chosen]]


def _sampler(kind: Any = PoissonUnits) -> PoissonUnits:
    return kind(UNITS, sample_rate=RATE, generator=secret_torch_generator("cpu"))


def _is_fair(sampler: PoissonUnits) -> bool:
    """Whether every unit enters by its own coin of probability q (alpha 1e-6 in all).

    Counts of each unit ~ Binomial(draws, q); batch sizes have the variance of a sum of coins; no
    unit brings two rows. Power: a unit of four rows drawn by row has rate .34, not .10.
    """
    counts, sizes = np.zeros(40), []
    for _ in range(DRAWS):
        units = UNITS[sampler.draw().numpy()]
        if len(set(units)) != len(units):
            return False
        counts[units] += 1
        sizes.append(len(units))
    tails = [scipy.stats.binomtest(int(c), DRAWS, RATE).pvalue for c in counts]
    spread = (DRAWS - 1) * np.var(sizes, ddof=1) / (40 * RATE * (1 - RATE))
    tails.append(2 * min(scipy.stats.chi2.cdf(spread, DRAWS - 1),
                         scipy.stats.chi2.sf(spread, DRAWS - 1)))  # fmt: skip
    return min(tails) > ALPHA / len(tails)


def test_every_unit_enters_by_its_own_coin_however_many_rows_it_has() -> None:
    assert _is_fair(_sampler())


def test_so_it_does_where_each_coin_is_tossed_by_itself() -> None:
    assert _is_fair(_sampler(CoinPerUnit))


@pytest.mark.parametrize("faulty", [RowsInsteadOfUnits, FixedBatch, FirstBlockOnly, OneTooFar])
def test_another_sampler_is_caught(faulty) -> None:
    assert not _is_fair(_sampler(faulty))


def test_many_units_enter_a_few_at_a_time_at_a_small_rate() -> None:
    # A rate of 1/20,000 and 40,000 units in eight parts: entries of each part ~ Binomial.
    n, rate, draws = 40_000, 5e-5, 4000
    sampler = PoissonUnits(np.arange(n), sample_rate=rate, generator=secret_torch_generator("cpu"))
    entered = np.concatenate([sampler.draw().numpy() for _ in range(draws)])
    parts = np.bincount(entered * 8 // n, minlength=8)
    tails = [scipy.stats.binomtest(int(c), draws * n // 8, rate).pvalue for c in parts]
    assert min(tails) > ALPHA / 8


def test_steps_go_on_to_the_last_unit_however_many_enter() -> None:
    sampler = _sampler()
    sampler._uniform = lambda n: torch.full((n,), 1 - 2.0**-53, dtype=torch.float64)  # type: ignore[method-assign]
    assert sampler._entered().tolist() == list(range(40))


# The numbers of units that are passed over, in exact arithmetic.

CELLS = 2**53


def _slow_number(drawn: int, finer: list[int], rate: float) -> int:
    """Coins against, before the first for: the largest k with (1 - q)^k at least V, by fractions.

    `drawn` and `finer` are the bits of V, 53 each; V is in the middle of the last cell.
    """
    value = Fraction(0)
    for i, part in enumerate((drawn, *finer)):
        value += Fraction(part, CELLS ** (i + 1))
    value += Fraction(1, 2 * CELLS ** (len(finer) + 1))
    number, chance = 0, Fraction(1) - Fraction(rate)
    while chance >= value:
        number, chance = number + 1, chance * (1 - Fraction(rate))
    return number


def _numbers(
    kind: Callable[..., torch.Tensor], drawn: list[int], finer: list[int], rate: float
) -> list[int]:
    def further(n: int) -> torch.Tensor:
        return torch.tensor([f / CELLS for f in finer[:n]], dtype=torch.float64)

    cells = torch.tensor([d / CELLS for d in drawn], dtype=torch.float64)
    found: list[int] = kind(cells, rate, further, at_most=10**9).tolist()
    return found


def _cells_on_an_edge(rate: float) -> list[int]:
    """Cells within which V's number changes: (1 - q)^k lies inside, for k = 1 .. 60."""
    edges = [(1 - Fraction(rate)) ** k * CELLS for k in range(1, 61)]
    return [int(e) for e in edges if e >= 1]


def _rounded(drawn: torch.Tensor, rate: float, *_: object, at_most: int) -> torch.Tensor:
    """Planted fault: float64 decides."""
    return (drawn.log() / np.log1p(-rate)).floor().clamp(max=at_most).long()


def _is_exact(kind: Callable[..., torch.Tensor], rate: float) -> bool:
    """Whether the numbers of cells on an edge, beside it, and anywhere, are those of fractions."""
    edges = _cells_on_an_edge(rate)
    anywhere = np.random.default_rng(0).integers(CELLS // 64, CELLS, size=100).tolist()
    beside = [c + d for c in edges for d in (-1, 1) if 0 <= c + d < CELLS]
    for finer in ([0] * 4, [CELLS - 1] * 4, [CELLS // 2, 5, 7, 11]):
        drawn = [*edges, *beside, *anywhere]
        if _numbers(kind, drawn, finer, rate) != [_slow_number(d, finer, rate) for d in drawn]:
            return False
    return True


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.75, 0.0123])
def test_numbers_of_units_passed_over_are_exact(rate: float) -> None:
    assert _is_exact(passed_over, rate)


@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_numbers_rounded_in_float64_are_caught(rate: float) -> None:
    assert not _is_exact(_rounded, rate)


def test_further_bits_decide_on_an_edge_and_nowhere_else() -> None:
    edge = _cells_on_an_edge(0.05)[10]
    low, high = ([part] * 4 for part in (0, CELLS - 1))
    assert _numbers(passed_over, [edge], low, 0.05) == [11]
    assert _numbers(passed_over, [edge], high, 0.05) == [10]

    def never(n: int) -> torch.Tensor:
        raise AssertionError("further bits were drawn where none are needed")

    cells = torch.rand(10_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert len(passed_over(cells, 0.05, never, at_most=10**9)) == 10_000


def test_a_draw_of_zero_is_no_infinity() -> None:
    [number] = _numbers(passed_over, [0], [0, 0, 1, 0], 0.5)
    assert number == _slow_number(0, [0, 0, 1, 0], 0.5) == 211
    [capped] = passed_over(
        torch.zeros(1, dtype=torch.float64), 0.5, lambda n: torch.zeros(n).double(), at_most=40
    ).tolist()
    assert capped == 40


def test_rows_are_grouped_by_unit_whatever_their_order() -> None:
    units = np.array([7, 3, 3, 9, 7, 3])
    order, starts, counts = poisson._grouped(units)
    assert [sorted(order[s : s + c]) for s, c in zip(starts, counts, strict=True)] == [
        [1, 2, 5], [0, 4], [3],
    ]  # fmt: skip
    order, starts, counts = poisson._grouped(np.sort(units))
    assert (order.tolist(), starts.tolist(), counts.tolist()) == (
        [0, 1, 2, 3, 4, 5], [0, 3, 5], [3, 2, 1],
    )  # fmt: skip
    assert all(len(part) == 0 for part in poisson._grouped(np.zeros(0, dtype=np.int64)))


def test_units_enter_independently_of_each_other() -> None:
    # Pairs of the first ten units: joint counts ~ Binomial(draws, q^2), alpha 1e-6 over 45 pairs.
    sampler, joint = _sampler(), np.zeros((40, 40))
    for _ in range(DRAWS):
        entered = np.zeros(40)
        entered[UNITS[sampler.draw().numpy()]] = 1
        joint += np.outer(entered, entered)
    tails = [
        scipy.stats.binomtest(int(joint[a, b]), DRAWS, RATE**2).pvalue
        for a in range(10)
        for b in range(a)
    ]
    assert min(tails) > ALPHA / len(tails)


def test_each_row_of_a_person_is_as_likely_as_the_others() -> None:
    sampler = PoissonUnits(
        np.zeros(50, dtype=np.int64), sample_rate=1.0, generator=secret_torch_generator("cpu")
    )
    counts = np.bincount([int(sampler.draw()) for _ in range(5000)], minlength=50)
    assert scipy.stats.chisquare(counts).pvalue > ALPHA


def test_batches_may_be_empty_and_rows_need_no_order() -> None:
    generator = secret_torch_generator("cpu")
    none = PoissonUnits(np.array([2, 0, 2]), sample_rate=1e-12, generator=generator)
    assert none.draw().shape == (0,)
    everyone = PoissonUnits(np.array([2, 0, 2]), sample_rate=1.0, generator=generator)
    rows = everyone.draw().tolist()
    assert rows[0] == 1
    assert rows[1] in (0, 2)


def test_the_same_units_are_drawn_differently_each_time() -> None:
    first, second = _sampler(), _sampler()
    same = [torch.equal(first.draw(), second.draw()) for _ in range(20)]
    assert not all(same)


def test_with_three_rows_per_unit_each_entering_unit_brings_up_to_three_of_its_own() -> None:
    sampler = PoissonUnits(
        UNITS, sample_rate=RATE, generator=secret_torch_generator("cpu"), rows_per_unit=3
    )
    owned = np.bincount(UNITS)
    counts = np.zeros(40)
    for _ in range(DRAWS):
        rows = sampler.draw().numpy()
        assert len(set(rows)) == len(rows)
        brought = np.bincount(UNITS[rows], minlength=40)
        entered = brought > 0
        assert (brought[entered] == np.minimum(owned, 3)[entered]).all()
        counts += entered
    tails = [scipy.stats.binomtest(int(c), DRAWS, RATE).pvalue for c in counts]
    assert min(tails) > ALPHA / len(tails)


def test_with_three_rows_per_unit_each_row_of_a_person_is_as_likely_as_the_others() -> None:
    sampler = PoissonUnits(
        np.zeros(20, dtype=np.int64),
        sample_rate=1.0,
        generator=secret_torch_generator("cpu"),
        rows_per_unit=3,
    )
    counts = np.bincount(np.concatenate([sampler.draw() for _ in range(4000)]), minlength=20)
    # Without repeats the counts vary less than a multinomial's: chi-square errs to the safe side.
    assert scipy.stats.chisquare(counts).pvalue > ALPHA
    only_first = counts * (np.arange(20) < 19) + 1
    assert scipy.stats.chisquare(only_first).pvalue < ALPHA, "a row that never comes is seen"


def test_audits_see_which_rows_enter() -> None:
    with mechanism._recording() as tape:
        rows = _sampler().draw()
    seen = next(d for d in tape.draws if d.kind == "sampled_rows")
    assert seen.asked == {"rate": RATE}
    assert torch.equal(seen.answer, rows)
