"""Schemas without the domains that are not public: what a table is read by before one is bought.

Takes a `Schema`, gives one in which chosen columns have no bounds, categories or decimals and may
be missing, so that no value of the table is refused, changed or typed by them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from synthkit.errors import InputError
from synthkit.schema.model import CATEGORY_KINDS, Column, Schema


def from_data(schema: Schema) -> tuple[str, ...]:
    """Names the learned columns whose domain (with nullability) the table itself would have to say.

    They are bought within the budget, or read from the table outside it.
    """
    return tuple(c.name for c in schema.encoded if c.domain_source == "data")


def not_public(schema: Schema) -> tuple[str, ...]:
    """Names the learned columns whose domain binds no real row: not public, or bought before."""
    return tuple(c.name for c in schema.encoded if c.domain_source != "public")


def opened(schema: Schema, names: Collection[str]) -> Schema:
    """Returns the schema without the domains of the named columns.

    Kind, role, missing tokens and the order of dates stay: whoever signs the schema declares them.
    """
    return dataclasses.replace(
        schema, columns=tuple(opened_column(c) if c.name in names else c for c in schema.columns)
    )


def opened_column(column: Column) -> Column:
    """Returns a column without its domain."""
    return dataclasses.replace(column, bounds=None, categories=None, decimals=None, nullable=True)


def has_domain(column: Column) -> bool:
    """Whether a learned column's bounds or categories are written in the schema."""
    if column.kind == "boolean":
        return True
    return bool(column.categories) if column.kind in CATEGORY_KINDS else column.bounds is not None


def require_domains(schema: Schema) -> None:
    """Refuses a schema with unwritten domains where none is bought.

    Raises:
        InputError: Names the columns.
    """
    without = [c.name for c in schema.encoded if not has_domain(c)]
    if without:
        many = "column has" if len(without) == 1 else "columns have"
        raise InputError(
            f"{len(without)} {many} no bounds or categories, and this job buys none.",
            hint="Write them into the schema; or take a private generator with `domains: buy`.",
            details=[f"Column {name!r} has no domain." for name in without],
        )
