"""A value that a rule names, in its column's own type.

Takes a column and what YAML gave, gives the value, or says in words why it is none.
"""

from __future__ import annotations

import datetime
import difflib
import math
from typing import Any

from synthkit.schema.constraints import Value
from synthkit.schema.model import CATEGORY_KINDS, Column


class NotAValue(ValueError):  # noqa: N818 (a sentence about a value, not a failure)
    """What stands there is no value of the column; the message says so without a full stop."""


def typed(column: Column, given: Any, *, is_bound: bool = False, is_high: bool = False) -> Value:
    """Returns a value in the column's own type.

    Args:
        column: Of the schema; domains that are yet to be bought refuse nothing.
        given: What stands in the file.
        is_bound: Whether it is an end of a range, which may lie outside the domain.
        is_high: Whether it is an upper end, where a day means all of that day.

    Raises:
        NotAValue: Saying what is wrong.
    """
    if column.kind in CATEGORY_KINDS:
        return _category(column, given)
    if column.kind == "boolean":
        if isinstance(given, str) and given.lower() in ("true", "false"):
            return given.lower() == "true"  # a key of a map is text
        if not isinstance(given, bool):
            raise NotAValue(f"column {column.name!r} is true or false")
        return given
    if column.kind in ("integer", "float"):
        value = _number(column, given)
    else:
        value = _time(column, given, at=datetime.time.max if is_high else datetime.time.min)
    is_outside = (
        not is_bound
        and column.bounds is not None
        and column.domain_source == "public"
        and not column.bounds[0] <= value <= column.bounds[1]  # type: ignore[operator]
    )
    if is_outside:
        raise NotAValue(f"names a value outside the bounds of column {column.name!r}")
    return value


def _category(column: Column, given: Any) -> Value:
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise NotAValue(f"column {column.name!r} has categories: name one, in quotes where needed")
    if column.categories is None:
        return str(given)
    for category in column.categories:
        if str(category) == str(given):
            return category
    near = difflib.get_close_matches(str(given), [str(c) for c in column.categories], n=1)
    mean = f"; did you mean {near[0]!r}?" if near else ""
    raise NotAValue(f"column {column.name!r} has no category {given!r}{mean}")


def _number(column: Column, given: Any) -> Value:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise NotAValue(f"column {column.name!r} is {column.kind}; name a number")
    return float(given) if column.kind == "float" else given


def _time(column: Column, given: Any, *, at: datetime.time) -> Value:
    if isinstance(given, str):
        try:
            given = datetime.datetime.fromisoformat(given)
        except ValueError:
            given = None
        else:
            is_midnight = given.time() == datetime.time() and given.tzinfo is None
            given = given.date() if is_midnight and column.kind == "date" else given
    is_moment = isinstance(given, datetime.datetime)
    if not isinstance(given, datetime.date) or (column.kind == "date" and is_moment):
        raise NotAValue(f"column {column.name!r} is {column.kind}; write YYYY-MM-DD as needed")
    if column.kind == "date":
        return given
    if not isinstance(given, datetime.datetime):
        return datetime.datetime.combine(given, at)
    if given.tzinfo is not None:
        given = given.astimezone(datetime.UTC)
    moment: datetime.datetime = given.replace(tzinfo=None)
    return moment
