"""Files in: CSV and Parquet, read whole, nothing guessed from the first rows.

Takes a path, gives the raw table as stored: CSV cells are text, and each is read by the schema
alone, so that no row decides how another is read. Only a proposal of a schema types whole columns
(`with_inferred_types`): a number only if every cell is one and no digit is lost (`007` and
twenty-digit codes stay text). Errors name the file, the line and the column, never a cell: what
polars says about a cell is not passed on.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthkit.errors import InputError

if TYPE_CHECKING:
    import polars as pl

_CSV = (".csv", ".tsv", ".txt")
_PARQUET = (".parquet", ".pq", ".parq")
_SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_BYTES = 256 * 1024
_SAMPLE_ROWS = 200
_MAX_DETAILS = 10
_FIELD_BYTES = 16 * 1024 * 1024
_HINT_RAGGED = "Every row needs as many fields as the header; quote fields that hold the separator."


@dataclass(frozen=True)
class _Layout:
    """What one pass over a CSV file found."""

    separator: str
    header: tuple[str, ...]
    n_rows: int
    """Number of rows, blank lines included."""
    blank_rows: tuple[int, ...]
    """Positions of the blank lines among them."""


def read(path: str | Path, *, infer_types: bool = False) -> pl.DataFrame:
    """Reads a table from a CSV (`.csv`, `.tsv`, `.txt`) or Parquet (`.parquet`, `.pq`) file.

    CSV: UTF-8 with or without a byte order mark, separated by comma, semicolon, tab or bar
    (found from the first rows), with a header; blank lines are skipped.

    Args:
        path: The file.
        infer_types: Type CSV columns by all of their cells, for `inspect`. Never for a private
            run: one person's odd cell would change how everybody's cells are read.

    Returns:
        The raw table, shape (n_rows, n_columns), n_rows >= 1; names are trimmed.

    Raises:
        InputError: If there is no such file, it is no such table, has no rows, names a column
            twice or not at all, has ragged rows, or has nested columns.
    """
    path = Path(path)
    # PRIVACY: reads the real table; it stays in the red rooms.
    _refuse_unreadable(path)
    suffix = path.suffix.lower()
    if suffix in _CSV:
        table = _read_csv(path)
        if infer_types:
            table = with_inferred_types(table)
    elif suffix in _PARQUET:
        table = _read_parquet(path)
    else:
        raise InputError(
            f"{path.name} is neither CSV nor Parquet by its name.",
            hint=f"Give a file that ends in {', '.join((*_CSV, *_PARQUET))}; unpack archives.",
        )
    if table.height == 0:
        raise InputError(f"{path.name} has a header and no rows.", hint="Give a table with rows.")
    return table


def _refuse_unreadable(path: Path) -> None:
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a table.", hint="Give one file.")
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f"{path.name} is empty.", hint="Check how it was exported.")
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.", hint="Check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not usable"
        raise InputError(
            f"{path} cannot be read: {reason}.", hint="Check its permissions."
        ) from None


def _names(names: list[str], path: Path) -> list[str]:
    """Trims the column names; refuses empty ones and ones that stand twice.

    Raises:
        InputError: Listing every such name.
    """
    trimmed = [name.strip() for name in names]
    if sum(map(_is_number, trimmed)) > len(trimmed) / 2:
        # Not named in the message: they may well be cells.
        raise InputError(
            f"The first line of {path.name} looks like data, not like column names.",
            hint="Put a header line with a name for every column at the top.",
        )
    problems = [
        f"Column {i} has no name (a nameless first column is often an index)."
        for i, name in enumerate(trimmed, 1)
        if not name
    ]
    problems += [
        f"Column {name!r} stands {n} times in the header."
        for name, n in Counter(filter(None, trimmed)).items()
        if n > 1
    ]
    if problems:
        raise InputError(
            f"{path.name} has column names that cannot be used.",
            hint="Give every column its own name.",
            details=problems,
        )
    return trimmed


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_parquet(path: Path) -> pl.DataFrame:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    not_parquet = InputError(
        f"{path.name} is not a whole Parquet file.",
        hint="Export it again; a file that ends in .parquet must be one.",
    )
    try:
        stored = pq.ParquetFile(path).schema_arrow
    except (pa.ArrowException, OSError, ValueError):
        raise not_parquet from None
    names = _names(list(stored.names), path)
    nested = [n for n, t in zip(names, stored.types, strict=True) if pa.types.is_nested(t)]
    if nested:
        raise InputError(
            f"{path.name} has nested columns (lists or structs).",
            hint="Unnest them: one plain column per value.",
            details=[f"Column {name!r} is nested." for name in nested],
        )
    try:
        with path.open("rb") as file:
            table = pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError, ValueError):
        raise not_parquet from None
    table.columns = names
    return table


def _read_csv(path: Path) -> pl.DataFrame:
    import polars as pl

    _refuse_other_encodings(path)
    separator = _sniff(path)
    layout = _survey(path, separator)
    try:
        with path.open("rb") as file:
            table = pl.read_csv(file, separator=separator, infer_schema=False)
    except pl.exceptions.NoDataError:
        raise InputError(f"{path.name} is empty.", hint="Check how it was exported.") from None
    except (pl.exceptions.PolarsError, OSError, ValueError):
        raise _odd_quotes(path) from None
    if (table.height, table.width) != (layout.n_rows, len(layout.header)):
        raise _odd_quotes(path)
    table.columns = list(layout.header)
    if layout.blank_rows:
        table = (
            table.with_row_index("\0row")
            .filter(~pl.col("\0row").is_in(list(layout.blank_rows)))
            .drop("\0row")
        )
    return table


def _odd_quotes(path: Path) -> InputError:
    return InputError(
        f"{path.name} has quotes or line ends that do not pair up.",
        hint='Put a field with quotes in quotes and double the inner ones: "say ""hi""".',
    )


