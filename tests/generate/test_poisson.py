from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats
import torch

from synthkit.generate.poisson import PoissonUnits
from synthkit.privacy import mechanism
from synthkit.privacy.mechanism import secret_torch_generator

ALPHA = 1e-6
UNITS = np.repeat(np.arange(40), [50] + [1] * 29 + [4] * 10)
RATE, DRAWS = 0.1, 3000


class RowsInsteadOfUnits(PoissonUnits):
    """Planted fault: a coin per row, as every DP-GAN that ignores persons does."""

    def draw(self) -> torch.Tensor:
        return (self._uniform(len(self._order)) < self._rate).nonzero().squeeze(1)


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


def test_a_sampler_that_draws_rows_is_caught() -> None:
    assert not _is_fair(_sampler(RowsInsteadOfUnits))


def test_a_sampler_with_fixed_batches_is_caught() -> None:
    assert not _is_fair(_sampler(FixedBatch))


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
