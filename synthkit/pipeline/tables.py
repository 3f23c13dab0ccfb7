"""From a file or frame to a checked, conformed table; and from a synthetic table to a file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from synthkit.errors import InputError
from synthkit.schema import Schema
from synthkit.whole_file import whole_file

if TYPE_CHECKING:
    import polars as pl


def checked(
    table: pl.DataFrame,
    schema: Schema,
    *,
    what: str,
    invalid_values: Literal["refuse", "clamp"] = "refuse",
) -> pl.DataFrame:
    """Conforms a raw table to its schema and refuses it if any rule is broken.

    Args:
        table: Raw frame, as `source.read` gives it (a conformed frame passes unchanged).
        schema: The table's schema.
        what: What the table is, for messages: "table", "holdout".
        invalid_values: `refuse` lists all problems; `clamp` moves invalid cells into the schema's
            domain row by row, and leaves out rows without a person id, so that no error can
            depend on a row's values.

    Raises:
        InputError: All problems at once, with counts and never a value.
    """
    from synthkit.schema import check, clamp
    from synthkit.source import conform

    require_frame(table, what=what)
    # PRIVACY: looks at every cell before the ledger is charged. The answer goes to the operator,
    # who holds the table, and nothing is released on this path but "refused, so many rows"; a job
    # that goes on does not depend on it. With `clamp` there is no refusal by value at all.
    if invalid_values == "clamp":
        clamped = clamp(conform(table, schema, unreadable_cells="missing"), schema)
        if schema.privacy_unit == "person" and schema.person_id is not None:
            # Rows of nobody are left out, each by itself: counting them would refuse by value.
            clamped = clamped.drop_nulls(schema.person_id)
        return clamped
    problems = [p for p in check(table, schema) if p.severity == "error"]
    if problems:
        many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InputError(
            f"The {what} does not fit its schema: {many}.",
            hint="Correct the table or the schema, then run `synthkit check` until it is clean; "
            "or set `invalid_values: clamp` to move invalid cells into the schema's domain.",
            details=[f"{p.message} {p.hint}".strip() for p in problems],
        )
    return conform(table, schema, what=what)


def require_frame(table: object, *, what: str) -> None:
    """Refuses what is no table in memory, such as a file's name.

    Args:
        table: What was given.
        what: What it is, for the message.

    Raises:
        InputError: If it is no polars DataFrame.
    """
    import polars as pl

    if not isinstance(table, pl.DataFrame):
        raise InputError(
            f"The {what} must be a polars DataFrame, not {type(table).__name__}.",
            hint="`synthkit.read` reads a file; `polars.from_pandas` takes a pandas table.",
        )


def require_apart(train: pl.DataFrame, holdout: pl.DataFrame, schema: Schema) -> None:
    """Refuses a holdout that holds people of train, or (where the unit is the row) is train.

    Every attack compares the two: with the same people in both it finds nothing, and the gate
    would take that for safety.

    Args:
        train: Conformed frame, shape (n_train, n_columns).
        holdout: Conformed frame, shape (n_holdout, n_columns).
        schema: Their schema.

    Raises:
        InputError: If they share a person, or are the same table.
    """
    # PRIVACY: compares identifiers before the ledger is charged; the operator learns a count.
    person = schema.person_id
    if person is not None and schema.privacy_unit == "person":
        shared = train.select(person).unique().join(holdout.select(person).unique(), on=person)
        if shared.height:
            raise InputError(
                f"Train and holdout share people: {shared.height:,} of {person!r} are in both.",
                hint="Put all rows of a person on one side; `synthkit.split` does so.",
            )
    elif train.equals(holdout):
        raise InputError(
            "Train and holdout are the same table.",
            hint="The holdout must be rows that the generator never saw.",
        )


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def writable_format(path: Path) -> Literal["csv", "parquet"]:
    """Returns the format that a table file's suffix names.

    Raises:
        InputError: If the suffix is neither `.csv` nor `.parquet`.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return "csv"
    if suffix in (".parquet", ".pq"):
        return "parquet"
    raise InputError(
        f"{path.name} has no known table format.", hint="End the name in .parquet or .csv."
    )


