"""The schema's rules as Great Expectations checks: so many rows break this one, and that is none.

Takes a schema, gives a query or more per rule, for checks that count the rows in which the rule is
broken: a result is a count and never a cell. The queries are written from the rules by themselves,
not by the code that makes sampled rows obey them: one checks the other.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

from synthkit.schema import Constraint, Follows, Implies, Order, Schema, ValueSet, column_names

EXPECTATION = "expect_table_row_count_to_equal"
MOST_CLAUSES = 50
"""More in one query would nest deeper than the parser of queries goes."""


def queries(schema: Schema) -> Iterator[tuple[str, Constraint, str]]:
    """Yields a stable id, the rule, and the query that finds rows which break it.

    A function with many values takes several queries; where nothing is known of it there is none.
    """
    learned = {c.name for c in schema.encoded}
    for i, rule in enumerate(schema.constraints):
        if not set(column_names(rule)) <= learned:
            continue
        clauses = list(_clauses(rule))
        parts = [clauses[k : k + MOST_CLAUSES] for k in range(0, len(clauses), MOST_CLAUSES)]
        for k, part in enumerate(parts):
            more = f".{k + 1}" if len(parts) > 1 else ""
            yield f"{rule_id(i)}.{_word(rule)}{more}", rule, " | ".join(part)


def rule_id(place: int) -> str:
    """Returns the name of a rule by its place in the schema."""
    return f"rule{place + 1}"


def _word(rule: Constraint) -> str:
    match rule:
        case Follows():
            return "follows"
        case Order():
            return "order"
        case Implies():
            return "implies"


def _clauses(rule: Constraint) -> Iterator[str]:
    """Yields conditions under any of which a row breaks the rule."""
    match rule:
        case Order():
            sign = ">=" if rule.strict else ">"
            for i, high in enumerate(rule.columns):
                for low in rule.columns[:i]:
                    a, b = _name(low), _name(high)
                    yield f"(~{a}.isnull() & ~{b}.isnull() & ({a} {sign} {b}))"
        case Implies():
            when, then = _in_set(rule.when), _in_set(rule.then)
            yield f"({when} & ~{then})"
            if rule.exactly:
                yield f"({then} & ~{when})"
        case Follows():
            groups: dict[tuple[Any, ...], list[Any]] = {}
            for key, value in (*rule.known, *rule.learned):
                groups.setdefault((*key[:-1], value), []).append(key[-1])
            for group, last in groups.items():
                cells = [*zip(rule.of[:-1], ([k] for k in group[:-1]), strict=True)]
                deciding = [_one_of(n, values) for n, values in [*cells, (rule.of[-1], last)]]
                yield f"({' & '.join(deciding)} & ~{_one_of(rule.column, [group[-1]])})"


def _in_set(values: ValueSet) -> str:
    """Writes that a cell is in a set, as an expression that is never missing."""
    name = _name(values.column)
    present = f"~{name}.isnull()"
    parts = [present]
    if values.bounds is not None:
        low, high = values.bounds
        parts += [f"({name} >= {_literal(low)})"] if low is not None else []
        parts += [f"({name} <= {_literal(high)})"] if high is not None else []
    elif values.values:
        found = _among(name, values.values)
        parts.append(f"~{found}" if values.excluded else found)
    elif not values.excluded:
        return f"({name}.isnull())"
    held = " & ".join(parts)
    return f"({held} | {name}.isnull())" if values.missing else f"({held})"


def _one_of(column: str, values: Sequence[Any]) -> str:
    """Writes that a cell is one of some values; None: missing."""
    name = _name(column)
    named = [v for v in values if v is not None]
    parts = [f"(~{name}.isnull() & {_among(name, named)})"] if named else []
    parts += [f"{name}.isnull()"] if None in values else []
    return f"({' | '.join(parts)})"


def _among(name: str, values: Sequence[Any]) -> str:
    if isinstance(values[0], datetime.date | bool):
        return f"({' | '.join(f'({name} == {_literal(v)})' for v in values)})"
    return f"({name} in [{', '.join(_literal(v) for v in values)}])"


def _name(column: str) -> str:
    return f"`{column}`"


def _literal(value: Any) -> str:
    """Writes a value so that a query compares it: times as text, which pandas reads as times."""
    if isinstance(value, datetime.datetime):
        return repr(value.isoformat(sep=" "))
    if isinstance(value, datetime.date):
        return repr(value.isoformat())
    return repr(value)
