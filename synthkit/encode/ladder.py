"""The public ladder of round steps of a numeric column, and how round a value is by it.

Steps are 1 and 5 times powers of ten, each a multiple of the next: ..., 100, 50, 10, 5, 1, .5, .1,
... from a quarter of the range of the public bounds down to the declared decimals. The level of a
value is the coarsest step that it is a multiple of, so every value has one level, and the values
of one level can be counted and numbered in closed form: multiples of a step without those of the
next coarser one. Numpy only; touches no row by itself.

Numbers that went through short floats are no longer exact (.9 became .89999962, 37.4 became
37.39844). Where the declared decimals leave room for that, a value counts as a multiple that is
within a small part of the step, and within the rounding of half precision, of one.

Where every multiple of the lattice counts, a value also has an ending: what is left of it after
whole periods of a hundred (or ten) positions, 99 of a price of 12.99. Endings that are told
(`endings`) are classes beside the levels, and their values no longer of the level they had.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from synthkit.encode.line import Line

MOST_STEPS = 16
PERIODS = (100, 10)
"""Endings repeat after so many positions of the lattice: the first of these that is a step."""
RANGE_SHARE = 0.25
"""The coarsest step is at most this share of the range: a heap has several places."""
MOST_DECIMALS = 6
LARGEST_EXPONENT = 15
"""Doubles hold every multiple of a coarser power of ten up to 2^53 only."""
STEP_TOLERANCE = 0.053
"""Of a step: as much as decimals of two digits lose; no round part of a step lies at its edge."""
VALUE_TOLERANCE = 2.0**-12
"""Relative error that a number keeps from a float of 12 bits."""
ARTEFACT_DECIMALS = 4
"""A column that declares fewer decimals has no room for artefacts: 9.99 is not 10."""
MOST_MULTIPLES = 2**40
"""A float that is so many steps away from zero has no digit to tell a multiple by."""


@dataclass(frozen=True)
class Ladder:
    """Steps from coarse to fine; levels are numbered along, the last one is "none of them"."""

    digits: tuple[int, ...]
    """1 or 5 of each step, shape (n_steps,)."""
    exponents: tuple[int, ...]
    """Power of ten of each step, in units of positions on a lattice."""
    is_lattice: bool
    is_tolerant: bool
    """Whether values near a multiple count as one."""
    endings: tuple[int, ...] = ()
    """Remainders by `period` whose values are a class of their own, ascending."""

    @property
    def n_levels(self) -> int:
        """Number of levels, "none" included."""
        return len(self.digits) + 1

    @property
    def n_classes(self) -> int:
        """Number of classes: levels, then endings."""
        return self.n_levels + len(self.endings)

    @property
    def is_closed(self) -> bool:
        """Whether "none" is a level like others: all other positions of the lattice."""
        return self.is_lattice and not self.is_tolerant and self.ratio(self.n_levels - 1) > 0

    @cached_property
    def period(self) -> int:
        """After how many positions endings repeat; 0 where they are not looked at."""
        steps = self.steps.tolist() if self.is_closed else []
        return next((p for p in PERIODS if p in steps), 0)

    @cached_property
    def remainders(self) -> tuple[np.ndarray | None, ...]:
        """Remainders by `period` of the members of each class, ascending, shape (n_classes,).

        None for levels whose members are numbered by their step: without endings, all.
        """
        if not self.endings:
            return (None,) * self.n_levels
        own = np.array(self.endings)
        every = np.setdiff1d(np.arange(1, self.period), own)
        levels = self.levels(every)
        fine = [None if s % self.period == 0 else every[levels == k] for k, s in self._finer]
        return (*fine, *own[:, None])

    @property
    def _finer(self) -> list[tuple[int, int]]:
        """Levels and their steps; "none" has steps of one."""
        return list(enumerate([*self.steps.tolist(), 1]))

    @cached_property
    def steps(self) -> np.ndarray:
        """Steps in positions, shape (n_steps,), int64 (lattice) or float64."""
        pairs = zip(self.digits, self.exponents, strict=True)
        if self.is_lattice:
            return np.array([d * 10**e for d, e in pairs], dtype=np.int64)
        return np.array([float(f"{d}e{e}") for d, e in pairs])

    def ratio(self, level: int) -> int:
        """Returns how many steps of a level make the next coarser one: 2, 5, or 0 for none.

        "None" has a ratio where the finest step is 2 or 5 positions of a lattice.
        """
        if level == 0:
            return 0
        if level == self.n_levels - 1:
            finest = int(self.steps[-1]) if self.is_lattice else 0
            return finest if finest in (2, 5) else 0
        return 2 if self.digits[level - 1] == 1 else 5

    def levels(self, positions: np.ndarray) -> np.ndarray:
        """Returns the level of each position, shape (n_rows,), int64, 0 to n_levels - 1.

        Zero is a multiple of anything and says nothing: it is of no step.
        """
        found = np.full(positions.size, self.n_levels - 1, dtype=np.int64)
        is_open = positions != 0
        for level, step in enumerate(self.steps):
            is_multiple = is_open & self._is_multiple(positions, step)
            found[is_multiple] = level
            is_open &= ~is_multiple
        return found

    def classes(self, positions: np.ndarray) -> np.ndarray:
        """Returns the class of each position, shape (n_rows,): its ending if told, or its level."""
        found = self.levels(positions)
        if self.endings:
            remainders = positions % self.period
            for i, ending in enumerate(self.endings):
                found[remainders == ending] = self.n_levels + i
        return found

    def _is_multiple(self, positions: np.ndarray, step: np.int64 | np.float64) -> np.ndarray:
        if not self.is_tolerant:
            return np.asarray(positions % step == 0)
        with np.errstate(over="ignore"):
            times = np.rint(positions / step)
            gaps = np.abs(positions - times * step)
        is_told = (times != 0) & (np.abs(times) <= MOST_MULTIPLES)
        return np.asarray(is_told & (gaps <= self.tolerance(np.abs(positions), float(step))))

    def tolerance(self, magnitudes: np.ndarray, step: float) -> np.ndarray:
        """Returns how far from a multiple of a step a value may be, in positions."""
        if not self.is_tolerant:
            return np.zeros_like(magnitudes, dtype=np.float64)
        near = np.minimum(STEP_TOLERANCE * step, VALUE_TOLERANCE * magnitudes)
        return np.asarray(np.floor(near) if self.is_lattice else near)

    def values(self, level: int | np.ndarray, times: np.ndarray) -> np.ndarray:
        """Returns so many times the step of a level, as positions; correctly rounded floats.

        Args:
            level: One level, or one for each number, below n_levels - 1.
            times: Whole numbers, shape (n,).
        """
        if self.is_lattice:
            return np.asarray(times * self.steps[level])
        tens = np.array(self.exponents)[level]
        whole = times * np.array(self.digits)[level].astype(np.float64)
        # Powers of ten up to 10^22 are exact doubles, so that one operation rounds once.
        up, down = 10.0 ** np.maximum(tens, 0), 10.0 ** np.maximum(-tens, 0)
        return np.asarray(whole * up / down) + 0.0


def ladder_of(line: Line, *, decimals: int, is_integer: bool) -> Ladder | None:
    """Builds the ladder of a column from its public grid alone.

    Args:
        line: Of the column; only its ends count.
        decimals: A position of a lattice is 10^-decimals; 0 where positions are values.
        is_integer: Whether the column holds whole numbers.

    Returns:
        None where every value has a cell of its own, or no step lies between range and precision.
    """
    scale = decimals if line.is_lattice else 0
    reach = float(line.upper) * RANGE_SHARE - float(line.starts[0]) * RANGE_SHARE
    if line.is_exact or not reach > 0:
        return None
    top = min(math.floor(math.log10(reach)), LARGEST_EXPONENT + scale)
    finest = max(0, scale - MOST_DECIMALS) if line.is_lattice else -MOST_DECIMALS
    steps = [
        (digit, exponent)
        for exponent in range(top, finest - 1, -1)
        for digit in (5, 1)
        if digit * 10.0**exponent <= reach
    ]
    if line.is_lattice and steps and steps[-1] == (1, 0):
        steps.pop()  # every position is a multiple of it
    steps = steps[:MOST_STEPS]
    if not steps:
        return None
    digits, exponents = zip(*steps, strict=True)
    is_tolerant = not is_integer and not (line.is_lattice and decimals < ARTEFACT_DECIMALS)
    return Ladder(digits, exponents, line.is_lattice, is_tolerant)
