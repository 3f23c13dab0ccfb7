"""The meaning of one raw column: from whatever a file stores to the column's own type.

Takes one polars Series and its `Column`, gives the converted Series and the number of cells that
could not be read; `source.conform` and `schema.check` share it, so that both mean the same.

Decisions:

- Text is trimmed for every kind except `text`; names of categories are compared trimmed.
- An empty (or blank) cell, NaN, and every missing token become null. Tokens are compared trimmed
  and case-sensitively; a token that is a number also matches the number (`999` and 999.0),
  whether that is stored as a number or as text.
- A whole number stored as a float (`3.0`) is a whole number. Infinity is not a number.
- Dates are ISO 8601, or `YYYY/MM/DD`, `DD.MM.YYYY`, `31 Jan 2020`, `Jan 31, 2020`; dates whose day
  and month could be swapped (01/02/2020, 01-02-2020) only in the order that the schema declares, so
  that no row decides how the others are read. Times with an offset become UTC without one.
- Conversion of a converted column changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthkit.schema.model import NUMERIC_KINDS, Column, DateOrder, Kind

if TYPE_CHECKING:
    import polars as pl

_DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
_ORDERED_DATES: dict[DateOrder | None, tuple[str, ...]] = {
    None: (),
    "day_first": ("%d/%m/%Y", "%d-%m-%Y"),
    "month_first": ("%m/%d/%Y", "%m-%d-%Y", "%m %d, %Y"),
}
_TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
)
_OFFSET = r"(?i):.*(?:z|utc|[+-]\d{2}:?\d{2})$"
_TRUE = ("true", "yes", "t", "y", "1")
_FALSE = ("false", "no", "f", "n", "0")
_LARGEST = 2.0**63
_STEPS_OF_DAY = {None: 1, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""Of the years 1 to 9999, counted from 1970."""
_CHUNK_ROWS = 1 << 18
_DIGITS_OF_CODES = r"^[+-]?(?:0\d|\d{19,})"
"""Text that looks like a number and would lose digits as one."""


@dataclass(frozen=True)
class Converted:
    """One converted column."""

    values: pl.Series
    """Shape (n_rows,), of the column's own type; null where missing or unreadable."""
    n_unreadable: int
    """Number of cells that are neither missing nor of the column's kind."""


def dtype_of(column: Column) -> pl.DataType:
    """Returns the polars type that conformed tables store the column as (see `Column`)."""
    import polars as pl

    if column.kind == "integer":
        return pl.Int64()
    if column.kind == "float":
        return pl.Float64()
    if column.kind == "boolean":
        return pl.Boolean()
    if column.kind == "date":
        return pl.Date()
    if column.kind == "datetime":
        return pl.Datetime("us")
    if has_integer_categories(column):
        return pl.Int64()
    return pl.String()


def has_integer_categories(column: Column) -> bool:
    """Whether the column's categories are whole numbers."""
    return bool(column.categories) and all(isinstance(c, int) for c in column.categories or ())


def convert(values: pl.Series, column: Column, missing: Sequence[str] = ()) -> Converted:
    """Converts one raw column to the column's own type.

    Args:
        values: The raw column, shape (n_rows,), any flat polars type.
        column: What the column is; its own missing tokens count beside `missing`.
        missing: The schema's missing tokens.

    Returns:
        The converted values and the number of unreadable cells. Never a cell value in an error.
        Values that are as they should be are returned themselves, not copied.
    """
    import polars as pl

    # No cell decides how another one is read, so a column may be read in parts; what that takes
    # beside the column itself does not grow with it.
    starts = range(0, max(len(values), 1), _CHUNK_ROWS)
    parts = [_converted(values.slice(start, _CHUNK_ROWS), column, missing) for start in starts]
    n_unreadable = sum(part.n_unreadable for part in parts)
    if all(part.is_unchanged for part in parts):
        return Converted(values, n_unreadable)
    return Converted(pl.concat([part.values for part in parts]), n_unreadable)


@dataclass(frozen=True)
class _Part(Converted):
    """Some rows of a converted column."""

    is_unchanged: bool


