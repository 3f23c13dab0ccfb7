"""The schema as people write it: one YAML file, strict, and back.

Takes YAML, gives a frozen `Schema`; `dump` is the way back, and `parse(dump(schema)) == schema`
for every valid schema. Types are checked first, then what they mean together; each stage reports
all its problems at once (see `document`).
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from synthkit.schema import _constraint_forms as rules
from synthkit.schema._column_checks import bound_of, column_problems, is_encoded
from synthkit.schema._constraint_checks import together
from synthkit.schema._yaml import inline, write
from synthkit.schema.document import Problems, parse_document, read_document
from synthkit.schema.model import (
    Column,
    DateOrder,
    Kind,
    Role,
    Schema,
)

Problem = tuple[tuple[str | int, ...], str]

_POPULATION = re.compile(r"[a-z0-9._/-]{1,100}")
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
#   constraints  rules that every row obeys, if any are known: docs/how-to/declare-rules.md.
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
    constraints: list[rules.ConstraintForm] = Field(
        [], max_length=200, description="Rules that every row obeys, from public knowledge."
    )

    @model_validator(mode="after")
    def _means_something(self) -> SchemaForm:
        problems = [*_table_problems(self)]
        for i, column in enumerate(self.columns):
            at = ("columns", i)
            problems.extend(
                ((*at, *path), f"column {column.name!r} {sentence}")
                for path, sentence in column_problems(column, self.missing)
            )
        problems.extend(_constraint_problems(self, is_sound=not problems))
        if problems:
            raise Problems(problems)
        return self


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
    encoded = {c.name for c in form.columns if is_encoded(c)}
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


def _constraint_problems(form: SchemaForm, *, is_sound: bool) -> Iterator[Problem]:
    """Yields what is wrong with the rules; with them together only if all else `is_sound`."""
    columns = {c.name: _to_column(c) if is_sound else _bare(c) for c in form.columns}
    found = [
        (("constraints", i, *path), sentence)
        for i, rule in enumerate(form.constraints)
        for path, sentence in rules.problems_of(rule, columns)
    ]
    yield from found
    if is_sound and not found:
        every = [rules.to_constraint(rule, columns) for rule in form.constraints]
        for path, sentence in together(every, columns):
            yield ("constraints", *path), sentence


def _to_column(form: ColumnForm) -> Column:
    bounds = None
    if form.bounds is not None:
        low, high = form.bounds
        bounds = (bound_of(low, form.kind, is_high=False), bound_of(high, form.kind, is_high=True))
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


def _bare(form: ColumnForm) -> Column:
    """A column whose domain may be unsound, without it."""
    return Column(name=form.name, kind=form.kind, role=form.role, nullable=form.nullable)


def _to_schema(form: SchemaForm) -> Schema:
    columns = tuple(_to_column(c) for c in form.columns)
    by_name = {c.name: c for c in columns}
    return Schema(
        name=form.name,
        population=form.population,
        columns=columns,
        targets=tuple(form.targets),
        missing=tuple(form.missing),
        rows_public=form.rows_public,
        unit=form.unit,
        description=form.description,
        proposed=form.proposed,
        constraints=tuple(rules.to_constraint(rule, by_name) for rule in form.constraints),
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
    if schema.constraints:
        top["constraints"] = [rules.plain(rule) for rule in schema.constraints]
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
