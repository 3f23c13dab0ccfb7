"""All two-way tables of the columns, measured once with exact discrete Gaussian noise.

Takes codes and a sigma, gives one symmetric matrix of noisy joint shares over all pairs of
columns. Every privacy unit brings one of its rows, drawn in secret, hence moves one cell of each
of the n_columns (n_columns - 1) / 2 tables by one: L2 sensitivity sqrt(number of tables). Where k
rows of a unit count, each has a set of tables and noise of its own, and the sets are added up.

Columns with many codes are folded to fewer groups of neighbouring codes first, by their noisy
one-way tables (post-processing), so that the tables stay within a number of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.generate.layout import Layout

if TYPE_CHECKING:
    from synthkit.artifacts import Codes

TWO_WAY = "two-way tables"
"""Name of the event under which the two-way tables are bought."""
_CHUNK_ROWS = 1 << 16
"""Rows per matrix product: counts below 2^24 are exact in float32."""


@dataclass(frozen=True, kw_only=True)
class TwoWayTables:
    """Noisy joint shares of every pair of (folded) columns."""

    groups: np.ndarray
    """Position on the folded axis of each position of the one-hot axis, int64, shape (width,)."""
    sizes: tuple[int, ...]
    """Number of groups of each column; their sum is the folded axis' length."""
    shares: np.ndarray
    """Symmetric, float32, shape (folded, folded); 0 within a column's own block."""


def n_pairs(n_columns: int) -> int:
    """Number of pairs of columns."""
    return n_columns * (n_columns - 1) // 2


def _cells(sizes: Sequence[int]) -> int:
    total = sum(sizes)
    return (total * total - sum(s * s for s in sizes)) // 2


def folded_sizes(sizes: Sequence[int], max_cells: int) -> tuple[int, ...]:
    """Returns the largest common cap on sizes (at least 2) that keeps to `max_cells` in all."""
    low, high = 2, max(sizes)
    while low < high:
        middle = (low + high + 1) // 2
        if _cells([min(s, middle) for s in sizes]) <= max_cells:
            low = middle
        else:
            high = middle - 1
    return tuple(min(s, low) for s in sizes)


def fold(shares: Sequence[np.ndarray], max_cells: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """Groups neighbouring codes of wide columns to about equal noisy mass.

    Args:
        shares: Noisy distribution of each column, each of shape (size,).
        max_cells: Largest number of cells of all tables together.

    Returns:
        `groups` and `sizes` as in `TwoWayTables`.
    """
    caps = folded_sizes([len(s) for s in shares], max_cells)
    groups, sizes, start = [], [], 0
    for share, cap in zip(shares, caps, strict=True):
        own = np.arange(len(share))
        if len(share) > cap:
            middle = np.cumsum(share) - share / 2  # (size,) in 0 .. 1
            own = np.minimum((middle * cap).astype(np.int64), cap - 1)
            own = np.unique(own, return_inverse=True)[1].reshape(-1)
        groups.append(own + start)
        sizes.append(int(own.max()) + 1)
        start += sizes[-1]
    return np.concatenate(groups), tuple(sizes)


def folded(values: np.ndarray, groups: np.ndarray, layout: Layout) -> np.ndarray:
    """Returns the position on the folded axis of each code, int64, shape (n_rows, n_columns)."""
    wide_sizes = np.bincount(np.searchsorted(np.cumsum(layout.sizes), groups, side="right"))
    return np.asarray(groups[values.astype(np.int64) + (np.cumsum(wide_sizes) - wide_sizes)])


def exact_counts(values: np.ndarray, groups: np.ndarray, layout: Layout) -> np.ndarray:
    """Counts every pair of groups, int64, shape (folded, folded): one product per chunk of rows.

    Args:
        values: Codes, shape (n_rows, n_columns).
        groups: As in `TwoWayTables`, of the unfolded columns.
        layout: Of the folded columns.
    """
    import torch

    counts = torch.zeros(layout.width, layout.width, dtype=torch.int64)
    for start in range(0, len(values), _CHUNK_ROWS):
        places = folded(values[start : start + _CHUNK_ROWS], groups, layout)
        local = torch.as_tensor(places) - layout.starts  # (chunk, n_columns)
        hot = layout.one_hot(local)  # (chunk, folded)
        counts += (hot.T @ hot).round().long()  # (folded, folded)
    result: np.ndarray = counts.numpy()
    return result


def measure(
    codes: Codes,
    shares: Sequence[np.ndarray],
    *,
    units: float,
    sigma: float,
    max_cells: int,
    rows_per_unit: int = 1,
) -> TwoWayTables:
    """Measures all two-way tables under noise.

    Args:
        codes: The real rows.
        shares: Noisy distribution of each column.
        units: Noisy number of rows that count.
        sigma: Std of the noise on every cell of each set of tables.
        max_cells: Largest number of cells of all tables together.
        rows_per_unit: Most rows of a unit that count; one set of tables for each.
    """
    from synthkit.privacy.mechanism import noisy_counts, rows_of_units

    groups, sizes = fold(shares, max_cells)
    layout = Layout(sizes)
    first, second = np.nonzero(np.triu(layout.off_block.numpy()))  # (cells,) each
    table = np.zeros((layout.width, layout.width))
    for rows in rows_of_units(codes.units, most=rows_per_unit):
        # PRIVACY: charged as `NoisyTables`, one set of tables for each of a unit's rows; in each
        # set a unit moves one cell of every table by one.
        counts = exact_counts(codes.values[rows], groups, layout)
        table[first, second] += noisy_counts(
            counts[first, second],
            sigma=sigma,
            cells=lambda values: pair_cells(values, groups, layout),
        )
    noisy = (table / units).astype(np.float32)
    return TwoWayTables(groups=groups, sizes=sizes, shares=noisy + noisy.T)


def pair_cells(values: np.ndarray, groups: np.ndarray, layout: Layout) -> np.ndarray:
    """Returns the cells that each row counts in, numbered as `measure` lists them.

    Args:
        values: Codes, shape (n_rows, n_columns).
        groups: As in `TwoWayTables`.
        layout: Of the folded columns.

    Returns:
        Shape (n_rows, n_pairs), int64.
    """
    above = np.triu(layout.off_block.numpy()) > 0  # (folded, folded)
    number = np.cumsum(above).reshape(above.shape) - 1
    places = folded(values, groups, layout)  # (n_rows, n_columns)
    one, other = np.triu_indices(places.shape[1], k=1)
    return np.asarray(number[places[:, one], places[:, other]])