def write_table(chunks: Iterable[pl.DataFrame], path: Path, *, replace: bool = True) -> int:
    """Streams frames of one schema into a Parquet or CSV file; whole file or none.

    Args:
        chunks: The frames.
        path: The file.
        replace: Whether a file of that name may be replaced.

    Returns:
        The number of rows written.

    Raises:
        InputError: If the file's suffix names no known format.
        PublishError: If the file cannot be written (no such folder, no permission, full disk, a
            file that must not be replaced).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = writable_format(path)
    rows = 0
    with whole_file(path, replace=replace) as file:
        writer: pq.ParquetWriter | None = None
        try:
            for i, chunk in enumerate(chunks):
                if kind == "csv":
                    chunk.write_csv(file, include_header=i == 0)
                else:
                    arrow: pa.Table = chunk.to_arrow()
                    if writer is None:
                        writer = pq.ParquetWriter(file, arrow.schema, compression="zstd")
                    writer.write_table(arrow.cast(writer.schema))
                rows += chunk.height
        except BaseException:
            # Before its file closes: it would complain when it is collected.
            if writer is not None:
                with contextlib.suppress(Exception):
                    writer.close()
            raise
        if writer is not None:
            writer.close()
    return rows


def require_output(path: Path, *, replace: bool, inputs: Sequence[Path] = ()) -> None:
    """Refuses an output file that would cost something, before anything is read or spent.

    Args:
        path: The file to be written.
        replace: Whether a file of that name may be replaced.
        inputs: The files that the same job reads; none of them is ever replaced.

    Raises:
        InputError: If it cannot be written, is one of the inputs (also by another name or by a
            link), lies in a signed bundle, or exists and may not be replaced.
    """
    require_other(path, inputs)
    require_folder(path)
    require_no_bundle(path.parent)
    if os.path.lexists(path) and not replace:
        raise InputError(
            f"{path} exists already.",
            hint="Pass --replace to replace it, or choose another name.",
        )


def require_other(path: Path, inputs: Sequence[Path]) -> None:
    """Refuses an output that is one of the files read, also by another name or by a link.

    Raises:
        InputError: If it is.
    """
    for given in inputs:
        with contextlib.suppress(OSError):  # one of the two is not there
            if os.path.samefile(path, given):
                raise InputError(
                    f"{path} is the output and an input at once.",
                    hint="Choose another name: a file that is read is never replaced.",
                )


def require_no_bundle(folder: Path) -> None:
    """Refuses to write into a signed bundle: its signature would no longer hold.

    Raises:
        InputError: If the folder is one.
    """
    from synthkit.release.attestation import ATTESTATION

    if (folder / ATTESTATION).exists():
        raise InputError(
            f"{folder} is a signed bundle, and no file in it is written or replaced.",
            hint="Choose another folder; `synthkit run --replace` makes a bundle anew, as a whole.",
        )


def require_folder(path: Path) -> None:
    """Refuses an output that no file can be, before any work is done.

    Raises:
        InputError: If its folder does not exist, is no folder, or may not be written to; or a
            folder, a link, a device or a pipe has its name.
    """
    folder = path.parent if path.parent != Path() else Path(".")
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError("The name of the output is too long.", hint="Shorten it.") from None
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", hint="Make it first, or choose another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"The folder {folder} is not writable.", hint="Choose another folder.")
    if path.is_dir():
        raise InputError(f"{path} is a folder.", hint="Give the name of a file to write.")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        # A rename would put a file in its place: a superuser's /dev/null, for one.
        raise InputError(
            f"{path} is a link, a device or a pipe, not a file.",
            hint="Give the name of a file: it is written beside its name, then renamed.",
        )
