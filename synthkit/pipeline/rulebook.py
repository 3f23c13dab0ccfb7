"""A schema's rules made ready for drawing: regions, and which column is drawn before which.

In: a schema whose functions are complete (`deriving.learned`). Out: a `Rulebook`. A condition on a
column that follows one other column is a condition on that one; a condition on any column narrows
those that rules link with it (`narrowed`), so that rows are drawn under everything that is implied.
Pure: nothing here sees a row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from synthkit.encode import Condition
from synthkit.errors import InputError
from synthkit.schema import Column, Constraint, Follows, Implies, Order, Schema, column_names
from synthkit.schema.constraints import Value, ValueSet
from synthkit.schema.feasibility import named_values
from synthkit.schema.regions import (
    Region,
    after,
    before,
    complement,
    domain,
    is_on_line,
    position,
    region,
    value_at,
)

Base = dict[str, Region]
_ROUNDS = 50


@dataclass(frozen=True, kw_only=True)
class Link:
    """A rule `when x in S then y in T` as regions of columns that are drawn."""

    x: str
    when: Region
    not_when: Region
    y: str
    then: Region
    not_then: Region
    exactly: bool


@dataclass(frozen=True)
class Rulebook:
    """The rules of one schema."""

    rules: tuple[Constraint, ...]
    columns: Mapping[str, Column]
    """The learned columns by name."""

    @staticmethod
    def of(schema: Schema) -> Rulebook:
        """Reads the rules of a schema."""
        return Rulebook(schema.constraints, {c.name: c for c in schema.encoded})

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Columns that rules speak of."""
        return tuple(dict.fromkeys(n for rule in self.rules for n in column_names(rule)))

    @cached_property
    def domains(self) -> Mapping[str, Region]:
        """Everything that each of these columns can hold."""
        return {n: domain(self.columns[n], named_values(self.rules, n)) for n in self.names}

    @cached_property
    def followers(self) -> Mapping[str, Follows]:
        """The function of each column that follows others."""
        return {r.column: r for r in self.rules if isinstance(r, Follows)}

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The rules of what implies what, followers replaced by what decides them."""
        found = []
        for rule in self.rules:
            if not isinstance(rule, Implies):
                continue
            x, when = self.decided(*self._set(rule.when))
            y, then = self.decided(*self._set(rule.then))
            if x != y:
                link = Link(
                    x=x, when=when, not_when=self._not(x, when),
                    y=y, then=then, not_then=self._not(y, then), exactly=rule.exactly,
                )  # fmt: skip
                found.append(link)
        return tuple(found)

    @cached_property
    def own(self) -> Base:
        """What rules demand of a column by itself: both ends follow one column, or no way out."""
        base: Base = {}
        for rule in self.rules:
            if not isinstance(rule, Implies):
                continue
            x, when = self.decided(*self._set(rule.when))
            y, then = self.decided(*self._set(rule.then))
            if x == y:
                left = _union(self._not(x, when), then, self.domains[x])
                if rule.exactly:
                    left = left & _union(when, self._not(x, then), self.domains[x])
                base[x] = base.get(x, self.domains[x]) & left
        return base

    @cached_property
    def pairs(self) -> tuple[tuple[str, str, bool], ...]:
        """Lower column, upper column, and whether equal values are barred."""
        return tuple(
            (low, high, rule.strict)
            for rule in self.rules
            if isinstance(rule, Order)
            for i, high in enumerate(rule.columns)
            for low in rule.columns[:i]
        )

    @cached_property
    def chains(self) -> tuple[Order, ...]:
        """The order rules that share no column with an earlier one of them."""
        found: list[Order] = []
        taken: set[str] = set()
        for rule in self.rules:
            if isinstance(rule, Order) and not taken & set(rule.columns):
                found.append(rule)
                taken.update(rule.columns)
        return tuple(found)

    @cached_property
    def decisive(self) -> frozenset[str]:
        """Columns of which a missing cell can break a rule, or decides what another must be."""
        found = {n for r in self.followers.values() for n in column_names(r)}
        for link in self.links:
            if link.when.missing:
                found.add(link.x)
            if not link.then.missing or link.exactly:
                found.add(link.y)
            if link.exactly and not link.not_when.missing:
                found.add(link.x)
        return frozenset(found)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The columns so that what decides comes before what is decided, as far as that goes."""
        before_: dict[str, set[str]] = {n: set() for n in self.names}
        for link in self.links:
            before_[link.y].add(link.x)
        for low, high, _ in self.pairs:
            before_[high].add(low)
        for name, rule in self.followers.items():
            before_[name].update(rule.of)
        done: list[str] = []
        while len(done) < len(before_):
            left = [n for n in before_ if n not in done]
            ready = [n for n in left if before_[n] <= set(done)]
            # In a circle of implications the first that no function decides begins.
            free = [n for n in left if n not in self.followers] or left
            done.extend(ready or free[:1])
        return tuple(done)

    @cached_property
    def components(self) -> tuple[tuple[frozenset[str], tuple[int, ...]], ...]:
        """Groups of columns that rules link, each with the places of its rules."""
        return self._grouped(range(len(self.rules)))

    @cached_property
    def unordered(self) -> tuple[tuple[frozenset[str], tuple[int, ...]], ...]:
        """The same without the chains: what is linked beside being put in order."""
        chains = self.chains
        return self._grouped([i for i, r in enumerate(self.rules) if r not in chains])

    def _grouped(self, rules: Sequence[int]) -> tuple[tuple[frozenset[str], tuple[int, ...]], ...]:
        groups: list[set[str]] = []
        for i in rules:
            mine = set(column_names(self.rules[i]))
            touching = [g for g in groups if g & mine]
            groups = [g for g in groups if not g & mine] + [mine.union(*touching)]
        return tuple(
            (
                frozenset(group),
                tuple(i for i in rules if set(column_names(self.rules[i])) <= group),
            )
            for group in groups
        )

    def _set(self, values: ValueSet) -> tuple[str, Region]:
        name = values.column
        return name, region(self.columns[name], values, self.domains[name])

    def _not(self, name: str, of: Region) -> Region:
        return complement(self.columns[name], of, self.domains[name])

    def decided(self, name: str, held: Region) -> tuple[str, Region]:
        """Turns a region of a column that follows one other into a region of that one."""
        rule = self.followers.get(name)
        while rule is not None and len(rule.of) == 1:
            function = {key[0]: value for key, value in (*rule.known, *rule.learned)}
            column, deciding = self.columns[name], self.domains[rule.of[0]]

            def is_held(value: Value | None, column: Column = column, held: Region = held) -> bool:
                if value is None:
                    return held.missing
                if not is_on_line(column):
                    return value in held.items
                place = position(column, value, up=True)
                return any(a <= place <= b for a, b in held.spans)

            held = Region(
                items=tuple(i for i in deciding.items if i in function and is_held(function[i])),  # type: ignore[index]
                missing=deciding.missing and None in function and is_held(function[None]),
            )
            name = rule.of[0]
            rule = self.followers.get(name)
        return name, held

    def narrowed(self, given: Mapping[str, Region], *, orders: bool = True) -> Base:
        """Returns what limits of some columns imply for all.

        Args:
            given: Limits; those of columns without rules come back as they are.
            orders: Whether what order rules imply counts.

        Raises:
            InputError: If no row that obeys the rules meets the limits.
        """
        base: Base = dict(self.own)
        for name, held in given.items():
            if name in self.domains:
                name, held = self.decided(name, held)
                base[name] = base.get(name, self.domains[name]) & held
            else:
                base[name] = held
        for _ in range(_ROUNDS):
            last = dict(base)
            for link in self.links:
                self._imply(base, link)
            for low, high, strict in self.pairs if orders else ():
                self._ascend(base, low, high, strict)
            if base == last:
                break
        if any(held.is_empty for held in base.values()):
            raise InputError(
                "No row that obeys the schema's rules meets the condition.",
                hint="The rules stand under `constraints` in the schema; loosen the condition.",
            )
        return base

    def _now(self, base: Base, name: str) -> Region:
        return base.get(name, self.domains[name])

    def _limit(self, base: Base, name: str, held: Region) -> None:
        now = self._now(base, name)
        if not now.is_within(held):
            base[name] = now & held

    def _imply(self, base: Base, link: Link) -> None:
        x, y = self._now(base, link.x), self._now(base, link.y)
        if x.is_within(link.when):
            self._limit(base, link.y, link.then)
        if (y & link.then).is_empty:
            self._limit(base, link.x, link.not_when)
        if link.exactly and (x & link.when).is_empty:
            self._limit(base, link.y, link.not_then)
        if link.exactly and y.is_within(link.then):
            self._limit(base, link.x, link.when)

    def _ascend(self, base: Base, low: str, high: str, strict: bool) -> None:
        one, other = self._now(base, low), self._now(base, high)
        lower, upper = self.columns[low], self.columns[high]
        if one.spans and not one.missing:
            value = value_at(lower, one.spans[0][0])
            place = position(upper, value, up=True)
            if strict and value_at(upper, place) == value:
                place = after(upper, place)
            self._limit(base, high, _cut(other, place, float("inf")))
        if other.spans and not other.missing:
            value = value_at(upper, other.spans[-1][1])
            place = position(lower, value, up=False)
            if strict and value_at(lower, place) == value:
                place = before(lower, place)
            self._limit(base, low, _cut(one, float("-inf"), place))


