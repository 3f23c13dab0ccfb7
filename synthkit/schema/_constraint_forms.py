"""Rules as people write them under `constraints`, what can be wrong with them, and the way back.

Takes the pydantic form of a rule and the schema's columns, gives frozen `constraints`; `problems`
finds everything that is wrong with all rules at once, each at its place in the file, and `plain`
writes a rule so that reading it gives the same one.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from synthkit.schema._constraint_values import NotAValue, typed
from synthkit.schema._yaml import inline
from synthkit.schema.constraints import (
    Constraint,
    Follows,
    Implies,
    Order,
    Pairs,
    Value,
    ValueSet,
)
from synthkit.schema.model import Column

Scalar = bool | int | float | datetime.datetime | datetime.date | str
PairsForm = dict[str, Scalar] | list[list[Scalar | None]]
KEYS = ("follows", "order", "when")
_UNNAMEABLE = frozenset("'\"`\\#\n\r\t")
"""Characters that column names in pandas queries, by which rules are checked, cannot have."""
_BRACKETS = ("()", "[]", "{}")


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class ValueSetForm(_Form):
    """A condition on one column; missing cells meet it only if `missing` says so."""

    column: str = Field(description="The column.")
    equals: Scalar | list[Scalar] | None = Field(
        None, alias="is", description="One value, or a list of which any will do."
    )
    is_not: Scalar | list[Scalar] | None = Field(
        None, description="Any other value will do, and missing unless `missing: false`."
    )
    range: list[Scalar | None] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Lowest and highest value, both inclusive; null leaves an end open. Numbers "
        "and times.",
    )
    missing: bool | None = Field(
        None, description="Whether a missing cell meets it; alone, true: missing, false: present."
    )


class FollowsForm(_Form):
    """A column is a function of others (functional dependency)."""

    column: str = Field(description="The column that follows.")
    follows: str | list[str] = Field(description="The column, or columns, that decide it.")
    map: PairsForm | None = Field(
        None,
        description="What is publicly known of the function: value: value, or a list of the "
        "deciding values followed by the value (null: missing). What is left out, the model says.",
    )
    learned: PairsForm | None = Field(
        None, description="Written by a fit: the rest of the function, as the model has it."
    )


class OrderForm(_Form):
    """The values of columns ascend in every row, missing ones aside."""

    order: list[str] = Field(min_length=2, description="Columns, the lowest first.")
    strict: bool = Field(False, description="Whether equal values are barred.")


class ImpliesForm(_Form):
    """What holds of one column where something holds of another; bars combinations."""

    when: ValueSetForm = Field(description="Where this holds ...")
    then: ValueSetForm = Field(description="... this holds too.")
    exactly: bool = Field(False, description="Whether `then` holds nowhere else.")


def _kind_of(given: Any) -> str:
    """Says which kind of rule an entry is, by its keys or the nearest to them."""
    keys = list(given) if isinstance(given, Mapping) else []
    for tag in KEYS:
        if tag in keys:
            return f"a rule with {tag}"
    for key in keys:
        near = difflib.get_close_matches(str(key), (*KEYS, "then"), n=1, cutoff=0.6)
        if near:
            return f"a rule with {'when' if near[0] == 'then' else near[0]}"
    return ""


ConstraintForm = Annotated[
    Annotated[FollowsForm, Tag("a rule with follows")]
    | Annotated[OrderForm, Tag("a rule with order")]
    | Annotated[ImpliesForm, Tag("a rule with when")],
    Discriminator(
        _kind_of,
        custom_error_type="no_rule",
        custom_error_message="must be a mapping with one of the keys follows, order or when",
    ),
]
AnyForm = FollowsForm | OrderForm | ImpliesForm
Problem = tuple[tuple[str | int, ...], str]


def problems_of(form: AnyForm, columns: Mapping[str, Column]) -> Iterator[Problem]:
    """Yields what is wrong with one rule by itself."""
    match form:
        case FollowsForm():
            yield from _follows_problems(form, columns)
        case OrderForm():
            yield from _order_problems(form, columns)
        case ImpliesForm():
            for key, part in (("when", form.when), ("then", form.then)):
                found = list(_column_problems((key, "column"), part.column, columns))
                yield from found
                if not found:
                    yield from _set_problems((key,), part, columns[part.column])
            if form.when.column == form.then.column:
                yield ("then", "column"), "must be another column than that of `when`"


def _column_problems(
    at: tuple[str | int, ...], name: str, columns: Mapping[str, Column]
) -> Iterator[Problem]:
    if name not in columns:
        near = difflib.get_close_matches(name, columns, n=1, cutoff=0.6)
        mean = f"; did you mean {near[0]!r}?" if near else ""
        yield at, f"there is no column {name!r}{mean}"
    elif not columns[name].is_encoded:
        yield at, f"column {name!r} is left out of the synthetic table, so no rule can hold on it"
    elif set(name) & _UNNAMEABLE:
        yield (
            at,
            f"column {name!r} has a quote, backtick or backslash; rename it to name it in rules",
        )


def _order_problems(form: OrderForm, columns: Mapping[str, Column]) -> Iterator[Problem]:
    is_known = True
    for i, name in enumerate(form.order):
        found = list(_column_problems(("order", i), name, columns))
        yield from found
        is_known = is_known and not found
        if name in form.order[:i]:
            yield ("order", i), f"column {name!r} is named twice"
    if not is_known:
        return
    sorts = {name: _sort(columns[name]) for name in form.order}
    for i, name in enumerate(form.order):
        if not sorts[name]:
            yield ("order", i), f"column {name!r} is {columns[name].kind}, which has no order here"
    found_sorts = dict.fromkeys(s for s in sorts.values() if s)
    if len(found_sorts) > 1:
        yield (
            ("order",),
            f"compares {' with '.join(found_sorts)}; declare the columns as the same kind",
        )


def _sort(column: Column) -> str:
    """Says with what a column's values can be compared; empty: with nothing."""
    if column.kind in ("integer", "float"):
        return "numbers"
    return {"date": "dates", "datetime": "datetimes"}.get(column.kind, "")


