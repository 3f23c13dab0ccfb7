"""All two-way tables of the columns, measured once with exact discrete Gaussian noise.

Takes codes and a sigma, gives one symmetric matrix of noisy joint shares over all pairs of
columns, those with a target under a noise of their own where that was bought; or, where the schema
names a target of two values, one such matrix for each code of the target: the three-way tables
(a, b, target) over all pairs of other columns, from which the two-way tables follow by summing.
Every privacy unit brings one of its rows, drawn in secret, hence moves one cell of each table by
one: L2 sensitivity sqrt(number of tables). Where k rows of a unit count, each has a set of tables
and noise of its own, and the sets are added up.

Columns with many codes are folded to fewer groups of neighbouring codes first, by their noisy
one-way tables (post-processing), so that the tables stay within a number of cells.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.generate.counting import joint_counts
from synthkit.generate.layout import Layout

if TYPE_CHECKING:
    from synthkit.artifacts import Codes

TWO_WAY = "two-way tables"
"""Name of the event under which the two-way tables are bought."""
TARGET_TWO_WAY = "two-way tables with a target"
"""Name of the event under which those with a target are bought, where they have a noise of their
own."""
THREE_WAY = "three-way tables with the target"
"""Name of the event under which tables of each pair of columns with the target are bought."""
TARGET_GROUPS = 3
"""Codes of the target that are told apart in the three-way tables."""


@dataclass(frozen=True, kw_only=True)
class TwoWayTables:
    """Noisy joint shares of every pair of (folded) columns."""

    groups: np.ndarray
    """Position on the folded axis of each position of the one-hot axis, int64, shape (width,)."""
    sizes: tuple[int, ...]
    """Number of groups of each column; their sum is the folded axis' length."""
    shares: np.ndarray
    """Symmetric, float32, shape (folded, folded); 0 within a column's own block."""
    variances: np.ndarray
    """Variance of the noise of each pair's cells, over that of the pairs without a target, shape
    (n_columns, n_columns)."""

    @property
    def slices(self) -> np.ndarray:
        """The one matrix, shape (1, folded, folded)."""
        return self.shares[None]

    def margins(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns independent measurements of one column's distribution.

        Returns:
            Noisy shares, shape (folded[column], n_estimates), and the variance of the noise of
            each, over that of one cell of a pair without a target, shape (n_estimates,).
        """
        sizes = np.asarray(self.sizes)
        starts = np.cumsum(sizes) - sizes
        own = self.shares[starts[column] : starts[column] + sizes[column]].astype(np.float64)
        others = np.arange(len(sizes)) != column
        variances = (sizes * self.variances[column])[others]
        return np.add.reduceat(own, starts, axis=1)[:, others], variances

    def weights(self) -> np.ndarray:
        """Returns the precision of each cell, over that of a pair without a target.

        Returns:
            Float64, shape (folded, folded); 0 where nothing was measured.
        """
        layout = Layout(self.sizes)
        owner = layout.owner.cpu().numpy()
        return np.asarray(block_mask(layout) / self.variances[owner][:, owner])


@dataclass(frozen=True, kw_only=True)
class ThreeWayTables:
    """Noisy joint shares of every pair of (folded) columns with the target."""

    groups: np.ndarray
    """As in `TwoWayTables`."""
    sizes: tuple[int, ...]
    target: int
    """Which column the target is."""
    slices: np.ndarray
    """One symmetric matrix for each group of the target, float32, shape (n, folded, folded); 0
    within a column's own block, and in the target's rows and columns."""

    def margins(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """As `TwoWayTables.margins`; each table of two columns and the target is one estimate."""
        sizes = np.asarray(self.sizes)
        starts = np.cumsum(sizes) - sizes
        slices = self.slices.astype(np.float64)
        if column != self.target:
            others = ~np.isin(np.arange(len(sizes)), (column, self.target))
            own = slices.sum(0)[starts[column] : starts[column] + sizes[column]]
            return np.add.reduceat(own, starts, axis=1)[:, others], sizes[others] * len(slices)
        blocks = np.add.reduceat(np.add.reduceat(slices, starts, axis=1), starts, axis=2)
        one, other = np.triu_indices(len(sizes), k=1)
        is_free = (one != column) & (other != column)
        one, other = one[is_free], other[is_free]
        return blocks[:, one, other], sizes[one] * sizes[other]

    def weights(self) -> np.ndarray:
        """As `TwoWayTables.weights`; all cells have the same noise."""
        return block_mask(Layout(self.sizes), self.target).astype(np.float64)


JointTables = TwoWayTables | ThreeWayTables


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


def fold(
    shares: Sequence[np.ndarray], max_cells: int, target: int | None = None
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Groups neighbouring codes of wide columns to about equal noisy mass.

    Args:
        shares: Noisy distribution of each column, each of shape (size,).
        max_cells: Largest number of cells of all tables together.
        target: The column that is in every table, if there is one.

    Returns:
        `groups` and `sizes` as in `TwoWayTables`.
    """
    caps = _caps([len(s) for s in shares], max_cells, target)
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


def _caps(sizes: Sequence[int], max_cells: int, target: int | None) -> tuple[int, ...]:
    """Returns the largest number of groups of each column."""
    if target is None:
        return folded_sizes(sizes, max_cells)
    own = min(sizes[target], TARGET_GROUPS)
    others = [s for i, s in enumerate(sizes) if i != target]
    caps = list(folded_sizes(others, max_cells // own))
    return (*caps[:target], own, *caps[target:])


def folded(values: np.ndarray, groups: np.ndarray, layout: Layout) -> np.ndarray:
    """Returns the position on the folded axis of each code, int64, shape (n_rows, n_columns)."""
    wide_sizes = np.bincount(np.searchsorted(np.cumsum(layout.sizes), groups, side="right"))
    return np.asarray(groups[values.astype(np.int64) + (np.cumsum(wide_sizes) - wide_sizes)])


def block_mask(layout: Layout, target: int | None = None) -> np.ndarray:
    """Which cells are measured: pairs of different columns, without the target's own.

    Returns:
        Boolean and symmetric, shape (folded, folded).
    """
    mask = layout.off_block.cpu().numpy() > 0
    if target is not None:
        is_target = layout.owner.cpu().numpy() == target
        mask[is_target] = mask[:, is_target] = False
    return np.asarray(mask)


def measure(
    codes: Codes,
    shares: Sequence[np.ndarray],
    *,
    units: float,
    sigma: float,
    max_cells: int,
    rows_per_unit: int = 1,
    target: int | None = None,
    targets: Sequence[int] = (),
    target_sigma: float | None = None,
) -> JointTables:
    """Measures all two-way tables, or all three-way tables with the target, under noise.

    Args:
        codes: The real rows.
        shares: Noisy distribution of each column.
        units: Noisy number of rows that count.
        sigma: Std of the noise on every cell of each set of tables.
        max_cells: Largest number of cells of all tables together.
        rows_per_unit: Most rows of a unit that count; one set of tables for each.
        target: The column whose three-way tables with all pairs of the others are measured
            instead; its codes are folded to `TARGET_GROUPS` at most.
        targets: Columns of which a two-way table has `target_sigma`; not with `target`.
        target_sigma: Std of the noise of theirs; None: `sigma` for all.
    """
    from synthkit.privacy.mechanism import noisy_counts, rows_of_units

    groups, sizes = fold(shares, max_cells, target)
    layout = Layout(sizes)
    n_slices = 1 if target is None else sizes[target]
    table = np.zeros((n_slices, layout.width, layout.width))
    is_first = np.zeros((len(sizes), len(sizes)), dtype=bool)  # pairs with a noise of their own
    if target_sigma is not None:
        is_first[list(targets)] = is_first[:, list(targets)] = True
    looks = [(sigma, ~is_first)]
    if target_sigma is not None:
        looks.append((target_sigma, is_first))
    # (cells,) each, the same for every set
    places = [np.nonzero(_measured(layout, target, pairs)) for _, pairs in looks]
    for rows in rows_of_units(codes.units, most=rows_per_unit):
        # PRIVACY: charged as `NoisyTables`, one set of tables for each of a unit's rows; in each
        # set a unit moves one cell of every table by one. With a target, every row counts in the
        # matrix of its own target group alone.
        counts = joint_counts(codes.values, groups, sizes, rows=rows, target=target)
        for (std, pairs), (first, second) in zip(looks, places, strict=True):
            noisy = noisy_counts(
                np.concatenate([c[first, second] for c in counts]),
                sigma=std,
                cells=functools.partial(
                    joint_cells, groups=groups, layout=layout, target=target, pairs=pairs
                ),
            )
            table[:, first, second] += noisy.reshape(n_slices, -1)
    shared = (table / units).astype(np.float32)
    shared = shared + shared.transpose(0, 2, 1)
    if target is None:
        ratio = 1.0 if target_sigma is None else (target_sigma / sigma) ** 2
        return TwoWayTables(
            groups=groups, sizes=sizes, shares=shared[0], variances=np.where(is_first, ratio, 1.0)
        )
    return ThreeWayTables(groups=groups, sizes=sizes, target=target, slices=shared)


def _measured(layout: Layout, target: int | None, pairs: np.ndarray) -> np.ndarray:
    """Returns which cells a look counts, each once: those of these pairs, above the diagonal.

    Args:
        layout: Of the folded columns.
        target: As in `measure`.
        pairs: Which pairs of columns, booleans, symmetric, shape (n_columns, n_columns).

    Returns:
        Booleans, shape (folded, folded).
    """
    owner = layout.owner.cpu().numpy()
    return np.asarray(np.triu(block_mask(layout, target)) & pairs[owner][:, owner])


def slice_of(
    values: np.ndarray, groups: np.ndarray, layout: Layout, target: int | None
) -> np.ndarray:
    """Returns the target group of each row, int64, shape (n_rows,); 0 without a target."""
    if target is None:
        return np.zeros(len(values), dtype=np.int64)
    start = sum(layout.sizes[:target])
    return np.asarray(folded(values, groups, layout)[:, target] - start)


def joint_cells(
    values: np.ndarray,
    groups: np.ndarray,
    layout: Layout,
    target: int | None = None,
    pairs: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the cells that each row counts in, numbered as `measure` lists them.

    Args:
        values: Codes, shape (n_rows, n_columns).
        groups: As in `TwoWayTables`.
        layout: Of the folded columns.
        target: As in `measure`.
        pairs: Which pairs of columns count, as in `_measured`; None: all.

    Returns:
        Shape (n_rows, n_tables), int64.
    """
    if pairs is None:
        pairs = np.ones((len(layout.sizes), len(layout.sizes)), dtype=bool)
    above = _measured(layout, target, pairs)  # (folded, folded)
    number = np.cumsum(above).reshape(above.shape) - 1
    places = folded(values, groups, layout)  # (n_rows, n_columns)
    columns = np.delete(np.arange(places.shape[1]), [] if target is None else [target])
    one, other = (columns[i] for i in np.triu_indices(len(columns), k=1))
    one, other = one[pairs[one, other]], other[pairs[one, other]]
    slices = slice_of(values, groups, layout, target)[:, None]
    return np.asarray(slices * above.sum() + number[places[:, one], places[:, other]])
