"""Declares and checks the options of a generator, and the budget it is given.

Takes the user's mapping, gives a complete one with defaults; all problems at once.
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthkit.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option: its default decides its type; `low` and `high` are inclusive."""

    name: str
    default: float | int | str
    low: float = 0
    high: float = 0
    meaning: str
    above_low: bool = False
    """True: `low` itself is not allowed."""
    automatic: float | None = None
    """A number outside the range by which the generator chooses for itself."""
    choices: tuple[str, ...] = ()
    """What an option whose default is a word may be."""

    def problem(self, value: object) -> str | None:
        """Says in one sentence what is wrong with `value`; None if nothing is."""
        if isinstance(self.default, str):
            return None if value in self.choices else f"{self.name} must be {self.values}"
        kind = numbers.Integral if isinstance(self.default, int) else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind):
            word = "a whole number" if kind is numbers.Integral else "a number"
            return f"{self.name} must be {word}"
        number = float(value)
        if number == self.automatic:
            return None
        too_low = number <= self.low if self.above_low else number < self.low
        if not math.isfinite(number) or too_low or number > self.high:
            return f"{self.name} must be {self.values}"
        return None

    @property
    def values(self) -> str:
        """What the option may be, in words."""
        if isinstance(self.default, str):
            return _either(self.choices)
        least = "more than" if self.above_low else "at least"
        or_else = "" if self.automatic is None else f", or {self.automatic:g}"
        low, high = (f"{x:,.0f}" if x == round(x) else f"{x:g}" for x in (self.low, self.high))
        return f"{least} {low} and at most {high}{or_else}"


def _either(choices: Sequence[str]) -> str:
    return " or ".join(choices)


def validate(
    given: Mapping[str, Any], declared: Sequence[Option], *, generator: str
) -> dict[str, float | int | str | bool]:
    """Returns all declared options, those of `given` in place of the defaults.

    Raises:
        InputError: On unknown names and on values out of range; `details` has every problem.
    """
    known = {option.name: option for option in declared}
    problems = []
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            problems.append(
                f"unknown option {name!r}" + (f" (did you mean {near[0]!r}?)" if near else "")
            )
    for name, option in known.items():
        problem = option.problem(given[name]) if name in given else None
        if problem:
            problems.append(problem)
    if problems:
        found = problems[0] if len(problems) == 1 else f"{len(problems)} problems"
        raise InputError(
            f"The options of generator {generator!r} cannot be used: {found}.",
            hint=f"`synthkit list options {generator}` lists what there is.",
            details=problems if len(problems) > 1 else (),
        )
    return {
        name: type(option.default)(given.get(name, option.default))
        for name, option in known.items()
    }


def check_budget(
    *, epsilon: float | None, delta: float, n_tables: int, rows_per_unit: int = 1
) -> None:
    """Refuses budgets that mean nothing.

    Raises:
        InputError: Unless 0 < epsilon < infinity, 0 < delta < 1, n_tables >= 1 and
            1 <= rows_per_unit <= 1000.
    """
    if epsilon is None or not (math.isfinite(epsilon) and epsilon > 0):
        raise InputError("epsilon must be a positive number.", hint="For example epsilon 1.")
    if not 0 < delta < 1:
        raise InputError("delta must lie between 0 and 1.", hint="For example delta 1e-6.")
    if n_tables < 1:
        raise InputError(
            "There is no column to learn.", hint="Declare at least one column that is encoded."
        )
    if isinstance(rows_per_unit, bool) or not 1 <= rows_per_unit <= 1000:
        raise InputError(
            "rows_per_unit must be a whole number from 1 to 1000.",
            hint="1 is the least noise; more lets people with many rows weigh more.",
        )