def _converted(values: pl.Series, column: Column, missing: Sequence[str]) -> _Part:
    import polars as pl

    tokens = tuple(dict.fromkeys((*missing, *column.missing)))
    given = _without_missing(values, tokens, column.kind)
    target = dtype_of(column)
    if isinstance(target, pl.Int64):
        result = _to_integer(given)
    elif isinstance(target, pl.Float64):
        result = _to_float(given)
    elif isinstance(target, pl.Boolean):
        result = _to_boolean(given)
    elif isinstance(target, pl.Date):
        result = to_date(given, column.date_order)
    elif isinstance(target, pl.Datetime):
        result = to_datetime(given, column.date_order)
    else:
        result = _to_text(given)
    result = result.alias(values.name)
    n_unreadable = result.null_count() - given.null_count()
    is_unchanged = result.dtype == values.dtype and result.equals(values)
    # Where nothing changed, the parts share the memory of the column they came from.
    return _Part(values if is_unchanged else result, n_unreadable, is_unchanged)


def _nothing(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    import polars as pl

    return pl.Series(values.name, [None], dtype=dtype).new_from_index(0, len(values))


def _without_missing(values: pl.Series, tokens: Sequence[str], kind: Kind) -> pl.Series:
    """Returns the column with every missing cell null and text trimmed."""
    import polars as pl

    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype.is_decimal():
        values = values.cast(pl.Float64)
    numbers = [number for number in map(_number, tokens) if number is not None]
    if values.dtype == pl.String:
        trimmed = values.str.strip_chars()
        is_missing = (trimmed.str.len_bytes() == 0) | trimmed.is_in(list(tokens))
        # As in a column that the reader could store as numbers: no other cell may decide it.
        if numbers:
            is_code = trimmed.str.contains(_DIGITS_OF_CODES)
            matches = trimmed.cast(pl.Float64, strict=False).is_in(numbers)
            is_missing |= ~is_code & matches.fill_null(False)
        if kind in NUMERIC_KINDS:
            is_missing |= trimmed.str.to_lowercase() == "nan"
        kept = values if kind == "text" else trimmed
        return kept.set(is_missing.fill_null(True), None)
    if values.dtype.is_float():
        values = values.fill_nan(None)
    if values.dtype.is_numeric() and numbers:
        matches = values.cast(pl.Float64).is_in(numbers)
        values = values.set(matches.fill_null(False), None)
    return values


def _number(token: str) -> float | None:
    try:
        number = float(token)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _to_integer(values: pl.Series) -> pl.Series:
    import polars as pl

    if values.dtype.is_integer() or values.dtype in (pl.Boolean, pl.Null):
        return values.cast(pl.Int64, strict=False)
    if values.dtype.is_float():
        return _whole(values.cast(pl.Float64))
    if values.dtype == pl.String:
        exact = values.cast(pl.Int64, strict=False)
        if exact.null_count() == values.null_count():
            return exact
        as_float = _whole(values.cast(pl.Float64, strict=False))
        return exact.zip_with(exact.is_not_null(), as_float)
    return _nothing(values, pl.Int64())


def _whole(values: pl.Series) -> pl.Series:
    """Turns whole floats to integers and everything else to null."""
    import polars as pl

    is_whole = values.is_finite() & (values == values.floor()) & (values.abs() < _LARGEST)
    return values.set(~is_whole.fill_null(True), None).cast(pl.Int64, strict=False)


def _to_float(values: pl.Series) -> pl.Series:
    import polars as pl

    if values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null, pl.String):
        result = values.cast(pl.Float64, strict=False).fill_nan(None)
        return result.set(result.is_infinite().fill_null(False), None)
    return _nothing(values, pl.Float64())


def _to_boolean(values: pl.Series) -> pl.Series:
    import polars as pl

    if values.dtype in (pl.Boolean, pl.Null):
        return values.cast(pl.Boolean)
    if values.dtype.is_numeric():
        is_either = (values == 0) | (values == 1)
        return (values == 1).set(~is_either.fill_null(True), None)
    if values.dtype == pl.String:
        lowered = values.str.to_lowercase()
        is_true, is_false = lowered.is_in(_TRUE), lowered.is_in(_FALSE)
        return is_true.set(~(is_true | is_false).fill_null(False), None)
    return _nothing(values, pl.Boolean())


