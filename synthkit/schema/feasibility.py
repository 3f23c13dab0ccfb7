"""Whether any row can obey a set of rules, and one that does.

In: columns, rules, and what is already fixed of some columns. Out: a row, or that there is none.
Each rule that is no order is a choice among a few boxes of the domain (a rule `when S then T`
leaves "not S", or "S and T"); the search takes the rule with the fewest open choices first and
goes back from dead ends. Orders are checked within the box: taking the least possible value from
column to column along them finds a row if the box has one. Exact, unless the search ends at
`MOST_STEPS`; pure, and never looks at a row.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from synthkit.errors import ConfigError
from synthkit.schema import regions
from synthkit.schema.constraints import (
    Constraint,
    Follows,
    Implies,
    Order,
    Value,
    column_names,
    in_words,
)
from synthkit.schema.model import Column, Schema
from synthkit.schema.opening import opened_column
from synthkit.schema.regions import Position, Region

MOST_STEPS = 20_000
Box = dict[str, Region]
Row = dict[str, object]
"""Value of each column that a rule names; None: missing."""


@dataclass(frozen=True)
class Found:
    """What a search found."""

    row: Row | None
    """A row that obeys all rules; None: there is none, or the search was cut off."""
    is_complete: bool
    """Whether every possibility was looked at, or a row was found."""

    @property
    def is_impossible(self) -> bool:
        """Whether it is certain that no row obeys."""
        return self.row is None and self.is_complete


def find_row(
    columns: Mapping[str, Column],
    constraints: Sequence[Constraint],
    fixed: Mapping[str, Region] | None = None,
) -> Found:
    """Looks for a row that obeys all rules.

    Args:
        columns: By name, at least those that rules speak of.
        constraints: The rules; a `Follows` binds only where its function is known or learned.
        fixed: Further limits of some columns.
    """
    named = [name for c in constraints for name in column_names(c)]
    box = {
        n: regions.domain(columns[n], named_values(constraints, n)) for n in dict.fromkeys(named)
    }
    domains = dict(box)
    for name, limit in (fixed or {}).items():
        if name in box:
            box[name] = box[name] & limit
    search = _Search(columns, domains, [c for c in constraints if isinstance(c, Order)])
    choices = [_choices(c, columns, domains) for c in constraints if not isinstance(c, Order)]
    row = None if any(r.is_empty for r in box.values()) else search.run(box, choices)
    return Found(row, row is not None or search.steps < MOST_STEPS)


def is_impossible(
    constraints: Sequence[Constraint],
    columns: Mapping[str, Column],
    *,
    as_written: bool = False,
) -> bool:
    """Whether it is certain that no row of the domain obeys all rules.

    Args:
        constraints: The rules.
        columns: By name.
        as_written: Whether domains marked as read from the data bind, too; else they are open.
    """
    used = {n: columns[n] for c in constraints for n in column_names(c)}
    if not as_written:
        used = {
            name: opened_column(c) if c.domain_source == "data" else c for name, c in used.items()
        }
    return find_row(used, constraints).is_impossible


def require_possible(schema: Schema, *, as_written: bool) -> None:
    """Refuses rules that no row of a domain can obey.

    Args:
        schema: With the rules.
        as_written: Whether domains marked as read from the data bind, too.

    Raises:
        ConfigError: If it is certain that no row can.
    """
    columns = {c.name: c for c in schema.columns}
    if schema.constraints and is_impossible(schema.constraints, columns, as_written=as_written):
        raise ConfigError(
            "The schema's constraints bar every row: no row of its domain obeys all of them.",
            hint="Take one of them out, or widen bounds and categories.",
            details=[in_words(rule) for rule in schema.constraints],
        )


def named_values(constraints: Sequence[Constraint], name: str) -> list[Value]:
    """Lists the values of a column that rules name, bounds of ranges aside."""
    found: list[Value] = []
    for constraint in constraints:
        match constraint:
            case Implies():
                for part in (constraint.when, constraint.then):
                    found.extend(part.values if part.column == name else ())
            case Follows():
                pairs = (*constraint.known, *constraint.learned)
                if constraint.column == name:
                    found.extend(value for _, value in pairs if value is not None)
                if name in constraint.of:
                    i = constraint.of.index(name)
                    found.extend(v for v in (key[i] for key, _ in pairs) if v is not None)
    return list(dict.fromkeys(found))


def single(column: Column, value: Value | None) -> Region:
    """Returns the region of one value; None: missing."""
    if value is None:
        return Region(missing=True)
    if not regions.is_on_line(column):
        return Region(items=(value,))
    place = regions.position(column, value, up=True)
    return Region(spans=((place, place),) if regions.value_at(column, place) == value else ())


def _choices(
    constraint: Constraint, columns: Mapping[str, Column], domains: Mapping[str, Region]
) -> list[Box]:
    """Lists the boxes among which a rule chooses; no choice is left out, none need be disjoint."""
    if isinstance(constraint, Implies):
        x, y = constraint.when.column, constraint.then.column
        when = regions.region(columns[x], constraint.when, domains[x])
        then = regions.region(columns[y], constraint.then, domains[y])
        other = {x: regions.complement(columns[x], when, domains[x])}
        if constraint.exactly:
            other[y] = regions.complement(columns[y], then, domains[y])
        return [{x: when, y: then}, other]
    if not isinstance(constraint, Follows):
        return []
    pairs = (*constraint.known, *constraint.learned)
    boxes: list[Box] = []
    for key, value in pairs:
        box = {n: single(columns[n], k) for n, k in zip(constraint.of, key, strict=True)}
        boxes.append({**box, constraint.column: single(columns[constraint.column], value)})
    # What is not known of the function may be anything; a model completes it.
    known = {key for key, _ in pairs}
    return boxes + [box for box in _unknown(constraint, domains, known) if box]


def _unknown(
    constraint: Follows, domains: Mapping[str, Region], known: set[tuple[Value | None, ...]]
) -> Iterator[Box]:
    """Yields boxes that together hold every combination of which a function says nothing."""

    def members(name: str) -> list[object]:
        return [*domains[name].items, *([None] if domains[name].missing else [])]

    *first, last = constraint.of
    for prefix in itertools.product(*(members(name) for name in first)):
        left = [v for v in members(last) if (*prefix, v) not in known]
        if not left:
            continue
        cells = {name: [value] for name, value in zip(first, prefix, strict=True)} | {last: left}
        yield {
            name: Region(items=tuple(v for v in held if v is not None), missing=None in held)
            for name, held in cells.items()
        }


class _Search:
    """Depth-first search over the choices of all rules."""

    def __init__(
        self, columns: Mapping[str, Column], domains: Mapping[str, Region], orders: Sequence[Order]
    ) -> None:
        self._columns, self._domains, self._orders = columns, domains, orders
        self.steps = 0

    def run(self, box: Box, open_rules: list[list[Box]]) -> Row | None:
        """Returns a row within a box that takes one choice of each rule; None: none found."""
        self.steps += 1
        if self.steps >= MOST_STEPS:
            return None
        if self._ascending(box, present=False) is None:
            return None
        live = [list(_within(box, choices)) for choices in open_rules]
        if not live:
            return self._row(box)
        least = min(range(len(live)), key=lambda i: len(live[i]))
        rest = [choices for i, choices in enumerate(open_rules) if i != least]
        for smaller in live[least]:
            row = self.run(smaller, rest)
            if row is not None or self.steps >= MOST_STEPS:
                return row
        return None

    def _row(self, box: Box) -> Row | None:
        places = self._ascending(box, present=True) or self._ascending(box, present=False)
        if places is None:
            return None
        row: Row = {}
        for name, held in box.items():
            if name in places:
                place = places[name]
                row[name] = None if place is None else regions.value_at(self._columns[name], place)
            elif held.items:
                row[name] = held.items[0]
            elif held.spans:
                row[name] = regions.value_at(self._columns[name], held.spans[0][0])
            else:
                row[name] = None
        return row

    def _ascending(self, box: Box, *, present: bool) -> dict[str, Position | None] | None:
        """Takes the least possible value of each ordered column in turn.

        Args:
            box: What each column may hold.
            present: Whether a column that has a value takes it; else all that may be missing are,
                and only where that fails is there no row.
        """
        places: dict[str, Position | None] = {}
        for name, below in _in_order(self._orders):
            held = box[name]
            if not held.has_values or (held.missing and not present):
                places[name] = None
                continue
            floors = [self._above(places[other], other, name, strict) for other, strict in below]
            floor = max([f for f in floors if f is not None], default=held.spans[0][0])
            least = next((max(a, floor) for a, b in held.spans if b >= floor), None)
            if least is None and not held.missing:
                return None
            places[name] = least
        return places

    def _above(
        self, place: Position | None, of: str, column_name: str, strict: bool
    ) -> Position | None:
        """Returns the least place of a column at or above a place of another one."""
        if place is None:
            return None
        column, value = self._columns[column_name], regions.value_at(self._columns[of], place)
        found = regions.position(column, value, up=True)
        is_equal = regions.value_at(column, found) == value
        return regions.after(column, found) if strict and is_equal else found


def _within(box: Box, choices: list[Box]) -> Iterator[Box]:
    """Yields the choices that a box leaves open, as smaller boxes."""
    for choice in choices:
        smaller = {**box, **{name: box[name] & limit for name, limit in choice.items()}}
        if not any(smaller[name].is_empty for name in choice):
            yield smaller


def _in_order(orders: Sequence[Order]) -> list[tuple[str, list[tuple[str, bool]]]]:
    """Lists ordered columns so that each comes after those below it, which it names."""
    below: dict[str, list[tuple[str, bool]]] = {}
    for order in orders:
        for i, name in enumerate(order.columns):
            mine = below.setdefault(name, [])
            mine.extend((other, order.strict) for other in order.columns[:i])
    done: dict[str, list[tuple[str, bool]]] = {}
    while len(done) < len(below):
        ready = [n for n in below if n not in done and all(o in done for o, _ in below[n])]
        if not ready:  # a cycle, which the schema's own checks name
            return [(n, [p for p in below[n] if p[0] in done]) for n in below]
        for name in ready:
            done[name] = below[name]
    return list(done.items())
