"""One column looked at: what kind, role, bounds or categories it most likely has.

Takes one raw polars Series, gives a `Draft`: a `Column` with everything read from the data marked
`data`, and notes for the terminal that carry no value. `inspection` puts the drafts together.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from synthkit.schema import _domains, _naming, _patterns
from synthkit.schema.conversion import convert, to_datetime
from synthkit.schema.model import Category, Column, DateOrder, Kind, Role

if TYPE_CHECKING:
    import polars as pl

FEW = 20
"""Up to so many levels, small whole numbers are levels rather than quantities."""
MANY = 500
"""Above so many levels, a column must repeat well to count as categorical."""
_REPEATS_FEW = 2.0
_REPEATS_MANY = 5.0
_LONG_CHARACTERS = 80
_RARE_ROWS = 10
_DIGITS_OF_CODES = r"^[+-]?0\d|^[+-]?\d{19,}"


@dataclass
class Draft:
    """A proposed column and what to tell about it."""

    column: Column
    notes: list[str] = field(default_factory=list)
    has_likely_tokens: bool = False
    """A missing token could also be a category: ask."""
    n_rare: int = 0
    """Number of categories held by fewer than ten rows."""


@dataclass(frozen=True)
class _Seen:
    """A column without its missing cells."""

    name: str
    values: pl.Series
    """Shape (n_present,), no nulls."""
    n_rows: int
    n_distinct: int

    @property
    def nullable(self) -> bool:
        return len(self.values) < self.n_rows

    @property
    def repeats(self) -> float:
        """Mean number of rows per value."""
        return len(self.values) / max(self.n_distinct, 1)

    @property
    def is_unique(self) -> bool:
        return self.n_distinct == len(self.values) > 1

    def has_levels(self) -> bool:
        """Whether the values repeat enough to be categories."""
        least = _REPEATS_FEW if self.n_distinct <= MANY else _REPEATS_MANY
        return self.repeats >= least


def _see(values: pl.Series, n_rows: int) -> _Seen:
    return _Seen(values.name, values, n_rows, values.n_unique())


def propose(values: pl.Series, *, is_person: bool) -> Draft:
    """Proposes what one raw column is.

    Args:
        values: The raw column, shape (n_rows,), flat.
        is_person: Whether the caller chose it as the table's person id.
    """
    import polars as pl

    # PRIVACY: looks at real values outside any budget; what is read is marked `from: data`.
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype.is_decimal():
        values = values.cast(pl.Float64)
    if values.dtype.is_float():
        values = values.fill_nan(None)
    if values.dtype == pl.String:
        values = values.str.strip_chars()
        values = values.set((values.str.len_bytes() == 0).fill_null(False), None)
    name, seen = values.name, _see(values.drop_nulls(), len(values))
    if not len(seen.values):
        note = f"{name!r} has no value at all: it is left out (kind text)."
        return Draft(Column(name=name, kind="text", nullable=True), [note])
    if is_person:
        return _person(seen)
    if values.dtype == pl.Boolean:
        draft = Draft(_column(seen, "boolean"))
    elif values.dtype.is_integer():
        draft = _from_integers(seen)
    elif values.dtype.is_float():
        draft = _from_floats(seen)
    elif values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        draft = _from_times(seen, seen.values)
    elif values.dtype == pl.String:
        draft = _from_text(seen)
    else:
        note = f"{name!r} is stored as {values.dtype}, which is not learned: it is left out."
        draft = Draft(_column(seen, "text"), [note])
    if seen.n_distinct == 1 and not seen.nullable and seen.n_rows > 1 and draft.column.is_encoded:
        draft.notes.append(f"{name!r} has the same value in every row: consider leaving it out.")
    return draft


def _column(seen: _Seen, kind: Kind, **more: Any) -> Column:
    role: Role = "identifier" if kind in ("id", "person_id") else _naming.role(seen.name)
    known: dict[str, Any] = {"role": role, "nullable": seen.nullable}
    return Column(name=seen.name, kind=kind, **(known | more))


def _person(seen: _Seen) -> Draft:
    rows = "several rows can be one person's" if not seen.is_unique else "one row per person"
    return Draft(
        _column(seen, "person_id"),
        [f"{seen.name!r} looks like a person id ({rows}): privacy is counted by it; confirm."],
    )


def _identifier(seen: _Seen, what: str, *, kind: Kind = "id") -> Draft:
    note = f"{seen.name!r} looks like {what}: it is left out (role identifier); confirm."
    return Draft(_column(seen, kind, role="identifier"), [note])


def _levels(seen: _Seen, values: pl.Series, kind: Kind, **more: Any) -> Draft:
    """Proposes categories: sorted, so that nothing of the order of the rows is copied."""
    counts = values.value_counts(name="rows")
    categories: list[Category] = sorted(counts.get_column(values.name).to_list())
    is_text = isinstance(categories[0], str)
    if kind == "categorical" and is_text and not _naming.is_code(seen.name):
        bands = _patterns.banded([str(c) for c in categories])
        if bands is not None:
            kind, categories = "ordinal", list(bands)
    column = _column(seen, kind, categories=tuple(categories), **more)
    n_rare = int((counts.get_column("rows") < _RARE_ROWS).sum())
    return Draft(column, n_rare=n_rare)


def _integer(seen: _Seen, values: pl.Series, **more: Any) -> Draft:
    low, high = int(values.min()), int(values.max())  # type: ignore[arg-type]
    bounds = _domains.round_outward(low, high, is_whole=True)
    return Draft(_column(seen, "integer", bounds=bounds, **more))


def _from_integers(seen: _Seen) -> Draft:
    import polars as pl

    name = seen.name
    if seen.values.cast(pl.Int64, strict=False).null_count():
        return _identifier(seen, "an id (its numbers are too large to be a quantity)")
    values = seen.values.cast(pl.Int64)
    what = _naming.pii(name)
    if what and seen.n_distinct > FEW:
        return _identifier(seen, what)
    low, high = int(values.min()), int(values.max())  # type: ignore[arg-type]
    if low >= 10**12 and _patterns.pii(values.cast(pl.String)) == "a card number":
        return _identifier(seen, "a card number")
    numbers_rows = seen.is_unique and len(values) > FEW and high - low + 1 == len(values)
    if seen.is_unique and (numbers_rows or _naming.is_id(name) or _naming.is_row_number(name)):
        return _identifier(seen, "an id that no two rows share")
    if _is_level(seen, low, high):
        kind: Kind = "ordinal"
        if seen.n_distinct <= 2 or _naming.is_code(name) or _naming.is_id(name):
            kind = "categorical"
        return _levels(seen, values, kind)
    if _naming.is_id(name) or _naming.is_code(name) or _naming.is_person_id(name):
        if seen.has_levels():
            note = f"{name!r} looks like codes, not a quantity: it is categorical."
            draft = _levels(seen, values, "categorical")
            return Draft(draft.column, [note], n_rare=draft.n_rare)
        return _identifier(seen, "an id or a code with too many values to learn")
    return _integer(seen, values)


def _is_level(seen: _Seen, low: int, high: int) -> bool:
    """Whether few small whole numbers are levels (stars, yes/no), not a count."""
    if seen.n_distinct <= 2 and (0 <= low <= high <= 2 or seen.repeats >= _REPEATS_MANY):
        return True
    is_small = seen.n_distinct <= FEW and max(abs(low), abs(high)) <= 100
    return is_small and seen.repeats >= _REPEATS_MANY and not _naming.is_count(seen.name)


def _from_floats(seen: _Seen) -> Draft:
    import polars as pl

    finite = seen.values.filter(seen.values.is_finite())
    if not len(finite):
        note = f"{seen.name!r} has no finite number: it is left out (kind text)."
        return Draft(_column(seen, "text"), [note])
    values = finite.cast(pl.Float64)
    places = _domains.decimals(values)
    is_whole = places == 0 and float(values.abs().max()) < 2**53  # type: ignore[arg-type]
    if is_whole and len(finite) == len(seen.values):
        as_integers = _from_integers(_see(values.cast(pl.Int64), seen.n_rows))
        if as_integers.column.kind != "integer" or seen.nullable:
            # Whole numbers with gaps are stored as floats by many tools.
            return as_integers
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]
    bounds = _domains.round_outward(low, high, is_whole=False)
    draft = Draft(_column(seen, "float", bounds=bounds, decimals=places))
    if len(finite) < len(seen.values):
        draft.notes.append(f"{seen.name!r} holds infinite numbers, which cannot be read.")
    return draft


def _from_times(seen: _Seen, values: pl.Series, **more: Any) -> Draft:
    """Proposes a date, or a datetime where a time of day is used."""
    import polars as pl

    times = to_datetime(values, more.get("date_order"))
    days = times.cast(pl.Date)
    low, high = days.min(), days.max()
    if not isinstance(low, datetime.date) or not isinstance(high, datetime.date):
        raise TypeError("a column of times without a smallest time")
    first, last = _domains.round_dates_outward(low, high)
    if bool((days.cast(pl.Datetime("us")) == times).all()):
        return Draft(_column(seen, "date", bounds=(first, last), **more))
    bounds = (
        datetime.datetime.combine(first, datetime.time.min),
        datetime.datetime.combine(last, datetime.time.max),
    )
    return Draft(_column(seen, "datetime", bounds=bounds, **more))


def _from_text(seen: _Seen) -> Draft:
    """Proposes what a column of text is: tokens first, then numbers, dates, ids, levels, text."""
    tokens, is_likely = _patterns.missing_tokens(seen.values)
    inner = seen
    if tokens:
        inner = _see(seen.values.filter(~seen.values.is_in(list(tokens))), seen.n_rows)
    draft = _from_clean_text(inner, tokens)
    if draft.column.missing and is_likely:
        draft.has_likely_tokens = True
    return draft


def _from_clean_text(seen: _Seen, tokens: tuple[str, ...]) -> Draft:
    text, name = seen.values.unique(maintain_order=True), seen.name
    numeric = _as_numbers(seen, tokens)
    if numeric is not None:
        return numeric
    order, n_orders = _date_order(text)
    if n_orders == 1:
        draft = _from_times(seen, text, missing=tokens, date_order=order)
        if order is not None:
            draft.notes.append(
                f"{name!r} holds dates such as 31/12/2024; read as {order.replace('_', ' ')}: "
                "confirm, or write them as YYYY-MM-DD."
            )
        return draft
    has_spaces = float(text.str.contains(r"\s").mean() or 0.0)  # type: ignore[arg-type]
    n_characters = float(text.str.len_chars().mean() or 0.0)  # type: ignore[arg-type]
    left_out: Kind = "text" if has_spaces > 0.5 or n_characters > _LONG_CHARACTERS else "id"
    what = _naming.pii(name) if seen.n_distinct > 2 else ""
    if not what and _naming.is_bare_person(name) and left_out == "text":
        what = "a person's name"
    what = what or _patterns.pii(text)
    if what and not (seen.n_distinct <= FEW and seen.repeats >= 50):
        return _identifier(seen, what, kind=left_out)
    if _patterns.is_uuid(text):
        return _identifier(seen, "an id")
    is_long = n_characters > _LONG_CHARACTERS and seen.n_distinct > FEW
    if seen.has_levels() and not is_long:
        return _levels(seen, seen.values, "categorical", missing=tokens)
    if left_out == "text":
        return Draft(_column(seen, "text"), [f"{name!r} is free text: it is left out."])
    return _identifier(seen, "an id (its values hardly repeat)")


def _date_order(text: pl.Series) -> tuple[DateOrder | None, int]:
    """Finds how a column of dates is to be read, and how many ways there are (0: not dates)."""
    fits: list[DateOrder | None] = []
    orders: tuple[DateOrder | None, ...] = (None, "day_first", "month_first")
    for order in orders:
        if all(to_datetime(part, order).null_count() == 0 for part in (text.head(100), text)):
            if order is None:
                return None, 1
            fits.append(order)
    return (fits[0] if fits else None), len(fits)


def _as_numbers(seen: _Seen, tokens: tuple[str, ...]) -> Draft | None:
    """Proposes a number for text that holds numbers beside missing tokens.

    Text whose every cell is a number, without any token, was stored as text on purpose: codes.
    """
    import polars as pl

    text = seen.values
    if _naming.is_code(seen.name) or text.unique().str.contains(_DIGITS_OF_CODES).any():
        return None
    numbers = text.cast(pl.Float64, strict=False)
    others = text.filter(numbers.is_null()).value_counts(name="rows")
    if others.height > 2 or numbers.null_count() == len(text):
        return None
    is_rare = bool((others.get_column("rows") < 2).any())
    if others.height and (numbers.n_unique() <= FEW or is_rare):
        return None
    tokens = (*tokens, *sorted(others.get_column(text.name).to_list()))
    if not tokens:
        return None
    whole = numbers.drop_nulls()
    column = Column(name=seen.name, kind="integer")
    as_integers = convert(whole, column)
    is_whole = as_integers.n_unreadable == 0
    inner = _see(as_integers.values if is_whole else whole, seen.n_rows)
    draft = _from_integers(inner) if is_whole else _from_floats(inner)
    more = Draft(_with_tokens(draft.column, tokens), draft.notes, n_rare=draft.n_rare)
    more.has_likely_tokens = others.height > 0
    return more


def _with_tokens(column: Column, tokens: tuple[str, ...]) -> Column:
    import dataclasses

    return dataclasses.replace(column, missing=tokens)
