"""The schema as people write it: one YAML file, strict, and back.

Takes YAML, gives a frozen `Schema`; `dump` is the way back, and `parse(dump(schema)) == schema`
for every valid schema. Types are checked first, then what they mean together; each stage reports
all its problems at once (see `document`).
"""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from synthkit.schema._yaml import inline, write
from synthkit.schema.document import Problems, parse_document, read_document
from synthkit.schema.model import (
    CATEGORY_KINDS,
    NUMERIC_KINDS,
    TIME_KINDS,
    Bound,
    Column,
    DateOrder,
    Kind,
    Role,
    Schema,
)

Problem = tuple[tuple[str | int, ...], str]

_POPULATION = re.compile(r"[a-z0-9._/-]{1,100}")
_MAX_DECIMALS = 12
_HEADER = """\
# The schema of {name}: what is known about the table before anyone looks at it.
# Review it once, by hand:
#   proposed     `inspect` wrote this from the table. Delete the line once you have reviewed it:
#                until then no release from it has a guarantee, for one row may decide a kind.
#   kind, role   is each column what it says? One person_id, if several rows may be one person's.
#   from: data   these bounds or categories were read from the table itself. A private generator
#                ignores them and buys its own from noisy counts, which costs part of its budget:
#                write what is publicly known and `from: public` instead; it is free and better.
#   from: noisy  an earlier release bought these from noisy counts, inside its budget.
#   population   the people that the privacy budget is kept for; shared by tables about them.
#   targets      the columns that users will predict.
# Words that YAML could mistake (yes, null, 007, 2020-01-01) stand in quotes.
"""