def _refuse_other_encodings(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path.name} is UTF-16 text.", hint="Save it as UTF-8.")
    if start == b"PAR1":
        raise InputError(
            f"{path.name} is a Parquet file.", hint="Give it a name that ends in .parquet."
        )
    if start[:2] in (b"\x1f\x8b", b"PK"):
        raise InputError(f"{path.name} is packed.", hint="Unpack it; it is not a CSV file.")


def _sniff(path: Path) -> str:
    """Finds the separator that cuts the first rows into equally many fields, more than one."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES).decode("utf-8-sig", errors="replace")
    best, best_score = ",", (0.0, 0)
    for separator in _SEPARATORS:
        rows = []
        try:
            for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator):
                if row:
                    rows.append(len(row))
                if len(rows) > _SAMPLE_ROWS:
                    break
        except csv.Error:
            continue
        if len(rows) > 2:
            rows = rows[:-1]  # the last one may be cut off
        if rows and rows[0] > 1:
            score = (sum(n == rows[0] for n in rows) / len(rows), rows[0])
            if score > best_score:
                best, best_score = separator, score
    return best


@contextlib.contextmanager
def _rows(path: Path, separator: str) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """Opens a CSV file as rows with the line on which each ends.

    Raises:
        InputError: If the file is not UTF-8, or its quotes do not close.
    """
    limit = csv.field_size_limit(_FIELD_BYTES)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator)

            yield ((reader.line_num, row) for row in reader)
    except UnicodeDecodeError:
        raise InputError(
            f"{path.name} is not UTF-8 text (line {_first_undecodable(path):,}).",
            hint="Save it as UTF-8.",
        ) from None
    except csv.Error:
        raise _odd_quotes(path) from None
    finally:
        csv.field_size_limit(limit)


def _first_undecodable(path: Path) -> int:
    """Returns the number of the first line that is not UTF-8 (text is decoded in large blocks)."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return number


def _survey(path: Path, separator: str) -> _Layout:
    """Passes over a CSV file once: header, number of rows, ragged and blank lines.

    Raises:
        InputError: If rows are ragged; the first lines are named.
    """
    n_rows, n_ragged = 0, 0
    blank: list[int] = []
    ragged: list[str] = []
    with _rows(path, separator) as rows:
        names = tuple(_names(next((row for _, row in rows if row), []), path))
        for line, row in rows:
            if not row and len(names) > 1:
                blank.append(n_rows)
            elif row and len(row) != len(names):
                n_ragged += 1
                if len(ragged) < _MAX_DETAILS:
                    fields = "1 field" if len(row) == 1 else f"{len(row)} fields"
                    ragged.append(f"Line {line}: {fields} instead of {len(names)}.")
            n_rows += 1
    if n_ragged:
        count = "1 row" if n_ragged == 1 else f"{n_ragged:,} rows"
        raise InputError(
            f"{path.name} has {count} with too few or too many fields.",
            hint=_HINT_RAGGED,
            details=ragged,
        )
    return _Layout(separator, names, n_rows, tuple(blank))


def with_inferred_types(table: pl.DataFrame) -> pl.DataFrame:
    """Types every text column by all of its cells; other columns stay as they are."""
    import polars as pl

    return table.select(
        _typed(values) if values.dtype == pl.String else values for values in table.get_columns()
    )


def _typed(values: pl.Series) -> pl.Series:
    """Gives a column of text the type that all of its cells have; else leaves it text."""
    import polars as pl

    text = values.str.strip_chars()
    present = text.filter(text.str.len_bytes() > 0)
    if not len(present):
        return values
    loses_digits = present.str.contains(r"^[+-]?(?:0\d|\d{19,})")
    if not loses_digits.any():
        blank_to_null = text.set((text.str.len_bytes() == 0).fill_null(False), None)
        for dtype in (pl.Int64(), pl.Float64()):
            if dtype == pl.Float64() and present.str.contains(r"^[+-]?\d{16,}").any():
                break  # beyond 2^53: one fraction would blur the whole numbers beside it
            if present.cast(dtype, strict=False).null_count() == 0:
                return blank_to_null.cast(dtype)
    if present.n_unique() <= 6 and present.str.to_lowercase().is_in(["true", "false"]).all():
        lowered = text.str.to_lowercase()
        return (lowered == "true").set(~lowered.is_in(["true", "false"]).fill_null(False), None)
    return values
