"""What a fit adds to a schema's rules: values that they name, and functions nobody wrote down.

`covering` widens bought domains by what rules name, which is public. `learned` completes each
function from the fitted model (the most probable value of the column given those that decide it),
never from real rows: post-processing, made once, kept in the model's schema, so that any two
samples of one model agree.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from synthkit.encode.domains import OTHER
from synthkit.schema import Column, Follows, Implies, Order, Schema
from synthkit.schema.constraints import Constraint, Pairs, Value, ValueSet, column_names
from synthkit.schema.feasibility import find_row, named_values, single
from synthkit.schema.model import CATEGORY_KINDS
from synthkit.schema.regions import after, domain, is_on_line, position, region, value_at

if TYPE_CHECKING:
    from synthkit.encode.codec import Codec, ColumnCodec
    from synthkit.generate import Model as InnerModel


def covering(schema: Schema) -> Schema:
    """Widens domains that are not public by what rules name, so that every rule can be obeyed.

    A value that a rule names is public, whether or not enough people have it to be told.

    Args:
        schema: With the domains that were bought.
    """
    columns = {c.name: c for c in schema.columns}
    for name, column in columns.items():
        if column.domain_source == "noisy" and column.is_encoded:
            columns[name] = _wider(column, schema)
    for rule in schema.constraints:
        if isinstance(rule, Order):
            for i, name in enumerate(rule.columns):
                for other in rule.columns[:i]:
                    columns[name] = _reaching(columns[name], columns[other], strict=rule.strict)
    rules = tuple(_retyped(rule, columns) for rule in schema.constraints)
    return dataclasses.replace(
        schema, columns=tuple(columns[c.name] for c in schema.columns), constraints=rules
    )


def _wider(column: Column, schema: Schema) -> Column:
    """Adds the values that rules name, and missing where a rule asks for it."""
    named = named_values(schema.constraints, column.name)
    sets = [
        part
        for rule in schema.constraints
        if isinstance(rule, Implies)
        for part in (rule.when, rule.then)
        if part.column == column.name
    ]
    pairs = [
        (key[rule.of.index(column.name)] if column.name in rule.of else value)
        for rule in schema.constraints
        if isinstance(rule, Follows) and column.name in (*rule.of, rule.column)
        for key, value in rule.known
    ]
    wants_missing = any(s.missing and not s.excluded for s in sets) or None in pairs
    column = dataclasses.replace(column, nullable=column.nullable or wants_missing)
    if column.kind in CATEGORY_KINDS and column.categories is not None:
        known = {str(c) for c in column.categories}
        new = [v for v in named if str(v) not in known]
        if not new:
            return column
        every = [*(c for c in column.categories if c != OTHER), *new]
        if not all(isinstance(c, int) for c in every):
            every = [str(c) for c in every]
        every += [c for c in column.categories if c == OTHER]
        return dataclasses.replace(column, categories=cast("tuple[str | int, ...]", tuple(every)))
    if column.bounds is None:
        return column
    # One value of a range is enough for it to be met: a range is not a domain.
    firsts = [[e for e in part.bounds or () if e is not None][:1] for part in sets]
    new = [
        value_at(column, position(column, v, up=True))
        for v in (*named, *(e for ends in firsts for e in ends))
    ]
    ends = [*column.bounds, *new]
    low, high = min(cast("Any", ends)), max(cast("Any", ends))
    return dataclasses.replace(column, bounds=(low, high))


def _reaching(column: Column, below: Column, *, strict: bool) -> Column:
    """Raises a bought upper bound to where a column that comes before begins."""
    if column.domain_source != "noisy" or column.bounds is None or below.bounds is None:
        return column
    least = position(column, below.bounds[0], up=True)
    if strict and value_at(column, least) == below.bounds[0]:
        least = after(column, least)
    high = max(cast("Any", column.bounds[1]), value_at(column, least))
    return dataclasses.replace(column, bounds=(column.bounds[0], high))


def _retyped(rule: Any, columns: Mapping[str, Column]) -> Any:
    """Writes a rule's values in the types of bought categories."""

    def cells(name: str, values: Iterable[Value | None]) -> tuple[Value | None, ...]:
        column = columns[name]
        if column.kind not in CATEGORY_KINDS or column.categories is None:
            return tuple(values)
        of = {str(c): c for c in column.categories}
        return tuple(None if v is None else of.get(str(v), v) for v in values)

    if isinstance(rule, Implies):
        when, then = (
            dataclasses.replace(s, values=cast("tuple[Value, ...]", cells(s.column, s.values)))
            for s in (rule.when, rule.then)
        )
        return dataclasses.replace(rule, when=when, then=then)
    if not isinstance(rule, Follows):
        return rule
    known = tuple(
        (
            tuple(cells(n, [k])[0] for n, k in zip(rule.of, key, strict=True)),
            cells(rule.column, [value])[0],
        )
        for key, value in rule.known
    )
    return dataclasses.replace(rule, known=known, learned=())


