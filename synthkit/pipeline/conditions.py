"""Conditions as users write them: one value, a range, several categories, missing.

In: what follows `--where COLUMN=` or stands in Python's `where`. Out: a `Condition` of the encode
room. Text is read by the column's kind; bounds may have been read from the data and are not named.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from synthkit.encode import Condition
from synthkit.errors import InputError
from synthkit.schema import Column, Schema
from synthkit.schema.model import CATEGORY_KINDS

_RANGE = ".."
_ANY_OF = "|"


def column_of(schema: Schema, name: str) -> Column:
    """Returns an encoded column.

    Raises:
        InputError: If the model has no such column.
    """
    for column in schema.encoded:
        if column.name == name:
            return column
    raise InputError(
        f"The model has no column named {name!r}.",
        hint="Its columns: " + ", ".join(c.name for c in schema.encoded) + ".",
    )


def has_categories(column: Column) -> bool:
    """Whether the column's values are categories, or true and false."""
    return column.kind in CATEGORY_KINDS or column.kind == "boolean"


def categories_of(column: Column) -> tuple[object, ...]:
    """Returns all values of a column that has categories."""
    return (False, True) if column.kind == "boolean" else tuple(column.categories or ())


def parse_condition(column: Column, given: object) -> Condition:
    """Reads a condition on one column.

    Args:
        column: The column.
        given: A value; text with a value, `LOW..HIGH` (either end may be left out; of an ordinal
            column, categories in its order) or, for categories, `A|B`; a tuple (low, high), None
            being an open end; a list or set of categories; None or an empty text: missing.

    Raises:
        InputError: If it is no condition that the column can satisfy.
    """
    if given is None or (given == "" and (column.nullable or "" not in _names(column))):
        if not column.nullable:
            raise InputError(
                f"The column {column.name!r} is never missing.", hint="Name a value instead."
            )
        return Condition(missing=True)
    if has_categories(column):
        return Condition(values=_categories(column, given))
    if isinstance(given, list | set | frozenset):
        raise InputError(
            f"The {column.kind} column {column.name!r} takes one value or one range.",
            hint="A range is (low, high) in Python and LOW..HIGH on the command line.",
        )
    if isinstance(given, tuple):
        return Condition(bounds=_bounds(column, given))
    if isinstance(given, str) and _RANGE in given:
        low, _, high = given.partition(_RANGE)
        return Condition(bounds=_bounds(column, (low or None, high or None)))
    value = _one_value(column, str(given))
    return Condition(bounds=(value, value))


def _one_value(column: Column, text: str) -> object:
    """Reads one value; where it is none, the hint also says how missing cells are asked for."""
    try:
        return parse_value(column, text)
    except InputError as error:
        if not column.nullable:
            raise
        missing = f"{column.name}= with nothing after it (None in Python)"
        hint = f"{error.hint} Missing cells are asked for by {missing}."
        raise InputError(error.message, hint=hint) from None


def _categories(column: Column, given: object) -> tuple[object, ...]:
    if isinstance(given, tuple) and column.kind == "ordinal":
        return _between(column, given)
    if isinstance(given, list | set | frozenset | tuple):
        texts = [str(g) for g in given]
    elif isinstance(given, str) and _ANY_OF in given and given not in _names(column):
        texts = given.split(_ANY_OF)
    elif isinstance(given, str) and _RANGE in given and given not in _names(column):
        low, _, high = given.partition(_RANGE)
        return _between(column, (low or None, high or None))
    else:
        texts = [str(given)]
    if not texts:
        raise InputError(
            f"No category of {column.name!r} is named.", hint="Name at least one of them."
        )
    return tuple(_one_value(column, text) for text in texts)


def _between(column: Column, given: tuple[object, ...]) -> tuple[object, ...]:
    """Returns the categories from one to another, both included, in the column's order."""
    categories = column.categories or ()
    # Bought names of no number stand in alphabetical order, whatever they mean.
    is_in_order = column.domain_source != "noisy" or all(isinstance(c, int) for c in categories)
    if column.kind != "ordinal" or not is_in_order:
        raise InputError(
            f"The categories of {column.name!r} have no order, so that there is no range of them.",
            hint=f"Name each: {column.name}=A|B, a list in Python. {_listed(column)}",
        )
    _require_ends(column, given)
    low, high = (None if g is None else categories.index(_category(column, str(g))) for g in given)
    found = categories[low : None if high is None else high + 1]
    if not found:
        raise _empty_range(column, "Write the lower end first.")
    return found


def _names(column: Column) -> set[str]:
    return {str(c) for c in categories_of(column)}


def _require_ends(column: Column, given: tuple[object, ...]) -> None:
    if len(given) != 2 or (given[0] is None and given[1] is None):
        raise InputError(
            f"The range of {column.name!r} needs a lowest or a highest value.",
            hint="Write 18..65, 65.. or ..17; in Python (18, 65), (65, None) or (None, 17).",
        )