def _follows_problems(form: FollowsForm, columns: Mapping[str, Column]) -> Iterator[Problem]:
    of = _listed(form.follows)
    found = list(_column_problems(("column",), form.column, columns))
    for i, name in enumerate(of):
        at = ("follows",) if isinstance(form.follows, str) else ("follows", i)
        wrong = list(_column_problems(at, name, columns))
        found.extend(wrong)
        if not wrong and columns[name].kind not in ("categorical", "ordinal", "boolean"):
            found.append(
                (at, f"column {name!r} is {columns[name].kind}; only categories can decide")
            )
        if name == form.column:
            found.append((at, f"column {name!r} cannot follow itself"))
        if name in of[:i]:
            found.append((at, f"column {name!r} is named twice"))
    if not of:
        found.append((("follows",), "must name at least one column"))
    yield from found
    if found:
        return
    deciding = [columns[name] for name in of]
    for key, given in (("map", form.map), ("learned", form.learned)):
        yield from _pair_problems(key, given, deciding, columns[form.column])


def _pair_problems(
    key: str, given: PairsForm | None, of: list[Column], column: Column
) -> Iterator[Problem]:
    if given is None:
        return
    if isinstance(given, dict) and len(of) > 1:
        yield (key,), "must be a list of lists where several columns decide"
        return
    seen: set[tuple[object, ...]] = set()
    rows = _rows(given)
    for i, row in enumerate(rows):
        at: tuple[str | int, ...] = (key, str(row[0]) if isinstance(given, dict) else i)
        if len(row) != len(of) + 1:
            yield (
                at,
                f"must have {len(of) + 1} entries: one of each deciding column, then the value",
            )
            continue
        cells: list[Value | None] = []
        for decider, cell in zip((*of, column), row, strict=True):
            try:
                cells.append(None if cell is None else typed(decider, cell))
            except NotAValue as error:
                yield at, str(error)
            if cell is None and not decider.nullable and decider.domain_source != "data":
                yield at, f"says missing, and column {decider.name!r} is never missing"
        if len(cells) == len(row):
            if tuple(cells[:-1]) in seen:
                yield at, "is written twice: a function has one value"
            seen.add(tuple(cells[:-1]))


def _set_problems(
    at: tuple[str | int, ...], form: ValueSetForm, column: Column
) -> Iterator[Problem]:
    given = [
        key
        for key, value in (("is", form.equals), ("is_not", form.is_not), ("range", form.range))
        if value is not None
    ]
    if len(given) > 1:
        yield at, f"has {' and '.join(given)}; one of them says it"
    if not given and form.missing is None:
        yield at, "says nothing of the column: give is, is_not, range or missing"
    if form.missing and not column.nullable and column.domain_source != "data":
        yield (*at, "missing"), f"column {column.name!r} is never missing"
    for key, values in (("is", form.equals), ("is_not", form.is_not)):
        listed = values if isinstance(values, list) else [] if values is None else [values]
        if isinstance(values, list) and not values:
            yield (*at, key), "must name at least one value"
        for i, value in enumerate(listed):
            try:
                typed(column, value)
            except NotAValue as error:
                yield ((*at, key, i) if isinstance(values, list) else (*at, key)), str(error)
    if form.range is not None:
        yield from _range_problems((*at, "range"), form.range, column)


