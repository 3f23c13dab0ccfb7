"""A first schema, proposed from a table: kinds, roles, person id, identifiers, domains.

Takes the raw table that `source.read` gives, gives a `Proposal`: a schema that loads and fits the
table, and notes for the terminal. Whatever is read from the data is marked `from: data`, because
no budget covers it; bounds are rounded outward and categories sorted, so that neither an extreme
nor the order of the rows is copied.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthkit.errors import InputError
from synthkit.schema import _naming
from synthkit.schema._proposing import FEW, Draft, propose
from synthkit.schema.model import CATEGORY_KINDS, Column, Schema

if TYPE_CHECKING:
    import polars as pl

_MAX_TARGETS = 3
_MAX_NAMED = 8


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposed schema and what a person should look at."""

    schema: Schema
    notes: tuple[str, ...]
    """Sentences for the terminal; they name columns and counts, never a cell."""


def inspect(table: pl.DataFrame, *, name: str) -> Proposal:
    """Proposes a schema for a raw table.

    Args:
        table: Raw table, shape (n_rows, n_columns), at least one of each.
        name: Name of the table, for example its file name without the suffix; the population's
            name is derived from it.

    Raises:
        InputError: If the table is empty or has nested columns.
    """
    _refuse(table)
    person = _person_id(table)
    drafts = [propose(v, is_person=v.name == person) for v in table.get_columns()]
    shared = _shared_tokens(drafts)
    columns = tuple(_without(draft.column, shared) for draft in drafts)
    targets = _targets(columns)
    schema = Schema(
        name=name.strip() or "table",
        population=_naming.population(name),
        columns=columns,
        targets=targets,
        missing=shared,
        proposed=True,
    )
    return Proposal(schema=schema, notes=tuple(_notes(schema, drafts)))


def _targets(columns: Sequence[Column]) -> tuple[str, ...]:
    """Proposes what people will predict: by name, else the last column if it has few levels."""
    levels = [c for c in columns if c.is_encoded and c.kind in (*CATEGORY_KINDS, "boolean")]
    named = [c.name for c in levels if _naming.is_target(c.name)]
    last = columns[-1]
    if not named and last in levels and last.role != "quasi_identifier":
        is_useful = last.kind == "boolean" or 2 <= len(last.categories or ()) <= FEW
        named = [last.name] if is_useful else []
    return tuple(named[:_MAX_TARGETS])


def _refuse(table: pl.DataFrame) -> None:
    if table.height == 0 or table.width == 0:
        raise InputError(
            "The table has no rows or no columns.", hint="Give a table with at least two rows."
        )
    nested = [v.name for v in table.get_columns() if v.dtype.is_nested()]
    if nested:
        raise InputError(
            "The table has nested columns (lists or structs).",
            hint="Unnest them: one plain column per value.",
            details=[f"Column {name!r} is nested." for name in nested],
        )


def _person_id(table: pl.DataFrame) -> str | None:
    """Chooses the column that most likely numbers people."""
    import polars as pl

    candidates: list[tuple[int, int, str]] = []
    for i, values in enumerate(table.get_columns()):
        name = values.name
        is_number = values.dtype.is_integer()
        if not (is_number or values.dtype.is_float() or values.dtype == pl.String):
            continue
        is_named = _naming.is_person_id(name)
        if not is_named and not _naming.is_bare_person(name):
            continue
        present = values.drop_nulls()
        n_distinct = present.n_unique()
        # A few levels that many rows share are codes or groups, not people.
        if n_distinct < 2 or (n_distinct <= FEW and len(present) > 10 * n_distinct):
            continue
        if not is_named and not is_number and _has_spaces(present):
            continue
        is_group = bool({"account", "household", "accounts"} & set(_naming.words(name)))
        candidates.append((2 * is_group + (not is_named), i, name))
    return min(candidates)[2] if candidates else None


def _has_spaces(values: pl.Series) -> bool:
    import polars as pl

    if values.dtype != pl.String:
        return True  # fractions: a word for a person alone does not make them ids
    return float(values.str.strip_chars().str.contains(r"\s").mean() or 0.0) > 0.2  # type: ignore[arg-type]


def _shared_tokens(drafts: Sequence[Draft]) -> tuple[str, ...]:
    """Returns the missing tokens that several columns share and none has as a category."""
    counts = Counter(token for d in drafts for token in d.column.missing)
    categories = {str(c) for d in drafts for c in d.column.categories or ()}
    return tuple(sorted(t for t, n in counts.items() if n > 1 and t not in categories))


def _without(column: Column, shared: Sequence[str]) -> Column:
    own = tuple(token for token in column.missing if token not in shared)
    return dataclasses.replace(column, missing=own)


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(repr(n) for n in names[:_MAX_NAMED])
    return shown + (f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else "")


def _notes(schema: Schema, drafts: Sequence[Draft]) -> list[str]:
    """Collects what a person should look at, the most important first."""
    notes: list[str] = [
        "This is a proposal: kinds and words for missing were read from the table. Review it and "
        "delete the line `proposed: true`; until then no release from it has a guarantee."
    ]
    if schema.person_id is None:
        notes.append(
            "No column looks like a person id: each row is taken for one person. If several rows "
            "can be one person's, declare the column that says so (kind: person_id)."
        )
    person_first = sorted(drafts, key=lambda d: d.column.kind != "person_id")
    notes.extend(note for draft in person_first for note in draft.notes)
    tokens = [d.column.name for d in drafts if d.column.missing]
    if tokens:
        notes.append(f"Words that mean missing were found in {_named(tokens)} (see `missing`).")
    likely = [d.column.name for d in drafts if d.has_likely_tokens]
    if likely:
        notes.append(
            f"In {_named(likely)} a word that can also be a real value was taken for missing; "
            "take it out of `missing` if it is one."
        )
    data = [c.name for c in schema.encoded if c.domain_source == "data"]
    if data:
        notes.append(
            f"Bounds or categories of {len(data)} column{'' if len(data) == 1 else 's'} were read "
            "from the data and are marked `from: data`: a private generator ignores them and buys "
            "its own with part of its budget. What is publicly known, written `from: public`, "
            "is free and better."
        )
    rare = [d.column.name for d in drafts if d.n_rare and d.column.is_encoded]
    if rare:
        notes.append(
            f"Categories that fewer than ten rows have stand in {_named(rare)}: a name that few "
            "people have can point at them; keep only what is publicly known."
        )
    if schema.targets:
        notes.append(f"Taken for what people will predict: {_named(schema.targets)}; confirm.")
    else:
        notes.append("No target was found: name the columns people will predict under `targets`.")
    if not schema.encoded:
        notes.append("No column can be learned: all look like identifiers or text; correct kinds.")
    return notes