def _cut(held: Region, low: float, high: float) -> Region:
    spans = tuple((max(a, low), min(b, high)) for a, b in held.spans if max(a, low) <= min(b, high))
    return dataclasses.replace(held, spans=spans)


def _union(one: Region, other: Region, inside: Region) -> Region:
    """Joins regions of a column that has categories (only such columns decide others)."""
    held = {*one.items, *other.items}
    return Region(
        items=tuple(i for i in inside.items if i in held), missing=one.missing or other.missing
    )


def region_of(column: Column, condition: Condition) -> Region:
    """Returns the region of a condition that a user wrote."""
    values: tuple[Value, ...] = condition.values  # type: ignore[assignment]
    bounds: tuple[Value | None, Value | None] | None = condition.bounds  # type: ignore[assignment]
    found = region(
        column, ValueSet(column=column.name, values=values, bounds=bounds), domain(column, values)
    )
    return dataclasses.replace(found, missing=condition.missing)


def conditions_of(column: Column, held: Region) -> list[Condition]:
    """Returns conditions that together hold a region: one for each span, and one for missing."""
    if not is_on_line(column):
        return [Condition(values=held.items, missing=held.missing)]
    found = [
        Condition(bounds=(value_at(column, low), value_at(column, high)))
        for low, high in held.spans
    ]
    return found + ([Condition(missing=True)] if held.missing else [])


def hull(column: Column, held: Region) -> Condition:
    """Returns one condition that holds a region, and what lies between its spans."""
    if not is_on_line(column):
        return Condition(values=held.items, missing=held.missing)
    if not held.spans:
        return Condition(missing=held.missing)
    ends = value_at(column, held.spans[0][0]), value_at(column, held.spans[-1][1])
    return Condition(bounds=ends, missing=held.missing)