def _to_text(values: pl.Series) -> pl.Series:
    import polars as pl

    if values.dtype.is_float():
        # Whole numbers with gaps are often stored as floats; 5.0 means the code 5.
        whole, plain = _whole(values.cast(pl.Float64)), values.cast(pl.String)
        return whole.cast(pl.String).zip_with(whole.is_not_null(), plain)
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object, pl.Duration):
        return _nothing(values, pl.String())
    if values.dtype in (pl.Date, pl.Datetime):
        values = _in_calendar(values)
    return values.cast(pl.String, strict=False)


def _in_calendar(values: pl.Series) -> pl.Series:
    """Returns dates or times; null where one lies outside the years 1 to 9999.

    Files hold such cells ("infinity"), and polars ends the process when it writes one.
    """
    import polars as pl

    unit = values.dtype.time_unit if isinstance(values.dtype, pl.Datetime) else None
    days = values.to_physical().cast(pl.Int64) // _STEPS_OF_DAY[unit]
    is_in = days.is_between(_FIRST_DAY, _LAST_DAY).fill_null(True)
    return values.zip_with(is_in, _nothing(values, values.dtype))


def to_date(values: pl.Series, order: DateOrder | None = None) -> pl.Series:
    """Reads dates; null where a cell is none. A time of day is cut off."""
    import polars as pl

    if values.dtype == pl.Date:
        return values
    if values.dtype == pl.String:
        date_formats = (*_DATE_FORMATS, *_ORDERED_DATES[order])
        dates = _read_formats(values, pl.Date(), date_formats)
        if dates.null_count() == values.null_count():
            return dates
    times = to_datetime(values, order)
    return times.cast(pl.Date)


def to_datetime(values: pl.Series, order: DateOrder | None = None) -> pl.Series:
    """Reads dates and times as Datetime("us") in UTC without offset; null where a cell is none."""
    import polars as pl

    if isinstance(values.dtype, pl.Datetime):
        # Stored as steps since 1970 in UTC. Read as such: calendars end, and polars with them.
        values = values.to_physical().cast(pl.Datetime(values.dtype.time_unit))
        return values.cast(pl.Datetime("us"), strict=False)
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us"), strict=False)
    if values.dtype != pl.String:
        return _nothing(values, pl.Datetime("us"))
    text = values.str.replace(r"^(\d{4}-\d{2}-\d{2})[Tt]", "${1} ")
    has_offset = text.str.contains(_OFFSET).fill_null(False)
    local = text.set(has_offset, None)
    days = _ORDERED_DATES[order]
    times = (*_TIME_FORMATS, *(f"{d} {t}" for d in days for t in ("%H:%M:%S%.f", "%H:%M")))
    result = _read_formats(local, pl.Datetime("us"), times)
    if result.null_count() > values.null_count():
        dates = _read_formats(local, pl.Date(), (*_DATE_FORMATS, *days))
        result = result.zip_with(result.is_not_null(), dates.cast(pl.Datetime("us")))
    if has_offset.any():
        result = result.zip_with(~has_offset, _read_offsets(text.set(~has_offset, None)))
    return result


def _read_offsets(text: pl.Series) -> pl.Series:
    """Reads date-times that end in an offset, to UTC."""
    import polars as pl

    plain = text.str.replace(r"(?i)\s*(?:z|utc)$", "+0000").str.replace(
        r"\s*([+-]\d{2}):?(\d{2})$", "${1}${2}"
    )
    result = _nothing(text, pl.Datetime("us"))
    for pattern in ("%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%d %H:%M%z"):
        read = plain.str.to_datetime(pattern, time_unit="us", strict=False, time_zone="UTC")
        result = result.zip_with(result.is_not_null(), read.dt.replace_time_zone(None))
    return result


def _read_formats(
    text: pl.Series, dtype: pl.Date | pl.Datetime, formats: Sequence[str]
) -> pl.Series:
    """Reads each cell in the first format that fits it; no cell decides about another."""
    n_missing = text.null_count()
    result = _nothing(text, dtype)
    for pattern in formats:
        if result.null_count() == n_missing:
            break
        read = text.str.strptime(dtype, pattern, strict=False, exact=True)
        result = result.zip_with(result.is_not_null(), read)
    return result
