"""Poisson sampling of privacy units: who enters a step of DP-SGD, decided in secret.

Takes the unit of each row, gives the rows of one step: every unit enters by its own coin of
probability q, and an entering unit is stood for by one of its rows (or up to k, where the plan
says so), drawn uniformly. A person with fifty rows enters as often as a person with one, so
amplification by Poisson sampling (Zhu and Wang 2019) holds at the level of persons.

The coins are not tossed one by one: how many units are passed over before the next one enters is
geometric, so a step costs q n draws and not n. See `passed_over` for why nothing is rounded.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from synthkit.privacy import mechanism

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    import torch

_CELL = 2.0**-53
"""Draws are multiples of this: each stands for all numbers from itself up to the next one."""
_ULPS = 16 * 2.0**-52
"""More than the relative error of two logarithms and a quotient in float64."""
_DIGITS = 120
"""Of the logarithms that decide: 265 bits are 80 digits."""
_FINER = 4
"""Further draws of 53 bits each that decide where one does not."""


class PoissonUnits:
    """Draws the rows of each step.

    Args:
        units: Index of the privacy unit of each row, integers, shape (n_rows,).
        sample_rate: q, the public probability with which each unit enters a step.
        generator: Secret generator (`synthkit.privacy.mechanism`); its device is where rows live.
        rows_per_unit: Most rows that stand for an entering unit.
    """

    def __init__(
        self,
        units: np.ndarray,
        *,
        sample_rate: float,
        generator: torch.Generator,
        rows_per_unit: int = 1,
    ) -> None:
        import torch

        order, starts, counts = _grouped(units)
        device = generator.device
        self._order = torch.as_tensor(order, device=device)  # (n_rows,) rows, unit by unit
        self._starts = torch.as_tensor(starts, device=device)  # (n_units,)
        self._counts = torch.as_tensor(counts, device=device)  # (n_units,)
        self._rate = sample_rate
        self._most = rows_per_unit
        self._generator = generator

    def draw(self) -> torch.Tensor:
        """Returns the row indices of one step, int64, shape (batch,); the batch may be empty."""
        # PRIVACY: looks at no cell; the draws are secret and never leave the step.
        picked = self._entered()  # (batch,)
        counts = self._counts[picked].long()
        if self._most > 1:
            rows = self._several(picked, counts)
        else:
            offset = (self._uniform(len(picked)) * counts).long()  # (batch,)
            rows = self._order[self._starts[picked] + offset.minimum(counts - 1)].long()
        shown: torch.Tensor = mechanism.shown("sampled_rows", {"rate": self._rate}, rows)
        return shown

    def _entered(self) -> torch.Tensor:
        """Tosses every unit's coin; returns those that enter, ascending, int64, (batch,)."""
        import torch

        n = len(self._starts)
        if self._rate >= 1:
            return torch.arange(n, device=self._generator.device)
        expected = self._rate * n
        # Enough draws at once for nearly every step; what lies beyond the last unit is dropped.
        block = math.ceil(expected + 6 * math.sqrt(expected) + 1)
        found, at = [], -1
        while at < n - 1:
            gaps = passed_over(self._uniform(block), self._rate, self._uniform, at_most=n)
            places = at + (gaps + 1).cumsum(0)  # (block,)
            found.append(places[places < n])
            at = int(places[-1])
        if not found:
            return torch.zeros(0, dtype=torch.int64, device=self._generator.device)
        return torch.cat(found)

    def _several(self, picked: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """Returns up to `rows_per_unit` rows of each picked unit, without repeats."""
        import torch

        owner = torch.arange(len(picked), device=picked.device).repeat_interleave(counts)
        first = counts.cumsum(0) - counts  # (batch,) place of each unit's first row below
        place = torch.arange(len(owner), device=picked.device)
        rows = self._order[self._starts[picked][owner] + place - first[owner]].long()
        # Sorted by unit, within it at random; the first `rows_per_unit` of each are kept. Two
        # sorts: one of owner + uniform could round a row into the next unit.
        order = self._uniform(len(owner)).argsort()
        shuffled = rows[order[owner[order].argsort(stable=True)]]
        kept: torch.Tensor = shuffled[place - first[owner] < self._most]
        return kept

    def _uniform(self, n: int) -> torch.Tensor:
        import torch

        # As whole numbers: `rand` gives multiples of 2^-53 on the CPU alone; CUDA rounds to others.
        place = self._generator.device
        whole = torch.randint(
            2**53, (n,), dtype=torch.int64, generator=self._generator, device=place
        )
        return whole.double() * 2.0**-53


def passed_over(
    drawn: torch.Tensor,
    rate: float,
    uniform: Callable[[int], torch.Tensor],
    *,
    at_most: int,
) -> torch.Tensor:
    """Turns uniform draws into the numbers of units passed over before the next one that enters.

    With V uniform on (0, 1), floor(ln V / ln(1 - q)) is at least k with probability (1 - q)^k: it
    is the number of coins of probability q that fall against entering before the first that does
    not (Devroye 1986, chapter X.2), and the coins of a step are independent because the numbers
    are. A draw of 53 bits stands for a cell of V of width 2^-53. Where the whole cell gives one
    number, by a margin that covers the rounding of the logarithms, that number is V's. Where it
    does not, or the cell touches 0, further bits of V are drawn and decide, in decimals of 120
    digits. So the number is that of a V of 265 bits: no coin's probability is off by more than
    2^-200, and nothing has to be allowed for in the accounting.

    Args:
        drawn: Uniform multiples of 2^-53 from 0 to below 1, float64, shape (n,).
        rate: q, between 0 and 1, both exclusive.
        uniform: Gives so many further draws of the same kind.
        at_most: Larger numbers may be given as this one (there are no more units).

    Returns:
        int64, shape (n,).
    """
    scale = math.log1p(-rate)
    high = drawn.log() / scale  # (n,) of the cell's lower end: the largest number within it
    low = (drawn + _CELL).log() / scale
    margin = high * _ULPS + 1e-300
    least, most = (low - margin).floor(), (high + margin).floor()
    beyond = least >= at_most
    numbers = least.clamp(min=0, max=at_most).long()
    unsure = ((least != most) & ~beyond).nonzero().squeeze(1)
    for place in unsure.tolist():
        exact = _exactly(float(drawn[place]), uniform(_FINER).tolist(), rate)
        numbers[place] = min(exact, at_most)
    return numbers


def _exactly(drawn: float, finer: list[float], rate: float) -> int:
    """Returns floor(ln V / ln(1 - q)) of V with the bits of `drawn`, then those of `finer`."""
    from decimal import Decimal, localcontext

    with localcontext() as context:
        context.prec = _DIGITS
        value, cell = Decimal(0), Decimal(1)
        for part in (drawn, *finer):
            value, cell = value + Decimal(part) * cell, cell * Decimal(_CELL)
        value += cell / 2  # the middle of the last cell: never 0
        return _floor(value.ln() / (1 - Decimal(rate)).ln())


def _floor(value: Decimal) -> int:
    from decimal import ROUND_FLOOR

    return int(value.to_integral_value(rounding=ROUND_FLOOR))


def _grouped(units: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorts rows by unit.

    Returns:
        The rows, unit by unit, shape (n_rows,); where each unit starts among them, and how many
        rows it has, both of shape (n_units,): int32 where that holds every row.
    """
    kind = np.int32 if len(units) < 2**31 else np.int64
    is_sorted = bool((units[1:] >= units[:-1]).all())
    # Rows are often in order already; a sort of many millions takes its time and memory.
    order = np.arange(len(units), dtype=kind) if is_sorted else _order(units).astype(kind)
    ranked = units if is_sorted else units[order]
    is_first = np.append(True, ranked[1:] != ranked[:-1])[: len(units)]
    starts = np.flatnonzero(is_first).astype(kind)
    return order, starts, np.diff(starts, append=kind(len(units)))


def _order(units: np.ndarray) -> np.ndarray:
    return np.argsort(units, kind="stable")
