"""All two-way tables of the columns, measured once with exact discrete Gaussian noise.

Takes codes and a sigma, gives one symmetric matrix of noisy joint shares over all pairs of
columns. Every privacy unit brings one of its rows, drawn in secret, hence moves one cell of each
of the n_columns (n_columns - 1) / 2 tables by one: L2 sensitivity sqrt(number of tables).

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


def exact_counts(values: np.ndarray, groups: np.ndarray, layout: Layout) -> np.ndarray:
    """Counts every pair of groups, int64, shape (folded, folded): one product per chunk of rows.

    Args:
        values: Codes, shape (n_rows, n_columns).
        groups: As in `TwoWayTables`, of the unfolded columns.
        layout: Of the folded columns.
    """
    import torch

    wide_sizes = np.bincount(np.searchsorted(np.cumsum(layout.sizes), groups, side="right"))
    wide_starts = np.cumsum(wide_sizes) - wide_sizes  # (n_columns,)
    counts = torch.zeros(layout.width, layout.width, dtype=torch.int64)
    for start in range(0, len(values), _CHUNK_ROWS):
        folded = groups[values[start : start + _CHUNK_ROWS].astype(np.int64) + wide_starts]
        local = torch.as_tensor(folded) - layout.starts  # (chunk, n_columns)
        hot = layout.one_hot(local)  # (chunk, folded)
        counts += (hot.T @ hot).round().long()  # (folded, folded)
    result: np.ndarray = counts.numpy()
    return result


def measure(
    codes: Codes, shares: Sequence[np.ndarray], *, units: float, sigma: float, max_cells: int
) -> TwoWayTables:
    """Measures all two-way tables under noise.

    Args:
        codes: The real rows.
        shares: Noisy distribution of each column.
        units: Noisy number of privacy units.
        sigma: Std of the noise on every cell.
        max_cells: Largest number of cells of all tables together.
    """
    from synthkit.privacy.mechanism import noisy_counts, one_row_per_unit

    groups, sizes = fold(shares, max_cells)
    layout = Layout(sizes)
    # PRIVACY: charged as `NoisyTables`; one secret row per unit bounds each unit's contribution.
    chosen = codes.values[one_row_per_unit(codes.units)]
    counts = exact_counts(chosen, groups, layout)
    first, second = np.nonzero(np.triu(layout.off_block.numpy()))
    noisy = noisy_counts(counts[first, second], sigma=sigma)  # (cells,)
    table = np.zeros((layout.width, layout.width), dtype=np.float32)
    table[first, second] = noisy / units
    return TwoWayTables(groups=groups, sizes=sizes, shares=table + table.T)
