"""Rules on a table: which rows break one, and what a function says of each row.

Takes a conformed table and a rule of its schema; gives a Boolean per row, never a cell. `broken`
counts the rows of a raw table that break rules, for its owner. A fit and a run never ask: whether
real rows obey is a look that nobody has paid for, and no answer would change what is done.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synthkit.schema.checking import Problem
from synthkit.schema.constraints import (
    Constraint,
    Follows,
    Implies,
    Order,
    Value,
    ValueSet,
    column_names,
    in_words,
)
from synthkit.schema.conversion import convert, dtype_of
from synthkit.schema.model import CATEGORY_KINDS, Column, Schema

if TYPE_CHECKING:
    import polars as pl


def cell(column: Column, value: Value | None) -> Value | None:
    """Returns a rule's value as a conformed table stores it; None: missing."""
    if value is None:
        return None
    is_open = column.kind in CATEGORY_KINDS and not column.categories
    return str(value) if is_open else value


def stored(rule: Constraint, columns: Mapping[str, Column]) -> Constraint:
    """Returns a rule with its values as a conformed table stores them; see `cell`."""

    def of(name: str, values: Sequence[Value | None]) -> tuple[Any, ...]:
        return tuple(cell(columns[name], v) for v in values)

    if isinstance(rule, Implies):
        when, then = (
            dataclasses.replace(s, values=of(s.column, s.values)) for s in (rule.when, rule.then)
        )
        return dataclasses.replace(rule, when=when, then=then)
    if isinstance(rule, Order):
        return rule
    known, learned = (
        tuple(
            (
                tuple(of(n, [k])[0] for n, k in zip(rule.of, key, strict=True)),
                of(rule.column, [value])[0],
            )
            for key, value in pairs
        )
        for pairs in (rule.known, rule.learned)
    )
    return dataclasses.replace(rule, known=known, learned=learned)


def is_in(column: Column, values: ValueSet) -> pl.Expr:
    """Says of each cell whether it is in a set; never null."""
    import polars as pl

    cells = pl.col(column.name)
    dtype = dtype_of(column)
    if values.bounds is not None:
        found = pl.lit(True)
        low, high = values.bounds
        if low is not None:
            found = found & (cells >= pl.lit(low))
        if high is not None:
            found = found & (cells <= pl.lit(high))
    else:
        named = pl.Series([cell(column, v) for v in values.values], dtype=dtype, strict=False)
        found = cells.is_in(named.implode())
        found = ~found if values.excluded else found
    return pl.when(cells.is_null()).then(pl.lit(values.missing)).otherwise(found)


def breaks(table: pl.DataFrame, rule: Constraint, columns: Mapping[str, Column]) -> pl.Series:
    """Says of each row whether it breaks a rule.

    Args:
        table: Conformed rows, shape (n_rows, any), with the rule's columns.
        rule: Of the schema.
        columns: Of the schema, by name.

    Returns:
        Boolean without nulls, shape (n_rows,). Where a function is not known of a row, the row
        breaks nothing.
    """
    import polars as pl

    if isinstance(rule, Follows):
        value, is_known = following(table, rule, columns)
        return is_known & value.ne_missing(table.get_column(rule.column))
    if isinstance(rule, Order):
        found = pl.lit(False)
        for i, name in enumerate(rule.columns):
            for other in rule.columns[:i]:
                low, high = pl.col(other), pl.col(name)
                found = found | (low >= high if rule.strict else low > high).fill_null(False)
    else:
        when = is_in(columns[rule.when.column], rule.when)
        then = is_in(columns[rule.then.column], rule.then)
        found = (when & ~then) | (then & ~when) if rule.exactly else when & ~then
    return table.select(found.alias("breaks")).to_series()


