"""Which plugin makes the public grid of which kind of column, and the form every grid has.

A plugin is a file of this room with `KINDS` (the column kinds it serves), `grid(column)` and
`grid_from_dict(d)`. A grid is public: it follows from the schema alone and never sees a row
before it is fixed.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from synthkit.errors import InputError, IntegrityError

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.within import Condition
    from synthkit.schema.model import Column


class Grid(Protocol):
    """The public cells of one column; the missing cell, if there is one, is the last."""

    @property
    def n_cells(self) -> int:
        """Number of cells, the missing cell included."""

    @property
    def has_missing(self) -> bool:
        """Whether the last cell means "missing"."""

    @property
    def widths(self) -> np.ndarray:
        """Size of each cell in values, shape (n_cells,), positive, relative to each other."""

    @property
    def is_exact(self) -> bool:
        """Whether every cell holds a single value, so that decoding needs no draw inside it."""

    def cells(self, series: pl.Series) -> np.ndarray:
        """Returns the cell of each value, shape (n_rows,); never fails on a value."""

    def values(self, cells: np.ndarray, fraction: np.ndarray) -> pl.Series:
        """Returns one value per cell, at `fraction` (0 to 1) of it, in the conformed dtype."""

    def merge(
        self, masses: np.ndarray, *, max_codes: int, max_bins: int, sigma: float
    ) -> np.ndarray:
        """Returns the code of each cell, shape (n_cells,), from 0 without gaps.

        `masses` are noisy, with standard deviation `sigma` per cell; 0: exact.
        """

    def intervals(self, condition: Condition) -> np.ndarray:
        """Returns the part of each cell that satisfies a condition, shape (n_cells, 2).

        Each row is where the part begins and ends within the cell, from 0 to 1; equal: no part.
        """

    def to_dict(self) -> dict[str, Any]:
        """Returns the grid in JSON types."""


class GridPlugin(Protocol):
    """What a plugin module offers."""

    KINDS: tuple[str, ...]

    def grid(self, column: Column) -> Grid:
        """Builds the public grid of a column."""

    def grid_from_dict(self, d: Mapping[str, Any]) -> Grid:
        """Rebuilds a grid from `Grid.to_dict()`."""


@functools.cache
def _plugin_of_kind() -> dict[str, str]:
    from synthkit import registry  # reads the metadata of every installed package

    names = registry.names("synthkit.encode")
    return {kind: name for name in names for kind in load(name).KINDS}


def plugin_name(kind: str) -> str:
    """Returns the name of the plugin that serves a kind of column.

    Raises:
        InputError: If no plugin does.
    """
    try:
        return _plugin_of_kind()[kind]
    except KeyError:
        raise InputError(
            f"No codec serves columns of kind {kind!r}.",
            hint="Give the column another kind in the schema, or install a plugin that serves it.",
        ) from None


@functools.cache
def load(name: str) -> GridPlugin:
    """Imports a grid plugin by name."""
    from synthkit import registry

    return cast(GridPlugin, registry.load("synthkit.encode", name))


def grid_from_dict(name: str, d: Mapping[str, Any]) -> Grid:
    """Rebuilds the grid that the plugin `name` wrote.

    Raises:
        IntegrityError: If the description is not one that the plugin writes.
    """
    try:
        return load(name).grid_from_dict(d)
    except (KeyError, TypeError, ValueError) as problem:
        raise IntegrityError(
            f"The description of a {name} grid cannot be read.",
            hint="The model file is damaged or was written by another version of synthkit.",
        ) from problem


def missing_domain(column: Column, what: str) -> InputError:
    """The error for a column whose schema declares no domain."""
    return InputError(
        f"The column {column.name!r} ({column.kind}) has no usable {what}.",
        hint=f"Declare {what} for it in the schema, from public knowledge.",
    )