def learned(schema: Schema, codec: Codec, inner: InnerModel) -> Schema:
    """Completes the functions of a schema from a fitted model.

    Args:
        schema: With the domains that the codec has.
        codec: Of the model.
        inner: The generator's own model.

    Returns:
        The schema, in which every `Follows` names a value for each value that can decide.
    """
    from synthkit.generate.joints import pair_tables

    columns = {c.name: c for c in schema.columns}
    places = {name: i for i, name in enumerate(codec.columns)}
    follows = [rule for rule in schema.constraints if isinstance(rule, Follows)]
    pairs = [(places[r.of[0]], places[r.column]) for r in follows if len(r.of) == 1]
    tables = pair_tables(inner, codec.sizes, pairs) if pairs else {}
    rules: list[Constraint] = []
    for rule in schema.constraints:
        if isinstance(rule, Follows):
            deciding = [codec.parts[places[name]] for name in rule.of]
            part = codec.parts[places[rule.column]]
            if len(deciding) == 1:
                table = tables[places[rule.of[0]], places[rule.column]]
            else:
                table = _grouped(inner, codec, rule, places)
            others = [*rules, *schema.constraints[len(rules) :]]
            possible = _possible(rule, columns, others)
            own = _completed(rule, deciding, part, table, _allowed(schema, rule, columns), possible)
            rule = dataclasses.replace(rule, learned=own)
        rules.append(rule)
    return dataclasses.replace(schema, constraints=tuple(rules))


def _grouped(
    inner: InnerModel, codec: Codec, rule: Follows, places: Mapping[str, int]
) -> np.ndarray:
    """Returns how often each code comes beside each combination of several deciding columns."""
    from synthkit.generate.joints import group_table

    return group_table(inner, codec.sizes, [places[n] for n in rule.of], places[rule.column])