def _range_problems(
    at: tuple[str | int, ...], given: list[Scalar | None], column: Column
) -> Iterator[Problem]:
    if not _sort(column):
        yield at, f"column {column.name!r} is {column.kind}; list its values with `is`"
        return
    ends: list[Any] = []
    for i, end in enumerate(given):
        try:
            end = None if end is None else typed(column, end, is_bound=True, is_high=i == 1)
            ends.append(end)
        except NotAValue as error:
            yield (*at, i), str(error)
    if ends == [None, None]:
        yield at, "must have a lowest or a highest value"
    if len(ends) < 2:
        return
    low, high = ends
    if low is not None and high is not None and low > high:
        yield at, "is reversed: the lower end comes first"
        return
    if column.bounds is None or column.domain_source != "public":
        return
    first, last = column.bounds
    if (high is not None and high < first) or (low is not None and low > last):
        yield at, f"lies outside the bounds of column {column.name!r}"


def to_constraint(form: AnyForm, columns: Mapping[str, Column]) -> Constraint:
    """Turns a form without problems into a rule."""
    match form:
        case FollowsForm():
            of = _listed(form.follows)
            every = [*(columns[name] for name in of), columns[form.column]]
            return Follows(
                column=form.column,
                of=of,
                known=_to_pairs(form.map, every),
                learned=_to_pairs(form.learned, every),
            )
        case OrderForm():
            return Order(columns=tuple(form.order), strict=form.strict)
        case ImpliesForm():
            return Implies(
                when=_to_set(form.when, columns),
                then=_to_set(form.then, columns),
                exactly=form.exactly,
            )


def _listed(given: str | list[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _rows(given: PairsForm) -> list[list[Scalar | None]]:
    return [[key, value] for key, value in given.items()] if isinstance(given, dict) else given


def _to_pairs(given: PairsForm | None, columns: list[Column]) -> Pairs:
    rows = _rows(given or [])
    pairs = []
    for row in rows:
        cells = [None if v is None else typed(c, v) for c, v in zip(columns, row, strict=True)]
        pairs.append((tuple(cells[:-1]), cells[-1]))
    return tuple(pairs)


def _to_set(form: ValueSetForm, columns: Mapping[str, Column]) -> ValueSet:
    column = columns[form.column]
    if form.range is not None:
        low, high = (
            None if e is None else typed(column, e, is_bound=True, is_high=i == 1)
            for i, e in enumerate(form.range)
        )
        return ValueSet(column=column.name, bounds=(low, high), missing=bool(form.missing))
    is_excluded = form.is_not is not None or (form.equals is None and form.missing is False)
    given = form.is_not if form.is_not is not None else form.equals
    listed = given if isinstance(given, list) else [] if given is None else [given]
    missing = form.missing if form.missing is not None else is_excluded
    return ValueSet(
        column=column.name,
        values=tuple(dict.fromkeys(typed(column, v) for v in listed)),
        excluded=is_excluded,
        missing=missing,
    )


def plain(constraint: Constraint) -> dict[str, Any]:
    """Writes a rule as plain values, defaults left out."""
    match constraint:
        case Follows():
            of = constraint.of
            written: dict[str, Any] = {
                "column": constraint.column,
                "follows": of[0] if len(of) == 1 else inline(of),
            }
            for key, pairs in (("map", constraint.known), ("learned", constraint.learned)):
                if pairs:
                    written[key] = _plain_pairs(pairs)
            return written
        case Order():
            strict = {"strict": True} if constraint.strict else {}
            return {"order": inline(constraint.columns), **strict}
        case Implies():
            exactly = {"exactly": True} if constraint.exactly else {}
            return {"when": _plain_set(constraint.when), "then": _plain_set(constraint.then)} | (
                exactly
            )


def _plain_pairs(pairs: Pairs) -> Any:
    is_mapping = all(
        len(key) == 1 and isinstance(key[0], str) and value is not None for key, value in pairs
    )
    if is_mapping:
        return {key[0]: value for key, value in pairs}
    return [inline([*key, value]) for key, value in pairs]


def _plain_set(values: ValueSet) -> dict[str, Any]:
    written: dict[str, Any] = {"column": values.column}
    if values.bounds is not None:
        written["range"] = inline(values.bounds)
    elif values.values:
        key = "is_not" if values.excluded else "is"
        one = len(values.values) == 1
        written[key] = values.values[0] if one else inline(values.values)
    alone = values.bounds is None and not values.values
    if values.missing != (values.excluded and not alone) or alone:
        written["missing"] = values.missing
    return written
