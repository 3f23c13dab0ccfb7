"""What every measurement is given: three tables in canonical order, shared bins, units, a seed.

The rows of each table are sorted by content first, so that every seeded subsample, model and
interval is the same however the rows were shuffled. Columns are renamed by position (`c0`, `c1`,
...) inside, so that no column name can clash with a library's own.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from synthkit.errors import InputError
from synthkit.evaluate.bins import Bins, fit_bins
from synthkit.schema import Column, Schema

if TYPE_CHECKING:
    import polars as pl

MIN_ROWS = 50
"""Below this many rows in any of the three tables nothing is measured."""

TableName = Literal["train", "holdout", "synthetic"]


class NotMeasurable(Exception):  # noqa: N818 (a situation, not a fault)
    """A measurement has no meaningful value here; the text says why and holds no cell value."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """One of the three tables, rows in canonical order."""

    frame: pl.DataFrame
    """The encoded columns, renamed `c0`, `c1`, ...; NaN has become null."""
    codes: np.ndarray
    """Codes under the shared bins, shape (n_rows, n_columns), int32, column-contiguous."""
    units: np.ndarray
    """Person index of each row, shape (n_rows,), int64; without person ids, the row itself."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.frame.height)


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """The input of every measurement; holds real rows and never leaves the room."""

    schema: Schema
    columns: tuple[Column, ...]
    """The encoded columns, in order."""
    bins: tuple[Bins, ...]
    train: Table
    holdout: Table
    synthetic: Table
    n_shared_persons: int
    """Persons with rows in train and in holdout; anything but 0 blinds the attacks."""
    seed: int

    def rng(self, purpose: str) -> np.random.Generator:
        """Returns a generator of its own for each purpose, so that no draw shifts another."""
        return np.random.default_rng([abs(self.seed), zlib.crc32(purpose.encode())])

    def draw(self, table: Table, n_rows: int, purpose: str) -> np.ndarray:
        """Draws `n_rows` row indices without replacement, sorted; all rows if there are fewer."""
        if n_rows >= table.n_rows:
            return np.arange(table.n_rows)
        return np.sort(self.rng(purpose).choice(table.n_rows, n_rows, replace=False))

    def one_row_per_person(self, table: Table, purpose: str) -> np.ndarray:
        """Draws one row index of each person, in random order."""
        order = self.rng(purpose).permutation(table.n_rows)
        _, first = np.unique(table.units[order], return_index=True)
        return order[np.sort(first)]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of codes of each column under the shared bins."""
        return tuple(b.size for b in self.bins)

    @functools.cached_property
    def keys(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row keys of train, holdout, synthetic: equal keys, equal rows (floats exact).

        Returns:
            Three int64 arrays, shape (n_rows,) each, with keys 0 .. n_distinct - 1.
        """
        import polars as pl

        frame = pl.concat([self.train.frame, self.holdout.frame, self.synthetic.frame])
        names = frame.columns
        keys = (
            frame.with_row_index("row")
            .group_by(names)
            .agg("row")
            .select("row")
            .with_row_index("key")
            .explode("row")
            .sort("row")["key"]
        )
        values = keys.to_numpy().astype(np.int64)
        first, second = self.train.n_rows, self.train.n_rows + self.holdout.n_rows
        return values[:first], values[first:second], values[second:]

    def require_rows(self, minimum: int = MIN_ROWS) -> None:
        """Stops a measurement whose tables are too small to say anything.

        Raises:
            NotMeasurable: If a table has fewer than `minimum` rows.
        """
        for name in ("train", "holdout", "synthetic"):
            n_rows = getattr(self, name).n_rows
            if n_rows < minimum:
                raise NotMeasurable(f"{name} has {n_rows} rows, fewer than {minimum}")

    def require_strangers(self) -> None:
        """Stops an attack whose non-members are members.

        Raises:
            NotMeasurable: If a person has rows in train and in holdout.
        """
        if self.n_shared_persons:
            raise NotMeasurable(
                f"{self.n_shared_persons} persons have rows in train and in holdout"
            )


