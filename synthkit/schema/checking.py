"""A table against its schema: everything that is wrong, at once, in counts.

Takes a raw or conformed table and a `Schema`, gives `Problem`s: no cell value, only the names of
columns and numbers of rows. `clamp` brings a conformed table inside the schema row by row, so
that what happens to one row never depends on another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from synthkit.schema.conversion import convert, dtype_of
from synthkit.schema.model import CATEGORY_KINDS, Column, Schema
from synthkit.schema.opening import has_domain, opened

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One way in which a table breaks its schema, or looks odd under it."""

    column: str | None
    """None: the table as a whole."""
    message: str
    """One sentence without any cell value."""
    hint: str
    rows: int | None = None
    """Number of rows concerned, where rows are."""
    severity: Literal["error", "warning"] = "error"
    """`error`: the table cannot be used so. `warning`: it can; look whether it is meant."""


def check(table: pl.DataFrame, schema: Schema) -> tuple[Problem, ...]:
    """Lists all violations of a table at once.

    Whatever breaks the schema is an error: `clamp` can mend values, but whether it may is the
    caller's decision. What is only odd (constant or empty columns), and extra columns, which are
    dropped, are warnings. Domains that were bought, or are yet to be, bind no real row.

    Args:
        table: Raw (`source.read`) or conformed table, shape (n_rows, n_columns).
        schema: What the table should be.

    Returns:
        Problems of the table first, then of the columns in schema order.
    """
    # PRIVACY: looks at real rows without noise and outside any budget; what it returns is for
    # the owner's terminal and enters no release.
    unbound = [c.name for c in schema.encoded if c.domain_source == "noisy" or not has_domain(c)]
    schema = opened(schema, unbound)
    return (*_of_table(table, schema), *_of_columns(table, schema))


def _of_table(table: pl.DataFrame, schema: Schema) -> Iterator[Problem]:
    known = {column.name for column in schema.columns}
    extra = [name for name in table.columns if name not in known]
    if table.height < 2:
        found = "no row" if table.height == 0 else "only one row"
        yield Problem(
            column=None,
            message=f"The table has {found}.",
            hint="Nothing can be learned from it; give a table with at least two rows.",
            rows=table.height,
        )
    if extra:
        named = ", ".join(repr(name) for name in extra)
        yield Problem(
            column=None,
            message=f"The schema does not have {_columns(len(extra))} of the table: {named}.",
            hint="They are dropped; add them to the schema if they are meant to be synthesised.",
            severity="warning",
        )


def _of_columns(table: pl.DataFrame, schema: Schema) -> Iterator[Problem]:
    for column in schema.columns:
        if column.name not in table.columns:
            yield Problem(
                column=column.name,
                message=f"Column {column.name!r} is in the schema and not in the table.",
                hint="Correct the name in the schema, or take the column out of it.",
            )
            continue
        raw = table.get_column(column.name)
        converted = convert(raw, column, schema.missing)
        if converted.n_unreadable:
            yield unreadable(column, raw, converted.n_unreadable)
        yield from _of_values(converted.values, column, schema, converted.n_unreadable)


def unreadable(column: Column, raw: pl.Series, n_rows: int) -> Problem:
    """Words cells that do not convert to the column's kind."""
    whole = " (every row)" if n_rows == len(raw) else ""
    hint = f"It is stored as {raw.dtype}. Correct the kind, or list the tokens under `missing`."
    if column.kind in ("date", "datetime"):
        hint = "Write dates as YYYY-MM-DD, so that day and month cannot be mistaken."
    return Problem(
        column=column.name,
        message=f"Column {column.name!r}: {_rows(n_rows)}{whole} cannot be read as {column.kind}.",
        hint=hint,
        rows=n_rows,
    )


