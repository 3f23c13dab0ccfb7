"""The schema as frozen values: `Schema` and its `Column`s."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from synthkit.schema.constraints import Constraint

Kind = Literal[
    "integer",
    "float",
    "categorical",
    "boolean",
    "ordinal",
    "date",
    "datetime",
    "id",
    "person_id",
    "text",
]
Role = Literal["identifier", "quasi_identifier", "sensitive", "other"]
DomainSource = Literal["public", "data", "noisy"]
DateOrder = Literal["day_first", "month_first"]
Bound = int | float | datetime.date | datetime.datetime
Category = str | int

NUMERIC_KINDS: tuple[Kind, ...] = ("integer", "float")
TIME_KINDS: tuple[Kind, ...] = ("date", "datetime")
CATEGORY_KINDS: tuple[Kind, ...] = ("categorical", "ordinal")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the table.

    The table that rooms exchange ("conformed") holds each kind as one polars type: integer Int64,
    float Float64, boolean Boolean, categorical and ordinal Int64 if all categories are integers
    and String otherwise, date Date, datetime Datetime("us"), id, person_id and text String.
    Missing-value tokens have become null.
    """

    name: str
    kind: Kind
    role: Role = "other"
    nullable: bool = False
    bounds: tuple[Bound, Bound] | None = None
    """Lowest and highest allowed value, both inclusive; numeric and time kinds."""
    categories: tuple[Category, ...] | None = None
    """Allowed values, in order for `ordinal`; categorical and ordinal kinds."""
    decimals: int | None = None
    """Number of decimals written, for `float`; None: full precision."""
    date_order: DateOrder | None = None
    """How to read dates such as 01/02/2024, for `date` and `datetime`; None: they are unreadable.
    Declared, never guessed from the column: no row may decide how the others are read."""
    domain_source: DomainSource = "data"
    """Who says what the bounds or categories are: public knowledge, the table itself, or noisy
    counts of the table that a privacy budget covered."""
    missing: tuple[str, ...] = ()
    """Tokens that mean "missing" in this column, beside the schema's."""
    description: str = ""

    @property
    def is_encoded(self) -> bool:
        """Whether generators learn this column; identifiers and free text are left out."""
        return self.kind not in ("id", "person_id", "text") and self.role != "identifier"

    @property
    def omission_reason(self) -> str:
        """Why the synthetic table lacks this column; empty when it has it."""
        if self.kind == "text" and self.role != "identifier":
            return "free text is not synthesised: it may name people"
        if not self.is_encoded:
            return "identifiers are never learned or copied"
        return ""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """A table's columns, its population and its privacy unit."""

    name: str
    population: str
    """The people (or rows) that the ledger charges; several tables may share one."""
    columns: tuple[Column, ...]
    targets: tuple[str, ...] = ()
    """Columns that users will predict; utility is measured on them."""
    missing: tuple[str, ...] = ()
    """Tokens that mean "missing" in every column."""
    rows_public: int | None = None
    """Publicly known order of magnitude of the number of rows; sets the default delta."""
    unit: Literal["person", "row"] | None = None
    """None: person where a person id is declared, else row. `row` must be asked for."""
    description: str = ""
    proposed: bool = False
    """True: `inspect` wrote it from the table and nobody has reviewed it. Kinds of columns and
    words for missing are then read from the data, and no budget covers that."""
    constraints: tuple[Constraint, ...] = ()
    """Rules that every synthetic row obeys. Public: none of them is read from real rows."""

    @property
    def person_id(self) -> str | None:
        """Name of the person id column, if one is declared."""
        return next((c.name for c in self.columns if c.kind == "person_id"), None)

    @property
    def privacy_unit(self) -> Literal["person", "row"]:
        """The unit that the guarantee protects."""
        if self.unit is not None:
            return self.unit
        return "person" if self.person_id else "row"

    @property
    def encoded(self) -> tuple[Column, ...]:
        """The columns that generators learn, in order."""
        return tuple(c for c in self.columns if c.is_encoded)

    def column(self, name: str) -> Column:
        """Returns the column of that name.

        Raises:
            KeyError: If the schema has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