def _empty_range(column: Column, hint: str) -> InputError:
    return InputError(f"No value of the column {column.name!r} lies in that range.", hint=hint)


def _bounds(column: Column, given: tuple[object, ...]) -> tuple[object, object]:
    _require_ends(column, given)
    low, high = (None if g is None else _typed(column, str(g)) for g in given)
    domain: tuple[Any, Any] = column.bounds or (None, None)
    first, last = domain
    try:
        # Compared here, so that a time with a zone is refused before any row is drawn.
        is_empty = any(
            lower is not None and upper is not None and lower > upper
            for lower, upper in ((low, high), (low, last), (first, high))
        )
    except TypeError:
        is_empty = True
    if is_empty:
        raise _empty_range(
            column, "The schema states its bounds; write the lower end first, times without a zone."
        )
    return low, high


def parse_value(column: Column, text: str) -> object:
    """Turns text into a value of the column's domain.

    Raises:
        InputError: If the text is no value of the column's type, or lies outside its domain.
    """
    if column.kind in CATEGORY_KINDS:
        return _category(column, text)
    value = _typed(column, text)
    try:
        is_inside = column.bounds is None or column.bounds[0] <= value <= column.bounds[1]
    except TypeError:  # a time with a zone, beside bounds without one
        is_inside = False
    if not is_inside:
        # The bounds may have been read from the data: they are not named.
        raise InputError(
            f"{text!r} lies outside the domain of the column {column.name!r}.",
            hint="The schema states its bounds; times are written without a zone.",
        )
    return value


def _typed(column: Column, text: str) -> Any:
    try:
        match column.kind:
            case "integer":
                return int(text)
            case "float":
                number = float(text)
                if number != number:
                    return _outside(column, text)
                return number
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "date":
                return datetime.date.fromisoformat(text)
            case _:
                return datetime.datetime.fromisoformat(text)
    except (ValueError, KeyError):
        raise InputError(
            f"{text!r} is not a value of the {column.kind} column {column.name!r}.",
            hint="Numbers as 12 or 1.5, booleans as true or false, dates as 2024-12-31.",
        ) from None


def _outside(column: Column, text: str) -> Any:
    raise InputError(
        f"{text!r} lies outside the domain of the column {column.name!r}.",
        hint="NaN is no value; leave the text empty for missing.",
    )


def _category(column: Column, text: str) -> object:
    for category in column.categories or ():
        if str(category) == text:
            return category
    raise InputError(f"{text!r} is not a category of {column.name!r}.", hint=_listed(column))


def _listed(column: Column) -> str:
    categories = categories_of(column)
    listed = ", ".join(str(c) for c in categories[:20]) + (", ..." if len(categories) > 20 else "")
    return f"Its categories: {listed}."


def parse_shares(column: Column, given: object) -> dict[object, float]:
    """Reads the shares that `balance` asks for, each category's own.

    Args:
        column: A column with categories (or true and false).
        given: `uniform`, or a mapping of category to share.

    Raises:
        InputError: If the column has no categories, or the shares are none.
    """
    if not has_categories(column):
        raise InputError(
            f"The {column.kind} column {column.name!r} has no categories to balance.",
            hint="Balance a categorical, ordinal or boolean column.",
        )
    categories = categories_of(column)
    if given == "uniform":
        return {category: 1.0 / len(categories) for category in categories}
    if not isinstance(given, Mapping) or not given:
        raise InputError(
            f"The balance of {column.name!r} is neither 'uniform' nor shares of its categories.",
            hint="For example {'rating': 'uniform'} or {'disease': {'yes': 0.2}}.",
        )
    shares: dict[object, float] = {}
    for category, share in given.items():
        try:
            number = float(share)
        except (TypeError, ValueError):
            number = -1.0
        if not 0 <= number <= 1:
            raise InputError(
                f"A share of {column.name!r} is not between 0 and 1.", hint="For example 0.2."
            )
        value = parse_value(column, str(category))
        if value in shares:
            raise InputError(
                f"The balance of {column.name!r} names a category twice.", hint="Name it once."
            )
        shares[value] = number
    total = sum(shares.values())
    if total > 1 + 1e-9 or (len(shares) == len(categories) and total < 1 - 1e-9):
        raise InputError(
            f"The shares of {column.name!r} sum to {total:g}, not to 1.",
            hint="Shares of some categories sum to at most 1, of all of them to 1; what is left "
            "goes to the others as the model has them.",
        )
    return shares


def require_mappings(where: object, balance: object) -> None:
    """Refuses conditions and balances that name no column."""
    if where is not None and not isinstance(where, Mapping):
        raise InputError(
            f"Conditions (`where`) must be a dict of columns, not {type(where).__name__}.",
            hint="For example where={'age': (18, 65), 'ward': ['north', 'east'], 'weight': None}.",
        )
    if balance is not None and not isinstance(balance, Mapping):
        raise InputError(
            f"A balance must be a dict of one column, not {type(balance).__name__}.",
            hint="For example balance={'rating': 'uniform'} or {'disease': {'yes': 0.2}}.",
        )
