"""Who enters a step of DP-SGD, over ten thousand steps: independent coins of probability q.

Every test is at alpha 1e-6 over all units or pairs together (Bonferroni); power is stated where a
sampler that others ship is planted. Per-row fairness and the spread of batch sizes are tested in
tests/generate/test_poisson.py.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from synthkit.generate.poisson import PoissonUnits
from synthkit.privacy.mechanism import secret_torch_generator

ALPHA = 1e-6
DRAWS, RATE = 10_000, 0.05
ROWS_OF_UNIT = np.array([1] * 20 + [2] * 10 + [5] * 6 + [40] * 4)
UNITS = np.repeat(np.arange(len(ROWS_OF_UNIT)), ROWS_OF_UNIT)
N_UNITS = len(ROWS_OF_UNIT)
CATEGORY_OF_UNIT = (np.arange(N_UNITS) >= 36).astype(int)
"""A column of two categories; the four units with most rows are the rare one."""


class _Planted(PoissonUnits):
    """Gives the first row of each unit that enters."""

    def _rows(self, units: torch.Tensor) -> torch.Tensor:
        return self._order[self._starts[units]]


class BySampledCategory(_Planted):
    """Planted fault: CTGAN's training-by-sampling. A category first, by log-frequency, then units
    of that category; batches have the right size on average.
    """

    def draw(self) -> torch.Tensor:
        counts = np.bincount(CATEGORY_OF_UNIT)
        shares = torch.as_tensor(np.log1p(counts) / np.log1p(counts).sum())
        category = int(self._uniform(1) < shares[1])
        members = torch.as_tensor(np.flatnonzero(category == CATEGORY_OF_UNIT))
        rate = min(1.0, RATE * N_UNITS / len(members))
        return self._rows(members[self._uniform(len(members)) < rate])


class FixedSize(_Planted):
    """Planted fault: q n units without replacement, charged as Poisson."""

    def draw(self) -> torch.Tensor:
        return self._rows(self._uniform(N_UNITS).argsort()[: int(RATE * N_UNITS)])


class ShuffledEpochs(_Planted):
    """Planted fault: a shuffled pass over all units, cut into batches (a DataLoader's default)."""

    left = torch.zeros(0, dtype=torch.long)

    def draw(self) -> torch.Tensor:
        if not len(self.left):
            self.left = self._uniform(N_UNITS).argsort()
        size = int(RATE * N_UNITS)
        units, self.left = self.left[:size], self.left[size:]
        return self._rows(units)


class ByNumberOfRows(_Planted):
    """Planted fault: units enter the more often the more rows they have; q on average."""

    def draw(self) -> torch.Tensor:
        weights = torch.as_tensor(ROWS_OF_UNIT**0.5)
        rates = RATE * weights / weights.mean()
        return self._rows((self._uniform(N_UNITS) < rates).nonzero().squeeze(1))


def _entered(kind: type[PoissonUnits]) -> np.ndarray:
    """Which units entered which step, shape (DRAWS, N_UNITS), 0 or 1."""
    sampler = kind(UNITS, sample_rate=RATE, generator=secret_torch_generator("cpu"))
    entered = np.zeros((DRAWS, N_UNITS))
    for step in range(DRAWS):
        entered[step, UNITS[sampler.draw().numpy()]] = 1
    return entered


def rates_are_right(entered: np.ndarray) -> bool:
    """Each unit's count ~ Binomial(DRAWS, q). Power > 0.99 where a rate is 1.4 times q."""
    counts = entered.sum(axis=0)
    tails = [scipy.stats.binomtest(int(c), DRAWS, RATE).pvalue for c in counts]
    return min(tails) > ALPHA / N_UNITS


def units_are_independent(entered: np.ndarray) -> bool:
    """Joint counts of all pairs ~ Binomial(DRAWS, q^2), and of all units together.

    A fixed batch hardly moves a single pair (a joint rate of q^2 / 2 at q n = 2), but the pairs'
    sum is then a constant; its variance decides: the number of units per step ~ Binomial(n, q).
    """
    joint = entered.T @ entered
    pairs = joint[np.triu_indices(N_UNITS, 1)]
    tails = (
        scipy.stats.binom.cdf(pairs, DRAWS, RATE**2),
        scipy.stats.binom.sf(pairs - 1, DRAWS, RATE**2),
    )
    sizes = np.bincount(entered.sum(axis=1).astype(int), minlength=7)
    expected = scipy.stats.binom.pmf(np.arange(6), N_UNITS, RATE)
    seen = np.append(sizes[:6], sizes[6:].sum())
    law = np.append(expected, 1 - expected.sum()) * DRAWS
    least = min(
        2 * len(pairs) * float(np.minimum(*tails).min()),
        float(scipy.stats.chisquare(seen, law).pvalue),
    )
    return least > ALPHA / 2


def steps_are_independent(entered: np.ndarray) -> bool:
    """A unit enters two steps in a row ~ at rate q^2. Power > 0.999 against shuffled epochs.

    The sum over units and steps has mean n (DRAWS - 1) q^2 = 1,000 and variance 1,092 (runs of
    three overlap); in shuffled epochs a unit returns at once only over a seam, about 50 times.
    """
    again = float((entered[1:] * entered[:-1]).sum())
    n = N_UNITS * (DRAWS - 1)
    mean, variance = n * RATE**2, n * (RATE**2 + 2 * RATE**3 - 3 * RATE**4)
    return abs(again - mean) < scipy.stats.norm.isf(ALPHA / 2) * variance**0.5


def rows_do_not_matter(entered: np.ndarray) -> bool:
    """Counts of units grouped by their number of rows have equal rates (chi-square)."""
    counts = entered.sum(axis=0)
    kinds = np.unique(ROWS_OF_UNIT)
    came = np.array([counts[k == ROWS_OF_UNIT].sum() for k in kinds])
    could = np.array([DRAWS * (k == ROWS_OF_UNIT).sum() for k in kinds])
    return bool(scipy.stats.chi2_contingency([came, could - came]).pvalue > ALPHA)


CHECKS = (rates_are_right, units_are_independent, steps_are_independent, rows_do_not_matter)


def test_units_enter_by_independent_coins_whatever_their_rows() -> None:
    entered = _entered(PoissonUnits)
    assert [check.__name__ for check in CHECKS if not check(entered)] == []


@pytest.mark.parametrize(
    ("twin", "seen_by"),
    [
        (BySampledCategory, rates_are_right),
        (BySampledCategory, units_are_independent),
        (FixedSize, units_are_independent),
        (ShuffledEpochs, steps_are_independent),
        (ByNumberOfRows, rows_do_not_matter),
    ],
)
def test_a_sampler_that_others_ship_is_caught(twin, seen_by) -> None:
    assert not seen_by(_entered(twin))


def test_a_person_s_rows_move_nobody_else_in_or_out() -> None:
    # The same coins with one row of the last unit, then with forty: the others come alike.
    def others(rows_of_last: int) -> list[set[int]]:
        units = np.append(np.arange(30), np.full(rows_of_last, 30))
        generator = torch.Generator().manual_seed(9)
        steps = []
        for _ in range(200):
            sampler = PoissonUnits(units, sample_rate=RATE, generator=generator)
            state = generator.get_state()
            entered = set(units[sampler.draw().numpy()].tolist()) - {30}
            generator.set_state(state)
            torch.rand(1, generator=generator)
            steps.append(entered)
        return steps

    assert others(1) == others(40)
    assert sum(map(len, others(1))) > 100


def test_coins_are_finer_than_float32() -> None:
    # float32 draws are multiples of 2^-24: a coin of probability 1e-9 would fall 60 times too
    # often.
    sampler = PoissonUnits(UNITS, sample_rate=RATE, generator=secret_torch_generator("cpu"))
    steps_of_float32 = sampler._uniform(50) * 2**24
    assert bool((steps_of_float32 % 1 != 0).any())
