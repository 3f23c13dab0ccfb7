"""What can be wrong with one column of a schema file, and its bounds in the column's own type.

Takes the form of a column, gives problems at their place within it, each a sentence that follows
the column's name.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from synthkit.schema.model import (
    CATEGORY_KINDS,
    NUMERIC_KINDS,
    TIME_KINDS,
    Bound,
    Column,
    Kind,
)

if TYPE_CHECKING:
    from synthkit.schema.yaml_form import BoundForm, ColumnForm

Problem = tuple[tuple[str | int, ...], str]
MAX_DECIMALS = 12


def is_encoded(column: ColumnForm) -> bool:
    """Whether generators will learn the column."""
    return Column(name=column.name, kind=column.kind, role=column.role).is_encoded


def column_problems(column: ColumnForm, missing: Sequence[str]) -> Iterator[Problem]:
    """Yields what is wrong with one column."""
    if not column.name.strip():
        yield ("name",), "must have a name"
    elif column.name != column.name.strip():
        yield ("name",), "must not begin or end with a space"
    for i, token in enumerate(column.missing):
        if token != token.strip() or not token:
            yield ("missing", i), "has a blank or padded missing token; blank is always missing"
    if column.date_order is not None and column.kind not in TIME_KINDS:
        yield ("date_order",), f"is {column.kind}; only date and datetime columns have an order"
    if column.decimals is not None and column.kind != "float":
        yield ("decimals",), f"is {column.kind}; only float columns have decimals"
    elif column.decimals is not None and not 0 <= column.decimals <= MAX_DECIMALS:
        yield ("decimals",), f"must have between 0 and {MAX_DECIMALS} decimals"
    yield from _bound_problems(column)
    yield from _category_problems(column, {*missing, *column.missing})


def _bound_problems(column: ColumnForm) -> Iterator[Problem]:
    takes_bounds = column.kind in (*NUMERIC_KINDS, *TIME_KINDS)
    if column.bounds is None:
        if takes_bounds and is_encoded(column) and column.source != "data":
            yield (), f"is {column.kind} and needs bounds: [lowest, highest]; or write from: data"
        return
    if not takes_bounds:
        yield ("bounds",), f"is {column.kind}; only numbers, dates and datetimes have bounds"
        return
    try:
        low, high = (bound_of(b, column.kind, is_high=i == 1) for i, b in enumerate(column.bounds))
    except ValueError as error:
        yield ("bounds",), str(error)
        return
    if low > high:  # type: ignore[operator]  # both are of the column's own type
        yield ("bounds",), "has its bounds reversed: the lower one comes first"


def bound_of(value: BoundForm, kind: Kind, *, is_high: bool) -> Bound:
    """Turns a written bound to the column's own type.

    Raises:
        ValueError: Saying how the bounds must be written.
    """
    if kind in NUMERIC_KINDS:
        if not isinstance(value, int | float):
            raise ValueError(f"is {kind}; its bounds must be numbers")
        if not math.isfinite(value):
            raise ValueError("must have finite bounds")
        if kind == "float":
            return float(value)
        if value != int(value):
            raise ValueError("is integer; its bounds must be whole numbers")
        if not -(2**63) <= value < 2**63:
            raise ValueError("has bounds that do not fit into 64 bits")
        return int(value)
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            value = 0
        else:
            is_midnight = value.time() == datetime.time() and value.tzinfo is None
            value = value.date() if is_midnight and kind == "date" else value
    if kind == "date":
        if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
            raise ValueError("is date; its bounds must be dates, written YYYY-MM-DD")
        return value
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        return value
    if isinstance(value, datetime.date):
        # A day as the upper bound means all of that day.
        at = datetime.time.max if is_high else datetime.time.min
        return datetime.datetime.combine(value, at)
    raise ValueError("is datetime; its bounds must be written YYYY-MM-DD HH:MM:SS")


def _category_problems(column: ColumnForm, missing: set[str]) -> Iterator[Problem]:
    categories = column.categories
    takes_categories = column.kind in CATEGORY_KINDS
    if categories is None:
        if takes_categories and is_encoded(column) and column.source != "data":
            yield (), f"is {column.kind} and needs its categories; or write from: data"
        return
    at = ("categories",)
    if not takes_categories:
        yield at, f"is {column.kind}; only categorical and ordinal columns have categories"
        return
    if not categories:
        yield at, "must have at least one category"
    if len({type(c) for c in categories}) > 1:
        yield at, "mixes numbers and text; put all of its categories in quotes"
    if any(isinstance(c, int) and not -(2**63) <= c < 2**63 for c in categories):
        yield at, "has categories that do not fit into 64 bits; put them in quotes"
    twice = [c for c, n in Counter(categories).items() if n > 1]
    if twice:
        yield at, f"has categories twice: {', '.join(repr(c) for c in twice)}"
    if any(isinstance(c, str) and c != c.strip() for c in categories):
        yield at, "has categories that begin or end with a space; cells are compared trimmed"
    if "" in categories:
        yield at, "has an empty category; empty cells are always missing (nullable: true)"
    both = [c for c in categories if str(c) in missing]
    if both:
        named = ", ".join(repr(c) for c in both)
        yield at, f"has categories that also mean missing: {named}; take them out of one list"
