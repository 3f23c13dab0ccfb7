"""From the raw table of a file to the table that rooms exchange.

Takes what `read` gives and a `Schema`, gives the schema's columns in the schema's order and types
(see `synthkit.schema.Column`), missing tokens as null. What a cell means is decided in
`synthkit.schema.conversion`: text is trimmed except in `text` columns, blank cells are missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from synthkit.errors import InputError
from synthkit.schema import Schema

if TYPE_CHECKING:
    import polars as pl


def conform(
    table: pl.DataFrame,
    schema: Schema,
    *,
    unreadable_cells: Literal["refuse", "missing"] = "refuse",
    what: str = "table",
) -> pl.DataFrame:
    """Brings a raw table into the form that rooms exchange.

    Values are only converted, not judged: bounds, categories and missing cells are the business
    of `synthkit.schema.check` (which reports them) and `clamp` (which enforces them).

    Args:
        table: Raw table, shape (n_rows, any); columns that the schema lacks are dropped.
        schema: What the columns are.
        unreadable_cells: `refuse` raises on cells that cannot be read as their kind; `missing`
            makes them null, so that no error depends on a cell.
        what: What the table is, for messages.

    Returns:
        Conformed table, shape (n_rows, len(schema.columns)). Conforming it again changes nothing.

    Raises:
        InputError: If columns are absent or cells cannot be read as their kind; `details` lists
            every such column, with numbers of rows and no value.
    """
    import polars as pl

    from synthkit.schema.checking import unreadable
    from synthkit.schema.conversion import convert

    # PRIVACY: looks at real rows; the result is the real table itself and stays in the red rooms.
    problems: list[str] = []
    converted: list[pl.Series] = []
    for column in schema.columns:
        if column.name not in table.columns:
            problems.append(f"Column {column.name!r} is in the schema and not in the table.")
            continue
        raw = table.get_column(column.name)
        result = convert(raw, column, schema.missing)
        if result.n_unreadable and unreadable_cells == "refuse":
            problem = unreadable(column, raw, result.n_unreadable)
            problems.append(f"{problem.message} {problem.hint}")
        converted.append(result.values)
    if problems:
        n = len(problems)
        raise InputError(
            f"The {what} does not fit its schema in {n} column{'' if n == 1 else 's'}.",
            hint="Correct the schema or the table; `synthkit check` shows every problem.",
            details=problems,
        )
    return pl.DataFrame(converted)
