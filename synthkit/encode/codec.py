"""The codec: what turns a table into codes and codes into a table, and holds no row.

In: noisy masses per public cell (from `fitting`). `encode` maps a row to codes by the codec alone,
one row at a time; `decode` draws, for each code, a cell of that code by its noisy mass and a value
within the cell: evenly, or by how round it is where that was looked at (`parts`). `to_dict` and
`codec_from_dict` carry it in a model file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from synthkit.artifacts import Codes
from synthkit.encode import kinds
from synthkit.encode.parts import Parts
from synthkit.encode.reading import parts, write_codes
from synthkit.encode.shares import Shares
from synthkit.encode.within import Condition, Within
from synthkit.errors import InputError, IntegrityError

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.kinds import Grid
    from synthkit.encode.numeric import NumericGrid

VERSION = "codec/1"


@dataclass(frozen=True, eq=False)
class ColumnCodec:
    """One column: its public cells, the code of each cell, and the noisy mass of each cell."""

    name: str
    plugin: str
    """Name of the plugin that made the grid."""
    grid: Grid
    code_of_cell: np.ndarray
    """Shape (n_cells,), int64, every code from 0 to `size` - 1 at least once."""
    masses: np.ndarray
    """Projected noisy counts, shape (n_cells,), float64, non-negative."""
    roundness: np.ndarray | None = None
    """How often numbers of each class of the grid's ladder occur, relative to evenly, shape
    (n_classes,); None: cells are filled evenly."""

    @cached_property
    def size(self) -> int:
        """Number of codes."""
        return int(self.code_of_cell.max()) + 1

    @cached_property
    def counts(self) -> np.ndarray:
        """Mass of each code, shape (size,), float64."""
        return np.bincount(self.code_of_cell, weights=self.masses, minlength=self.size)

    @cached_property
    def _is_lookup(self) -> bool:
        return self.size == self.grid.n_cells and self.grid.is_exact

    @cached_property
    def _shares(self) -> Shares:
        weights = Shares.weights(self.code_of_cell, self.masses, self.grid.widths)
        if self._parts is None:
            return Shares.of(self.code_of_cell, weights)
        return Shares.of(self._parts.of_parts(self.code_of_cell), self._parts.weights(weights))

    @cached_property
    def _parts(self) -> Parts | None:
        if self.roundness is None:
            return None
        return Parts.of(cast("NumericGrid", self.grid), self.roundness)

    @property
    def missing_code(self) -> int | None:
        """The code that means "missing", if the column has one."""
        return int(self.code_of_cell[-1]) if self.grid.has_missing else None

    def within(self, condition: Condition) -> Within:
        """Says what a condition leaves of each code; see `Within`."""
        return Within.of(self.grid, self.code_of_cell, self.masses, condition, self._parts)

    def encode(self, series: pl.Series) -> np.ndarray:
        """Returns the code of each value, shape (n_rows,); never fails on a value."""
        return np.asarray(self.code_of_cell[self.grid.cells(series)])

    def decode(
        self, codes: np.ndarray, rng: np.random.Generator, within: Within | None = None
    ) -> pl.Series:
        """Draws a value for each code, in the conformed dtype.

        Args:
            codes: Shape (n_rows,), each below `size`.
            rng: Public randomness.
            within: Draw values that satisfy this condition; codes have evidence of it.
        """
        if within is not None:
            return within.draw(self.grid, codes, rng).alias(self.name)
        if self._is_lookup:
            cells = np.argsort(self.code_of_cell)[codes]  # (n_rows,)
            fraction = np.zeros(0)
        else:
            cells, fraction = self._shares.draw(codes, rng)
            if self._parts is not None:
                return self._parts.values(cells, fraction).alias(self.name)
        return self.grid.values(cells, fraction).alias(self.name)

    def labels(self) -> tuple[str, ...]:
        """Names each code for people: its value, its range, or how many values share it."""
        n = self.grid.n_cells
        ends = [self.grid.values(np.arange(n), np.full(n, f)).to_list() for f in (0.0, 1.0)]
        is_ordered = self.plugin != "categorical"
        names = []
        for code in range(self.size):
            cells = np.flatnonzero(self.code_of_cell == code)
            first, last = ends[0][cells[0]], ends[1][cells[-1]]
            if code == self.missing_code:
                names.append("missing")
            elif first == last:
                names.append(str(first))
            elif is_ordered:
                names.append(f"{first}..{last}")
            else:
                names.append(f"one of {len(cells)} rare values")
        return tuple(names)

    def to_dict(self) -> dict[str, Any]:
        """Returns the column's codec in JSON types."""
        return {
            "name": self.name,
            "plugin": self.plugin,
            "grid": self.grid.to_dict(),
            "code_of_cell": self.code_of_cell.tolist(),
            "masses": self.masses.tolist(),
            **({} if self.roundness is None else {"roundness": self.roundness.tolist()}),
        }