def _token(value: Any) -> Any:
    """Accepts a number as a missing token: -1 means the cell that says -1."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


Token = Annotated[str, BeforeValidator(_token)]
BoundForm = int | float | datetime.datetime | datetime.date | str


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class ColumnForm(_Form):
    """One entry under `columns`."""

    name: str = Field(description="The column's name in the table, letter by letter.")
    kind: Kind = Field(description="What the column holds.")
    role: Role = Field("other", description="How it relates to a person.")
    nullable: bool = Field(False, description="Whether cells may be missing.")
    bounds: list[BoundForm] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Lowest and highest possible value, both inclusive; numbers and times. May be "
        "left out where they are bought (`from: data`).",
    )
    categories: list[str | int] | None = Field(
        None, description="All possible values, in order for `ordinal`."
    )
    decimals: int | None = Field(None, description="Number of decimals written; float only.")
    date_order: DateOrder | None = Field(
        None, description="Whether day or month comes first in dates such as 01/02/2024."
    )
    source: Literal["public", "data", "noisy"] = Field(
        "data",
        alias="from",
        description="Who says what the bounds or categories are: public knowledge, the table "
        "(a private generator then ignores what is written and buys them within its budget), or "
        "noisy counts that an earlier budget covered.",
    )
    missing: list[Token] = Field([], description="Tokens that mean missing in this column.")
    description: str = Field("", description="What the column means.")


class SchemaForm(_Form):
    """The YAML form of a schema."""

    synthkit: Literal["schema/1"] = Field(description="The format of this file.")
    name: str = Field(description="Name of the table, for people.")
    population: str = Field(description="The people that the ledger charges.")
    description: str = Field("", description="What the table is.")
    rows_public: int | None = Field(
        None, description="Publicly known order of magnitude of the number of rows.", gt=0
    )
    unit: Literal["person", "row"] | None = Field(
        None, description="What is protected; by default the person where a person_id is declared."
    )
    proposed: bool = Field(
        False, description="Written by `inspect` and not reviewed; delete the line once it is."
    )
    missing: list[Token] = Field([], description="Tokens that mean missing in every column.")
    targets: list[str] = Field([], description="Columns that users will predict.")
    columns: list[ColumnForm] = Field(description="The columns, in order.")

    @model_validator(mode="after")
    def _means_something(self) -> SchemaForm:
        problems = [*_table_problems(self)]
        for i, column in enumerate(self.columns):
            at = ("columns", i)
            problems.extend(
                ((*at, *path), f"column {column.name!r} {sentence}")
                for path, sentence in _column_problems(column, self.missing)
            )
        if problems:
            raise Problems(problems)
        return self


def _is_encoded(column: ColumnForm) -> bool:
    return Column(name=column.name, kind=column.kind, role=column.role).is_encoded


def _table_problems(form: SchemaForm) -> Iterator[Problem]:
    """Yields what is wrong with the table as a whole."""
    if not form.name.strip():
        yield ("name",), "must not be empty"
    if not _POPULATION.fullmatch(form.population):
        yield (
            ("population",),
            "must be 1 to 100 small letters, digits, dots, dashes, underscores or slashes",
        )
    if not form.columns:
        yield ("columns",), "must have at least one column"
        return
    for i, token in enumerate(form.missing):
        if token != token.strip() or not token:
            yield ("missing", i), "must not be blank or padded; blank cells are always missing"
    for name, n in Counter(c.name for c in form.columns).items():
        if n > 1:
            yield ("columns",), f"column {name!r} is declared {n} times"
    persons = [c.name for c in form.columns if c.kind == "person_id"]
    if len(persons) > 1:
        named = ", ".join(repr(p) for p in persons)
        yield ("columns",), f"only one column can be the person_id, not {named}; make others id"
    if form.unit == "person" and not persons:
        yield ("unit",), "is person, but no column has the kind person_id"
    encoded = {c.name for c in form.columns if _is_encoded(c)}
    if not encoded:
        yield ("columns",), "no column can be learned: all are identifiers or text"
    declared = {c.name for c in form.columns}
    for i, target in enumerate(form.targets):
        if target not in declared:
            yield ("targets", i), f"there is no column {target!r} to predict"
        elif target not in encoded:
            yield ("targets", i), f"column {target!r} is left out, so it cannot be a target"
    for target, n in Counter(form.targets).items():
        if n > 1:
            yield ("targets",), f"{target!r} is named {n} times"


def _column_problems(column: ColumnForm, missing: Sequence[str]) -> Iterator[Problem]:
    """Yields what is wrong with one column."""
    if not column.name.strip():
        yield ("name",), "must have a name"
    elif column.name != column.name.strip():
        yield ("name",), "must not begin or end with a space"
    for i, token in enumerate(column.missing):
        if token != token.strip() or not token:
            yield ("missing", i), "has a blank or padded missing token; blank is always missing"
    if column.date_order is not None and column.kind not in TIME_KINDS:
        yield ("date_order",), f"is {column.kind}; only date and datetime columns have an order"
    if column.decimals is not None and column.kind != "float":
        yield ("decimals",), f"is {column.kind}; only float columns have decimals"
    elif column.decimals is not None and not 0 <= column.decimals <= _MAX_DECIMALS:
        yield ("decimals",), f"must have between 0 and {_MAX_DECIMALS} decimals"
    yield from _bound_problems(column)
    yield from _category_problems(column, {*missing, *column.missing})


def _bound_problems(column: ColumnForm) -> Iterator[Problem]:
    takes_bounds = column.kind in (*NUMERIC_KINDS, *TIME_KINDS)
    if column.bounds is None:
        if takes_bounds and _is_encoded(column) and column.source != "data":
            yield (), f"is {column.kind} and needs bounds: [lowest, highest]; or write from: data"
        return
    if not takes_bounds:
        yield ("bounds",), f"is {column.kind}; only numbers, dates and datetimes have bounds"
        return
    try:
        low, high = (_bound(b, column.kind, is_high=i == 1) for i, b in enumerate(column.bounds))
    except ValueError as error:
        yield ("bounds",), str(error)
        return
    if low > high:  # type: ignore[operator]  # both are of the column's own type
        yield ("bounds",), "has its bounds reversed: the lower one comes first"


def _bound(value: BoundForm, kind: Kind, *, is_high: bool) -> Bound:
    """Turns a written bound to the column's own type.

    Raises:
        ValueError: Saying how the bounds must be written.
    """
    if kind in NUMERIC_KINDS:
        if not isinstance(value, int | float):
            raise ValueError(f"is {kind}; its bounds must be numbers")
        if not math.isfinite(value):
            raise ValueError("must have finite bounds")
        if kind == "float":
            return float(value)
        if value != int(value):
            raise ValueError("is integer; its bounds must be whole numbers")
        if not -(2**63) <= value < 2**63:
            raise ValueError("has bounds that do not fit into 64 bits")
        return int(value)
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            value = 0
        else:
            is_midnight = value.time() == datetime.time() and value.tzinfo is None
            value = value.date() if is_midnight and kind == "date" else value
    if kind == "date":
        if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
            raise ValueError("is date; its bounds must be dates, written YYYY-MM-DD")
        return value
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        return value
    if isinstance(value, datetime.date):
        # A day as the upper bound means all of that day.
        at = datetime.time.max if is_high else datetime.time.min
        return datetime.datetime.combine(value, at)
    raise ValueError("is datetime; its bounds must be written YYYY-MM-DD HH:MM:SS")


def _category_problems(column: ColumnForm, missing: set[str]) -> Iterator[Problem]:
    categories = column.categories
    takes_categories = column.kind in CATEGORY_KINDS
    if categories is None:
        if takes_categories and _is_encoded(column) and column.source != "data":
            yield (), f"is {column.kind} and needs its categories; or write from: data"
        return
    at = ("categories",)
    if not takes_categories:
        yield at, f"is {column.kind}; only categorical and ordinal columns have categories"
        return
    if not categories:
        yield at, "must have at least one category"
    if len({type(c) for c in categories}) > 1:
        yield at, "mixes numbers and text; put all of its categories in quotes"
    if any(isinstance(c, int) and not -(2**63) <= c < 2**63 for c in categories):
        yield at, "has categories that do not fit into 64 bits; put them in quotes"
    twice = [c for c, n in Counter(categories).items() if n > 1]
    if twice:
        yield at, f"has categories twice: {', '.join(repr(c) for c in twice)}"
    if any(isinstance(c, str) and c != c.strip() for c in categories):
        yield at, "has categories that begin or end with a space; cells are compared trimmed"
    if "" in categories:
        yield at, "has an empty category; empty cells are always missing (nullable: true)"
    both = [c for c in categories if str(c) in missing]
    if both:
        named = ", ".join(repr(c) for c in both)
        yield at, f"has categories that also mean missing: {named}; take them out of one list"


def _to_column(form: ColumnForm) -> Column:
    bounds = None
    if form.bounds is not None:
        low, high = form.bounds
        bounds = (_bound(low, form.kind, is_high=False), _bound(high, form.kind, is_high=True))
    return Column(
        name=form.name,
        kind=form.kind,
        role=form.role,
        nullable=form.nullable,
        bounds=bounds,
        categories=None if form.categories is None else tuple(form.categories),
        decimals=form.decimals,
        date_order=form.date_order,
        domain_source=form.source,
        missing=tuple(form.missing),
        description=form.description,
    )


def _to_schema(form: SchemaForm) -> Schema:
    return Schema(
        name=form.name,
        population=form.population,
        columns=tuple(_to_column(c) for c in form.columns),
        targets=tuple(form.targets),
        missing=tuple(form.missing),
        rows_public=form.rows_public,
        unit=form.unit,
        description=form.description,
        proposed=form.proposed,
    )


def load(path: str | Path) -> Schema:
    """Reads a schema from a YAML (or JSON) file.

    Raises:
        ConfigError: If the file cannot be read or breaks the rules; `details` has every problem.
    """
    return _to_schema(read_document(path, SchemaForm, what="schema"))


def parse(text: str) -> Schema:
    """Reads a schema from YAML text.

    Raises:
        ConfigError: If the text breaks the rules; `details` has every problem.
    """
    return _to_schema(parse_document(text, SchemaForm, what="schema"))


def dump(schema: Schema) -> str:
    """Writes a schema as YAML that `parse` reads back unchanged, with a word on what to review.

    Returns:
        The text of the file, ending in a line break.
    """
    top: dict[str, Any] = {
        "synthkit": "schema/1",
        "name": schema.name,
        "population": schema.population,
    }
    optional = {
        "description": schema.description,
        "rows_public": schema.rows_public,
        "unit": schema.unit,
        "proposed": schema.proposed,
        "missing": inline(schema.missing),
        "targets": inline(schema.targets),
    }
    top.update({key: value for key, value in optional.items() if value})
    top["columns"] = [_plain(column) for column in schema.columns]
    name = " ".join(schema.name.split())
    # Only an entry of `columns` begins at the margin with a dash: lines of text are indented.
    body = write(top).replace("\n- name:", "\n\n- name:")
    return _HEADER.format(name=_printable(name)) + body


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)


def _plain(column: Column) -> dict[str, Any]:
    """Writes a column as plain values, defaults left out."""
    plain: dict[str, Any] = {"name": column.name, "kind": column.kind}
    if column.role != "other":
        plain["role"] = column.role
    if column.nullable:
        plain["nullable"] = True
    if column.bounds is not None:
        plain["bounds"] = inline(column.bounds)
    if column.categories is not None:
        plain["categories"] = inline(column.categories)
    if column.decimals is not None:
        plain["decimals"] = column.decimals
    if column.date_order is not None:
        plain["date_order"] = column.date_order
    if column.is_encoded or column.domain_source != "data":
        plain["from"] = column.domain_source
    if column.missing:
        plain["missing"] = inline(column.missing)
    if column.description:
        plain["description"] = column.description
    return plain


def json_schema() -> dict[str, Any]:
    """Returns the JSON Schema of the YAML form, for editors."""
    return SchemaForm.model_json_schema(by_alias=True)
