"""The data dictionary: one row per column, in words, for the report.

Takes a `Schema`, gives plain rows with the keys that `Evidence.dictionary` names. It is a function
of the schema alone and never looks at a table.
"""

from __future__ import annotations

from synthkit.schema.model import Bound, Column, Schema


def dictionary(schema: Schema) -> tuple[dict[str, str], ...]:
    """Describes every column of a schema.

    Returns:
        One row per column with the keys `column`, `kind`, `role`, `domain`, `domain_source`,
        `treatment`.
    """
    return tuple(
        {
            "column": column.name,
            "kind": column.kind,
            "role": column.role,
            "domain": _domain(column),
            "domain_source": column.domain_source if column.is_encoded else "",
            "treatment": _treatment(column),
        }
        for column in schema.columns
    )


def _treatment(column: Column) -> str:
    reason = column.omission_reason
    return f"left out: {reason}" if reason else "learned"


def _domain(column: Column) -> str:
    text = ""
    if column.kind == "boolean":
        text = "true or false"
    elif column.bounds is not None:
        low, high = (_bound(bound) for bound in column.bounds)
        text = f"{low} to {high}"
    elif column.categories is not None:
        n = len(column.categories)
        order = ", in order" if column.kind == "ordinal" else ""
        text = f"{n:,} categor{'y' if n == 1 else 'ies'}{order}"
    if not column.is_encoded:
        return text
    if column.decimals is not None:
        text += f", {column.decimals} decimal{'' if column.decimals == 1 else 's'}"
    return f"{text}, may be missing" if column.nullable else text


def _bound(bound: Bound) -> str:
    if isinstance(bound, float):
        return f"{bound:.15g}"
    return str(bound)