def build_context(
    train: pl.DataFrame,
    holdout: pl.DataFrame,
    synthetic: pl.DataFrame,
    schema: Schema,
    *,
    seed: int,
) -> Context:
    """Aligns the three tables and fits the shared bins.

    Args:
        train: Conformed real rows the generator saw, shape (n_train, n_schema_columns).
        holdout: Conformed real rows it did not see, shape (n_holdout, n_schema_columns).
        synthetic: Conformed synthetic rows; encoded columns are used, others ignored.
        schema: Schema of all three.
        seed: Public randomness: subsamples, models, intervals.

    Raises:
        InputError: If a table lacks an encoded column or has one of the wrong type.
    """
    # PRIVACY: real train and holdout rows are read here, outside any epsilon. Whatever is
    # computed from them is tagged `disclosure="internal"`.
    columns = schema.encoded
    if not columns:
        raise InputError(
            "The schema has no column that a synthetic table could hold.",
            hint="Declare at least one column that is neither an identifier nor free text.",
        )
    frames = {
        "train": _select(train, columns, train, what="train table"),
        "holdout": _select(holdout, columns, train, what="holdout"),
        "synthetic": _select(synthetic, columns, train, what="synthetic table"),
    }
    persons, n_shared = _person_indices(train, holdout, schema)
    frames["train"], train_units = _sort(frames["train"], persons[0])
    frames["holdout"], holdout_units = _sort(frames["holdout"], persons[1])
    frames["synthetic"], synthetic_units = _sort(frames["synthetic"], None)
    bins = tuple(fit_bins(frames["train"][f"c{i}"], c) for i, c in enumerate(columns))

    def table(name: TableName, units: np.ndarray) -> Table:
        frame = frames[name]
        codes = np.empty((frame.height, len(bins)), dtype=np.int32, order="F")
        for i, b in enumerate(bins):
            codes[:, i] = b.encode(frame[f"c{i}"])
        return Table(frame=frame, codes=codes, units=units)

    return Context(
        schema=schema,
        columns=columns,
        bins=bins,
        train=table("train", train_units),
        holdout=table("holdout", holdout_units),
        synthetic=table("synthetic", synthetic_units),
        n_shared_persons=n_shared,
        seed=seed,
    )


def _select(
    frame: pl.DataFrame, columns: tuple[Column, ...], like: pl.DataFrame, *, what: str
) -> pl.DataFrame:
    """Takes the encoded columns, under positional names and the train table's types."""
    import polars as pl

    absent = [c.name for c in columns if c.name not in frame.columns]
    if absent:
        raise InputError(
            f"The {what} lacks {len(absent)} of the schema's encoded columns.",
            hint="Pass a table with all of them, in any order.",
            details=absent,
        )
    picked: list[pl.Series] = []
    for i, column in enumerate(columns):
        series = frame[column.name].alias(f"c{i}")
        wanted = like[column.name].dtype
        if series.dtype != wanted:
            try:
                series = series.cast(wanted)
            except pl.exceptions.PolarsError:
                raise InputError(
                    f"The column {column.name!r} of the {what} has the type {series.dtype}, not "
                    f"{wanted} as in the train table.",
                    hint="Conform both tables to the schema first.",
                ) from None
        if series.dtype.is_float():
            series = series.fill_nan(None)
        picked.append(series)
    return pl.DataFrame(picked)


def _person_indices(
    train: pl.DataFrame, holdout: pl.DataFrame, schema: Schema
) -> tuple[tuple[pl.Series | None, pl.Series | None], int]:
    """Returns the person ids of both tables as dense indices, and how many persons they share."""
    import polars as pl

    name = schema.person_id
    if name is None or name not in train.columns or name not in holdout.columns:
        return (None, None), 0
    both = pl.concat([train[name].cast(pl.String), holdout[name].cast(pl.String)])
    index = both.rank("dense").cast(pl.Int64)
    first, second = index[: train.height], index[train.height :]
    shared = set(first.drop_nulls().unique()) & set(second.drop_nulls().unique())
    return (first, second), len(shared)


def _sort(frame: pl.DataFrame, persons: pl.Series | None) -> tuple[pl.DataFrame, np.ndarray]:
    """Sorts rows by content, then by person; returns units 0 .. n_units - 1 in that order."""
    if persons is None:
        return frame.sort(frame.columns), np.arange(frame.height)
    columns = frame.columns
    ordered = frame.with_columns(persons.alias("person")).sort([*columns, "person"])
    known = ordered["person"]
    # A row without a person id is a person of its own.
    ids = known.fill_null(-1).to_numpy()
    alone = ids.max(initial=0) + 1 + np.arange(len(ids))
    _, units = np.unique(np.where(ids < 0, alone, ids), return_inverse=True)
    return ordered.select(columns), units.astype(np.int64)