def _completed(
    rule: Follows,
    deciding: list[ColumnCodec],
    part: ColumnCodec,
    table: np.ndarray,
    allowed: Mapping[Value | None, list[Value | None]],
    possible: Callable[[tuple[Value | None, ...], Value | None], bool],
) -> Pairs:
    """Finds the value of the column for each combination that is not known.

    Alone in its codes, a combination gets the most probable value. Combinations that share codes
    (rare values) cannot be told apart by the model: they are shared out among values, the heaviest
    first, so that together they have the values that the model gives their codes.
    """
    known = {key for key, _ in rule.known}
    values = _cell_values(part)
    share = part.masses / np.maximum(part.counts[part.code_of_cell], 1e-300)  # (n_cells,)
    # Where the model never draws a combination, the column's own frequencies decide.
    table = table + 1e-9 * (part.counts / max(part.counts.sum(), 1e-300))
    shape = [d.size for d in deciding]
    groups: dict[int, list[tuple[float, tuple[Value | None, ...]]]] = {}
    cells = [
        list(zip(_cell_values(d), d.code_of_cell.tolist(), _inner(d).tolist(), strict=True))
        for d in deciding
    ]
    for combination in itertools.product(*cells):
        key = tuple(value for value, _, _ in combination)
        group = int(np.ravel_multi_index([code for _, code, _ in combination], shape))
        weight = float(np.prod([mass for _, _, mass in combination]))
        if key not in known:
            groups.setdefault(group, []).append((weight, key))
    found = []
    for group, members in groups.items():
        left = table[group][part.code_of_cell] * share  # (n_cells,)
        left = left / max(left.sum(), 1e-300) * max(sum(w for w, _ in members), 1e-300)
        for weight, key in sorted(members, key=lambda m: -m[0]):
            own = left
            if len(key) == 1 and key[0] in allowed:
                barred = np.array([v not in allowed[key[0]] for v in values])
                own = np.where(barred, -np.inf, left) if not barred.all() else left
            ranked = [int(i) for i in np.argsort(-own, kind="stable") if np.isfinite(own[i])]
            # Where no value is left, no row has these deciding values: any will do.
            best = next((i for i in ranked if possible(key, values[i])), ranked[0])
            left[best] -= weight
            found.append((key, values[best]))
    return tuple(found)


def _possible(
    rule: Follows, columns: Mapping[str, Column], constraints: Sequence[Constraint]
) -> Callable[[tuple[Value | None, ...], Value | None], bool]:
    """Says whether a row with some deciding values and a value that follows can obey all rules."""
    names = (*rule.of, rule.column)
    others = [r for r in constraints if r is not rule]
    if not any(set(names) & set(column_names(r)) for r in others):
        return lambda key, value: True

    def possible(key: tuple[Value | None, ...], value: Value | None) -> bool:
        cells = zip(names, (*key, value), strict=True)
        fixed = {name: single(columns[name], cell) for name, cell in cells}
        return not find_row(columns, others, fixed).is_impossible

    return possible


def _inner(part: ColumnCodec) -> np.ndarray:
    """Returns the share of each public cell in its code, shape (n_cells,)."""
    counts = part.counts[part.code_of_cell]
    alike = np.bincount(part.code_of_cell)[part.code_of_cell]
    shares = np.where(counts > 0, part.masses / np.maximum(counts, 1e-300), 1.0 / alike)
    return np.asarray(shares)


def _cell_values(part: ColumnCodec) -> list[Value | None]:
    """Returns one value of each public cell of a column."""
    n = part.grid.n_cells
    return part.grid.values(np.arange(n), np.full(n, 0.5)).to_list()


def _allowed(
    schema: Schema, rule: Follows, columns: Mapping[str, Column]
) -> dict[Value | None, list[Value | None]]:
    """Says which values other rules between the same two columns leave for each deciding value."""
    if len(rule.of) != 1 or is_on_line(columns[rule.column]):
        return {}
    one, other = columns[rule.of[0]], columns[rule.column]
    bars = [
        r
        for r in schema.constraints
        if isinstance(r, Implies) and {r.when.column, r.then.column} == {one.name, other.name}
    ]
    if not bars:
        return {}

    def members(column: Column) -> list[Value | None]:
        inside = domain(column)
        return [*cast("tuple[Value, ...]", inside.items), *([None] if inside.missing else [])]

    def holds(values: ValueSet, column: Column, value: Value | None) -> bool:
        found = region(column, values, domain(column))
        return found.missing if value is None else value in found.items

    def is_barred(r: Implies, a: Value | None, b: Value | None) -> bool:
        cells = {one.name: (one, a), other.name: (other, b)}
        when, then = (holds(s, *cells[s.column]) for s in (r.when, r.then))
        return (when and not then) or (r.exactly and then and not when)

    return {
        a: [b for b in members(other) if not any(is_barred(r, a, b) for r in bars)]
        for a in members(one)
    }
