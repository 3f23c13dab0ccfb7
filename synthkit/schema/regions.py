"""Sets of values of one column, closed under intersection and complement.

In: a column and the `ValueSet`s of its rules. Out: `Region`s. Values on a line are held as
positions, whole numbers wherever the column's values lie on a lattice (integers, days, seconds,
multiples of 10^-decimals), so that the complement of a closed interval is closed as well; a float
without declared decimals takes the next float. Pure: schema facts alone.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias, cast

from synthkit.schema.constraints import Value, ValueSet
from synthkit.schema.model import CATEGORY_KINDS, NUMERIC_KINDS, TIME_KINDS, Column

Position: TypeAlias = int | float
Span: TypeAlias = tuple[Position, Position]

EPOCH = datetime.datetime(1970, 1, 1)
LARGEST_EXACT = 2**53
"""Above this, doubles no longer hold every whole number: decimals mean nothing there."""
_LIMITS: dict[str, tuple[Value, Value]] = {
    "integer": (-(2**62), 2**62),
    "float": (-1e300, 1e300),
    "date": (datetime.date(1, 1, 1), datetime.date(9999, 12, 31)),
    "datetime": (datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)),
}


class Unlisted:
    """Stands for every value of a column that neither its schema nor a rule names."""

    def __repr__(self) -> str:
        return "another value"


UNLISTED = Unlisted()


@dataclass(frozen=True)
class Region:
    """A set of values of one column: listed ones, or closed spans on a line; and maybe missing."""

    items: tuple[object, ...] = ()
    """In the domain's order; columns with categories, true and false."""
    spans: tuple[Span, ...] = ()
    """Disjoint and ascending; numbers and times."""
    missing: bool = False

    @property
    def has_values(self) -> bool:
        """Whether it holds a value that is not missing."""
        return bool(self.items or self.spans)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it."""
        return not (self.has_values or self.missing)

    def __and__(self, other: Region) -> Region:
        held = set(other.items)
        return Region(
            items=tuple(i for i in self.items if i in held),
            spans=tuple(
                (max(a, c), min(b, d))
                for a, b in self.spans
                for c, d in other.spans
                if max(a, c) <= min(b, d)
            ),
            missing=self.missing and other.missing,
        )

    def is_within(self, other: Region) -> bool:
        """Whether everything in it is in `other` too."""
        return (self & other) == self


def is_on_line(column: Column) -> bool:
    """Whether the column's values are numbers or times."""
    return column.kind in (*NUMERIC_KINDS, *TIME_KINDS)


def has_decimals(column: Column) -> bool:
    """Whether a float column's values are multiples of 10^-decimals that doubles can hold."""
    if column.kind != "float" or column.decimals is None:
        return False
    ends = [abs(cast("float", b)) for b in column.bounds or (0.0, 0.0)]
    return bool(max(ends) * 10**column.decimals <= LARGEST_EXACT)


def position(column: Column, value: Value, *, up: bool) -> Position:
    """Returns a value's place on the line; between two places, the upper (or lower) one."""
    if column.kind == "integer" or has_decimals(column):
        exact = Fraction(Decimal(str(value))) * int(10 ** (column.decimals or 0))
        return math.ceil(exact) if up else math.floor(exact)
    if column.kind == "float":
        return float(cast("float", value))
    moment = cast("datetime.date", value)
    if column.kind == "date":
        day = moment.toordinal()
        at_midnight = not isinstance(moment, datetime.datetime) or moment.time() == datetime.time()
        return day if at_midnight or not up else day + 1
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime.combine(moment, datetime.time())
    since = moment.replace(tzinfo=None) - EPOCH
    second = datetime.timedelta(seconds=1)
    return -(-since // second) if up else since // second


def value_at(column: Column, place: Position) -> Value:
    """Returns the value at a place, in the column's own type."""
    if column.kind == "integer":
        return int(place)
    if column.kind == "float":
        return float(place) / 10 ** cast("int", column.decimals) if has_decimals(column) else place
    if column.kind == "date":
        return datetime.date.fromordinal(int(place))
    return EPOCH + datetime.timedelta(seconds=int(place))


def after(column: Column, place: Position) -> Position:
    """Returns the next place above one."""
    is_fine = column.kind == "float" and not has_decimals(column)
    return math.nextafter(place, math.inf) if is_fine else int(place) + 1


def before(column: Column, place: Position) -> Position:
    """Returns the next place below one."""
    is_fine = column.kind == "float" and not has_decimals(column)
    return math.nextafter(place, -math.inf) if is_fine else int(place) - 1


def domain(column: Column, named: Iterable[Value] = ()) -> Region:
    """Returns everything that a column can hold.

    Args:
        column: Without bounds or categories where they are yet to be bought: then any value, of
            categories those that rules name and one that stands for all others.
        named: Values that rules name.
    """
    if column.kind == "boolean":
        return Region(items=(False, True), missing=column.nullable)
    if column.kind in CATEGORY_KINDS:
        listed: tuple[object, ...] = column.categories or ()
        if column.categories is None:
            listed = (*dict.fromkeys(named), UNLISTED)
        return Region(items=listed, missing=column.nullable)
    low, high = column.bounds or _LIMITS[column.kind]
    spans = ((position(column, low, up=True), position(column, high, up=False)),)
    return Region(spans=spans if spans[0][0] <= spans[0][1] else (), missing=column.nullable)


def region(column: Column, values: ValueSet, inside: Region) -> Region:
    """Returns what of a column's domain is in a set of values."""
    missing = values.missing and inside.missing
    if not is_on_line(column):
        held = set(values.values)
        items = tuple(i for i in inside.items if (i in held) != values.excluded)
        return Region(items=items, missing=missing)
    if values.bounds is not None:
        low, high = values.bounds
        first = -math.inf if low is None else position(column, low, up=True)
        last = math.inf if high is None else position(column, high, up=False)
        given: tuple[Span, ...] = ((first, last),) if first <= last else ()
        return dataclasses.replace(inside & Region(spans=given), missing=missing)
    points = sorted({position(column, v, up=True) for v in values.values})
    # A value between two places of the lattice is none of the column's values.
    points = [p for p in points if any(value_at(column, p) == v for v in values.values)]
    found = inside & Region(spans=tuple((p, p) for p in points))
    if values.excluded:
        found = complement(column, found, inside)
    return dataclasses.replace(found, missing=missing)


def complement(column: Column, of: Region, inside: Region) -> Region:
    """Returns what of the domain is not in a region, missing included."""
    missing = inside.missing and not of.missing
    if not is_on_line(column):
        held = set(of.items)
        return Region(items=tuple(i for i in inside.items if i not in held), missing=missing)
    left: list[Span] = []
    for first, last in inside.spans:
        start = first
        for a, b in of.spans:
            if b < start or a > last:
                continue
            if a > start:
                left.append((start, before(column, a)))
            start = after(column, b)
        if start <= last:
            left.append((start, last))
    return Region(spans=tuple(left), missing=missing)