@dataclass(frozen=True, eq=False)
class Codec:
    """All encoded columns of a table; made by `fit` or `codec_from_dict`."""

    parts: tuple[ColumnCodec, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the encoded columns, in order."""
        return tuple(p.name for p in self.parts)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of codes of each column."""
        return tuple(p.size for p in self.parts)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the codes: uint8 if no column has more than 256, else uint16."""
        return np.dtype(np.uint8 if max(self.sizes, default=0) <= 256 else np.uint16)

    def encode(self, table: pl.DataFrame, units: np.ndarray) -> Codes:
        """Encodes every row, by the codec alone: a row's codes do not depend on other rows.

        Values outside the public domain, which a checked table cannot have, are clamped to it
        (see each plugin), so that no exception depends on a row.

        Args:
            table: Conformed table with at least the encoded columns.
            units: Privacy unit of each row, shape (n_rows,).

        Raises:
            InputError: If a column is absent or `units` has another length than the table.
        """
        check_table(table, self.columns, units)
        values = np.empty((table.height, len(self.parts)), dtype=self.dtype)
        # PRIVACY: reads every real row, for training under the generator's own events. Row by
        # row and by released knowledge only; the codes themselves are never released.
        for i, part in enumerate(self.parts):
            series = table.get_column(part.name)
            for rows in parts(table.height):
                values[rows, i] = part.encode(series[rows])
        return self._codes(values, units)

    def codes_of(self, cells: Sequence[np.ndarray], units: np.ndarray) -> Codes:
        """Encodes every row by its cells, one array of shape (n_rows,) per column; see `encode`."""
        values = np.empty((len(units), len(self.parts)), dtype=self.dtype)
        # PRIVACY: as `encode`.
        for i, (part, of_column) in enumerate(zip(self.parts, cells, strict=True)):
            write_codes(of_column, part.code_of_cell, values[:, i])
        return self._codes(values, units)

    def _codes(self, values: np.ndarray, units: np.ndarray) -> Codes:
        return Codes(
            columns=self.columns,
            sizes=self.sizes,
            values=values,
            units=np.asarray(units, dtype=np.int64),
        )

    def decode(
        self,
        values: np.ndarray,
        rng: np.random.Generator,
        within: Mapping[int, Within] | None = None,
    ) -> pl.DataFrame:
        """Draws a synthetic row for each row of codes.

        Args:
            values: Codes, shape (n_rows, n_columns), any integer type.
            rng: Public randomness; touches no real row, so it may be seeded.
            within: Conditions that the values satisfy, by the column's place.

        Returns:
            A conformed table with the encoded columns, in order.

        Raises:
            InputError: If the shape or a code does not fit this codec.
        """
        import polars as pl

        if values.ndim != 2 or values.shape[1] != len(self.parts) or values.dtype.kind not in "iu":
            raise InputError(
                f"Codes of {len(self.parts)} columns as whole numbers are needed.",
                hint="Decode the output of a model that was trained with this codec.",
            )
        columns = []
        for i, part in enumerate(self.parts):
            codes = values[:, i].astype(np.int64)
            if codes.size and (codes.min() < 0 or codes.max() >= part.size):
                raise InputError(
                    f"A code of the column {part.name!r} is not one of its {part.size}.",
                    hint="Decode the output of a model that was trained with this codec.",
                )
            columns.append(part.decode(codes, rng, (within or {}).get(i)))
        return pl.DataFrame(columns)

    def to_dict(self) -> dict[str, Any]:
        """Returns the codec in JSON types; `codec_from_dict` reads it back."""
        return {"version": VERSION, "columns": [p.to_dict() for p in self.parts]}


def codec_from_dict(d: Mapping[str, Any]) -> Codec:
    """Rebuilds a codec that decodes exactly as the one that wrote `d`.

    Raises:
        IntegrityError: If `d` is of another version, or not what `Codec.to_dict` writes.
    """
    if d.get("version") != VERSION:
        raise IntegrityError(
            "The codec was written by another version of synthkit.",
            hint=f"Read it with the version that wrote it; this one reads {VERSION}.",
        )
    try:
        return Codec(tuple(_column_from_dict(c) for c in d["columns"]))
    except (LookupError, TypeError, ValueError, OverflowError) as problem:
        raise _damaged() from problem


def _column_from_dict(d: Mapping[str, Any]) -> ColumnCodec:
    grid = kinds.grid_from_dict(d["plugin"], d["grid"])
    code_of_cell = np.array(d["code_of_cell"], dtype=np.int64)
    masses = np.array(d["masses"], dtype=np.float64)
    n = grid.n_cells
    if code_of_cell.shape != (n,) or masses.shape != (n,) or not np.all(np.isfinite(masses)):
        raise _damaged()
    used = np.unique(code_of_cell)
    if n == 0 or not np.array_equal(used, np.arange(used.size)) or masses.min() < 0:
        raise _damaged()
    roundness = _roundness_from(d["roundness"], grid) if "roundness" in d else None
    return ColumnCodec(str(d["name"]), str(d["plugin"]), grid, code_of_cell, masses, roundness)


def _roundness_from(given: Sequence[float], grid: Grid) -> np.ndarray:
    """Reads the weights of classes; the grid alone says which there are."""
    weights = np.array(given, dtype=np.float64)
    ladder = getattr(grid, "ladder", None)
    if ladder is None or weights.shape != (ladder.n_classes,):
        raise _damaged()
    if not (weights.min() >= 0 and weights.max() == 1):  # nor a number that is none
        raise _damaged()
    return weights


def _damaged() -> IntegrityError:
    return IntegrityError(
        "The codec's description is damaged.",
        hint="Read the model file again from its source, or fit the model again.",
    )


def check_table(table: pl.DataFrame, columns: Sequence[str], units: np.ndarray) -> None:
    """Checks what does not depend on any cell: column names and lengths.

    Raises:
        InputError: If a column is absent or `units` has another length than the table.
    """
    absent = [name for name in columns if name not in table.columns]
    if absent:
        raise InputError(
            f"The table lacks {len(absent)} column(s) of the schema: {', '.join(absent)}.",
            hint="Conform the table to its schema first.",
        )
    if units.shape != (table.height,):
        raise InputError(
            "The privacy units and the table have different numbers of rows.",
            hint="Compute the units from this very table.",
        )
