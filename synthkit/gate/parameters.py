"""What a rule's parameters may be, as data: a number in a range, a flag, a choice of words.

A rule file says `PARAMETERS = {"limit": Number(low=0.0, high=1.0)}`; the policy reader checks
every parameter against it, and documentation can be written from it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Value = float | int | bool | tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Number:
    """A finite number from `low` to `high`, both inclusive."""

    low: float
    high: float
    is_integer: bool = False

    @property
    def expected(self) -> str:
        """What is allowed, as words."""
        kind = "a whole number" if self.is_integer else "a number"
        return f"{kind} from {self.low:g} to {self.high:g}"

    def read(self, value: Any) -> Value:
        """Returns the value as a float (or int).

        Raises:
            ValueError: If it is no such number.
        """
        kinds = int if self.is_integer else int | float
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(self.expected)
        if not math.isfinite(value) or not self.low <= value <= self.high:
            raise ValueError(self.expected)
        return int(value) if self.is_integer else float(value)


@dataclass(frozen=True, kw_only=True)
class Flag:
    """`true` or `false`."""

    @property
    def expected(self) -> str:
        """What is allowed, as words."""
        return "true or false"

    def read(self, value: Any) -> Value:
        """Returns the flag.

        Raises:
            ValueError: If it is neither true nor false.
        """
        if not isinstance(value, bool):
            raise ValueError(self.expected)
        return value


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A non-empty list of words out of `options`."""

    options: tuple[str, ...]

    @property
    def expected(self) -> str:
        """What is allowed, as words."""
        return f"a list out of {', '.join(self.options)}"

    def read(self, value: Any) -> Value:
        """Returns the chosen words, in the order of `options`.

        Raises:
            ValueError: If it is no list, empty, or names something else.
        """
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(self.expected)
        if any(not isinstance(v, str) or v not in self.options for v in value):
            raise ValueError(self.expected)
        return tuple(o for o in self.options if o in value)


Parameter = Number | Flag | Choice


class Unusable(ValueError):  # noqa: N818 (named for the situation)
    """Parameters of one rule that cannot be used; `problems` maps each name to a sentence."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(self.problems.values()))


def read(allowed: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Value]:
    """Checks the parameters of one rule.

    Args:
        allowed: The rule's `PARAMETERS`.
        given: Names and values as the policy has them.

    Raises:
        Unusable: If one is unknown, missing or out of range; it holds all problems.
    """
    problems: dict[str, str] = {}
    for name in given:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1)
            listed = ", ".join(allowed) or "none"
            meant = f"did you mean {near[0]!r}?" if near else f"its parameters: {listed}"
            problems[name] = f"the rule has no parameter {name!r}; {meant}"
    found: dict[str, Value] = {}
    for name, parameter in allowed.items():
        if name not in given:
            problems[name] = f"the parameter {name!r} is missing; {parameter.expected} is expected"
            continue
        try:
            found[name] = parameter.read(given[name])
        except ValueError:
            problems[name] = f"{parameter.expected} is expected"
    if problems:
        raise Unusable(problems)
    return found