def _of_values(
    values: pl.Series, column: Column, schema: Schema, n_unreadable: int
) -> Iterator[Problem]:
    """Lists what is wrong with one converted column."""
    name, n_rows = repr(column.name), len(values)
    n_missing = values.null_count() - n_unreadable
    if n_rows == 0:
        return
    if column.kind == "person_id" and n_missing and schema.privacy_unit == "person":
        yield Problem(
            column=column.name,
            message=f"Column {name}: {_rows(n_missing)} without a person id.",
            hint="Give every row a person, or take these rows out: they belong to nobody.",
            rows=n_missing,
        )
    elif n_missing and not column.nullable:
        yield Problem(
            column=column.name,
            message=f"Column {name}: {_rows(n_missing)} missing, and it is not nullable.",
            hint="Write `nullable: true` in the schema, or fill them.",
            rows=n_missing,
        )
    yield from _outside(values, column)
    present = values.drop_nulls()
    n_distinct = present.n_unique()
    if n_missing == n_rows:
        yield _odd(column, "has no value at all", "Take it out of the schema.")
    elif n_distinct == 1 and n_rows > 1 and not n_missing and column.is_encoded:
        yield _odd(column, "has the same value in every row", "Take it out, or keep it knowingly.")
    elif column.kind == "categorical" and n_distinct == len(present) > 20:
        yield _odd(
            column,
            "is categorical, and no two rows share a value",
            "Declare it as id or text: a value that only one person has identifies them.",
        )


def _outside(values: pl.Series, column: Column) -> Iterator[Problem]:
    """Yields the values outside the bounds or the categories."""
    name = repr(column.name)
    if column.bounds is not None:
        low, high = column.bounds
        n_rows = int(((values < low) | (values > high)).sum())
        if n_rows:
            yield Problem(
                column=column.name,
                message=f"Column {name}: {_rows(n_rows)} out of bounds ({low} to {high}).",
                hint="Widen the bounds if such values are possible; clamping moves them there.",
                rows=n_rows,
            )
    if column.categories is not None and column.kind in CATEGORY_KINDS:
        n_rows = int((~values.is_in(list(column.categories))).sum())
        if n_rows:
            becomes = "missing" if column.nullable else "the first category"
            yield Problem(
                column=column.name,
                message=f"Column {name}: {_rows(n_rows)} with a category that is not declared.",
                hint=f"Add the category to the schema; clamping makes these cells {becomes}.",
                rows=n_rows,
            )


def _odd(column: Column, what: str, hint: str) -> Problem:
    return Problem(
        column=column.name,
        message=f"Column {column.name!r} {what}.",
        hint=hint,
        severity="warning",
    )


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"


def _columns(n: int) -> str:
    return "1 column" if n == 1 else f"{n:,} columns"


def clamp(table: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Brings every cell inside the schema, each row by itself.

    Numbers and times are clipped to the bounds. An unknown category becomes null, and a null in a
    column that is not nullable becomes the lower bound, the first category, or false. No branch
    depends on the data, so that one more row changes nothing about the others.

    Args:
        table: Conformed table, shape (n_rows, n_columns); columns that the schema lacks, and
            columns that generators do not learn, stay as they are.
        schema: What the table should be.

    Returns:
        A table of the same shape, columns and types.
    """
    # PRIVACY: row by row on real values; a person's rows change only by what the schema says.
    return table.with_columns(
        _clamped(column) for column in schema.encoded if column.name in table.columns
    )


def _clamped(column: Column) -> pl.Expr:
    import polars as pl

    value = pl.col(column.name)
    default: object = None
    if column.kind == "float":
        value = value.fill_nan(None)
    if column.bounds is not None:
        low, high = (pl.lit(bound, dtype=dtype_of(column)) for bound in column.bounds)
        value, default = value.clip(low, high), low
    elif column.kind in CATEGORY_KINDS and column.categories:
        known = list(column.categories)
        value = pl.when(value.is_in(known)).then(value).otherwise(None)
        default = pl.lit(known[0], dtype=dtype_of(column))
    elif column.kind == "boolean":
        default = pl.lit(False)
    if default is not None and not column.nullable:
        value = value.fill_null(default)
    return value.alias(column.name)
