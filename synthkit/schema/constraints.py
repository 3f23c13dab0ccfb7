"""Rules that every row obeys, as frozen values: what follows, what comes first, what is barred.

A rule is public knowledge, signed with the schema; none is ever read from real rows. Three kinds:
`Follows` (functional dependency), `Order` (inequalities along a chain) and `Implies` (fixed zeros:
what holds of one column when something holds of another). `column_names` and `in_words` serve all
three. A rule speaks of learned columns alone, for only those are sampled.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool | datetime.date | datetime.datetime
"""A cell of a column, in the column's own type; None stands for missing where that is possible."""
Pairs: TypeAlias = tuple[tuple[tuple[Value | None, ...], Value | None], ...]
"""Values of the determining columns, then the value that follows."""


@dataclass(frozen=True, kw_only=True)
class ValueSet:
    """A set of values of one column; says of each cell, missing ones too, whether it is in it."""

    column: str
    values: tuple[Value, ...] = ()
    """The values, or with `excluded` all others."""
    excluded: bool = False
    bounds: tuple[Value | None, Value | None] | None = None
    """Lowest and highest value, both inclusive; None: open. Numbers and times, without `values`."""
    missing: bool = False
    """Whether a missing cell is in the set."""


@dataclass(frozen=True, kw_only=True)
class Follows:
    """A column is a function of others: rows that agree in `of` agree in `column`.

    Missing counts as a value of its own on both sides.
    """

    column: str
    of: tuple[str, ...]
    """Columns with categories, or true and false."""
    known: Pairs = ()
    """What is publicly known of the function."""
    learned: Pairs = ()
    """The rest of it, as a fitted model has it; written by a fit, and ignored by the next one."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """Of each row, the values of these columns that are not missing ascend."""

    columns: tuple[str, ...]
    strict: bool = False
    """True: no two of them are equal."""


@dataclass(frozen=True, kw_only=True)
class Implies:
    """Where `when` holds, `then` holds; with `exactly`, nowhere else."""

    when: ValueSet
    then: ValueSet
    exactly: bool = False


Constraint: TypeAlias = Follows | Order | Implies


def column_names(constraint: Constraint) -> tuple[str, ...]:
    """Names the columns that a rule speaks of, those that decide first."""
    match constraint:
        case Follows():
            return (*constraint.of, constraint.column)
        case Order():
            return constraint.columns
        case Implies():
            return constraint.when.column, constraint.then.column


def in_words(constraint: Constraint) -> str:
    """Says a rule in one sentence without a full stop; from the schema alone."""
    match constraint:
        case Follows():
            text = f"{constraint.column} follows {' and '.join(constraint.of)}"
            if constraint.known:
                n = len(constraint.known)
                text += f" ({n:,} {'value' if n == 1 else 'values'} publicly known)"
            return text
        case Order():
            return (" < " if constraint.strict else " <= ").join(constraint.columns)
        case Implies():
            word = "exactly when" if constraint.exactly else "whenever"
            return f"{set_in_words(constraint.then)} {word} {set_in_words(constraint.when)}"


def set_in_words(values: ValueSet) -> str:
    """Says in words which cells a set holds."""
    name = values.column
    if values.bounds is not None:
        low, high = values.bounds
        if high is None:
            text = f"{name} is {low} or more"
        elif low is None:
            text = f"{name} is at most {high}"
        else:
            text = f"{name} is {low} to {high}" if low != high else f"{name} is {low}"
        return f"{text} or missing" if values.missing else text
    listed = _listed(values.values)
    if values.excluded:
        if not listed:
            return f"{name} is not missing"
        return f"{name} is not {listed}{'' if values.missing else ' and not missing'}"
    if not listed:
        return f"{name} is missing"
    return f"{name} is {listed}{' or missing' if values.missing else ''}"


_MOST_LISTED = 8


def _listed(values: tuple[Value, ...]) -> str:
    texts = [str(v).lower() if isinstance(v, bool) else str(v) for v in values]
    if len(texts) > _MOST_LISTED:
        return f"one of {len(texts)} values"
    return texts[0] if len(texts) == 1 else " or ".join(texts)