def following(
    table: pl.DataFrame, rule: Follows, columns: Mapping[str, Column]
) -> tuple[pl.Series, pl.Series]:
    """Returns what a function says of each row, and of which rows it says anything.

    Returns:
        Values in the column's type and Booleans, both of shape (n_rows,).
    """
    import polars as pl

    pairs = (*rule.known, *rule.learned)
    names = [f"key {i}" for i in range(len(rule.of))]
    data = {
        name: pl.Series(
            [cell(columns[of], key[i]) for key, _ in pairs],
            dtype=dtype_of(columns[of]),
            strict=False,
        )
        for i, (name, of) in enumerate(zip(names, rule.of, strict=True))
    }
    column = columns[rule.column]
    values = [cell(column, value) for _, value in pairs]
    data["value"] = pl.Series(values, dtype=dtype_of(column), strict=False)
    function = pl.DataFrame(data).with_columns(pl.lit(True).alias("known"))
    keys = table.select(pl.col(of).alias(n) for n, of in zip(names, rule.of, strict=True))
    found = keys.join(function, on=names, how="left", nulls_equal=True, maintain_order="left")
    return found.get_column("value"), found.get_column("known").fill_null(False)


def disagreeing(table: pl.DataFrame, rule: Follows, columns: Mapping[str, Column]) -> int:
    """Counts the rows that break a function.

    Where it is known, they differ from it; where it is not, from most rows of the same deciding
    values.
    """
    import polars as pl

    known = following(table, rule, columns)[1]
    wrong = int(breaks(table, rule, columns).sum())
    rest = table.filter(~known)
    groups = rest.group_by([*rule.of, rule.column]).len()
    most = groups.group_by(list(rule.of)).agg(pl.col("len").max())
    return wrong + rest.height - int(most.get_column("len").sum())


def agreed(table: pl.DataFrame, rule: Follows, columns: Mapping[str, Column]) -> Follows:
    """Completes a function from a synthetic table: the most frequent value of each combination.

    Args:
        table: Synthetic rows, or any others that may be told.
        rule: Whose function may not be known of every combination.
        columns: Of the schema, by name.
    """
    import polars as pl

    rest = table.filter(~following(table, rule, columns)[1])
    most = (
        rest.group_by([*rule.of, rule.column])
        .agg(pl.len().alias(" rows"))
        .sort([" rows", *rule.of, rule.column], descending=[True] + [False] * (len(rule.of) + 1))
        .unique(list(rule.of), keep="first", maintain_order=True)
        .select([*rule.of, rule.column])
    )
    found = tuple((tuple(row[:-1]), row[-1]) for row in most.rows())
    return dataclasses.replace(rule, learned=(*rule.learned, *found))


def broken(table: pl.DataFrame, schema: Schema) -> tuple[Problem, ...]:
    """Counts the rows of a table that break each rule.

    Args:
        table: Raw or conformed table; rules on columns that it lacks are left out.
        schema: With the rules.
    """
    # PRIVACY: looks at real rows without noise and outside any budget; the counts go to the
    # owner's terminal (`synthkit check`), enter no release and decide nothing.
    columns = {c.name: c for c in schema.columns}
    used = {n for rule in schema.constraints for n in column_names(rule)} & set(table.columns)
    converted = table.select(
        convert(table.get_column(name), columns[name], schema.missing).values for name in used
    )
    found = []
    for rule in schema.constraints:
        if not set(column_names(rule)) <= used:
            continue
        if isinstance(rule, Follows):
            n_rows = disagreeing(converted, rule, columns)
        else:
            n_rows = int(breaks(converted, rule, columns).sum())
        if n_rows:
            many = "1 row breaks" if n_rows == 1 else f"{n_rows:,} rows break"
            found.append(
                Problem(
                    column=_subject(rule),
                    message=f"{many} the rule: {in_words(rule)}.",
                    hint="A fit goes on all the same, and every synthetic row will obey the rule. "
                    "Correct the rows, or the rule if it is not true of the table.",
                    rows=n_rows,
                    severity="warning",
                )
            )
    return tuple(found)


def _subject(rule: Constraint) -> str:
    """Names the column that a rule is about."""
    match rule:
        case Follows():
            return rule.column
        case Order():
            return rule.columns[-1]
        case Implies():
            return rule.then.column
