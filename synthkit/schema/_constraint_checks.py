"""What can be wrong with rules together: two functions of one column, cycles, no row that obeys.

Takes rules that are sound one by one and the columns, gives problems at their place in the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from synthkit.schema.constraints import Constraint, Follows, Order, column_names
from synthkit.schema.feasibility import is_impossible
from synthkit.schema.model import Column

Problem = tuple[tuple[str | int, ...], str]
MOST_KEYS = 10_000
"""Most combinations of deciding values: the function is written down for each."""


def together(constraints: Sequence[Constraint], columns: Mapping[str, Column]) -> Iterator[Problem]:
    """Yields what is wrong with rules together; places begin with the rule's own."""
    found = [*_functions(constraints, columns), *_circles(constraints)]
    yield from found
    if not found and is_impossible(constraints, columns):
        yield (), "bar every row: no row of the declared domain obeys all of them"


def _functions(
    constraints: Sequence[Constraint], columns: Mapping[str, Column]
) -> Iterator[Problem]:
    ordered = {n for c in constraints if isinstance(c, Order) for n in c.columns}
    decided: dict[str, int] = {}
    for i, rule in enumerate(constraints):
        if not isinstance(rule, Follows):
            continue
        if rule.column in decided:
            yield (
                (i, "column"),
                f"column {rule.column!r} follows other columns already (rule "
                f"{decided[rule.column] + 1}); name all that decide it in one rule",
            )
        decided.setdefault(rule.column, i)
        if rule.column in ordered:
            yield (i, "column"), f"column {rule.column!r} stands in an order and cannot follow"
        keys = 1
        for name in rule.of:
            keys *= len(columns[name].categories or (0, 1)) + 1
        if keys > MOST_KEYS:
            yield (i, "follows"), f"has {keys:,} combinations; at most {MOST_KEYS:,} can decide"


def _circles(constraints: Sequence[Constraint]) -> Iterator[Problem]:
    """Yields columns that follow themselves by way of others, and orders that run in a circle."""
    for kind, what in ((Follows, "follows itself by way of"), (Order, "comes before itself by")):
        edges: dict[str, list[tuple[str, int]]] = {}
        for i, rule in enumerate(constraints):
            if isinstance(rule, kind):
                names = column_names(rule)
                ends = names[-1:] if isinstance(rule, Follows) else names[1:]
                for one, other in _arrows(names, ends, isinstance(rule, Order)):
                    edges.setdefault(one, []).append((other, i))
        for name in edges:
            last = _way_back(name, edges)
            if last is not None:
                yield (last,), f"runs in a circle: column {name!r} {what} other rules"
                break


def _arrows(
    names: tuple[str, ...], ends: tuple[str, ...], is_order: bool
) -> Iterator[tuple[str, str]]:
    if is_order:
        yield from zip(names, ends, strict=False)
    else:
        yield from ((one, ends[0]) for one in names[:-1])


def _way_back(name: str, edges: Mapping[str, list[tuple[str, int]]]) -> int | None:
    """Returns the last rule of a way from a column to itself; None: there is none."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for other, rule in edges.get(waiting.pop(), ()):
            if other == name:
                return rule
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return None
