"""Exact nearest-neighbour distances in a mixed space; no measurement of its own.

Each column adds to the squared distance: a number or time the squared difference of its ranks
among the real rows (both tables alike), times 3, a category 1 where the levels differ, a missing
cell about 1 against a known one. Equal rows have distance 0. Columns with more than 32 levels get
a random unit vector per level instead of one axis, which keeps equal levels at 0 and puts
different ones at about 1.
"""

from __future__ import annotations

import numpy as np

from synthkit.evaluate.bins import count_levels, is_ordered, level_codes, ordered_values
from synthkit.evaluate.context import Context, Table

MAX_AXES = 32
CHUNK_CELLS = 20_000_000
"""Distances held at a time (float32: 80 MB)."""


def embed(
    context: Context, train: np.ndarray, holdout: np.ndarray, synthetic: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places chosen rows of the three tables in one Euclidean space.

    Args:
        context: The tables.
        train: Row indices, shape (n_picked,).
        holdout: Row indices, shape (n_picked,).
        synthetic: Row indices, shape (n_picked,).

    Returns:
        Three float32 arrays, shape (n_picked, n_axes) each.
    """
    tables = (context.train, context.holdout, context.synthetic)
    picked = (train, holdout, synthetic)
    blocks: tuple[list[np.ndarray], ...] = ([], [], [])
    for i, column in enumerate(context.columns):
        place = _ranks if is_ordered(column) else _levels
        placed = place(context, tables, f"c{i}")
        for block, axes, rows in zip(blocks, placed, picked, strict=True):
            block.append(axes[rows])
    first, second, third = (np.concatenate(b, axis=1) for b in blocks)
    return first, second, third


def _ranks(context: Context, tables: tuple[Table, ...], name: str) -> list[np.ndarray]:
    """Places a number by its rank among train and holdout together; missing has its own axis."""
    # PRIVACY: ranks among real rows. Train and holdout are treated alike, so that the scale itself
    # tells nothing about membership.
    values = [ordered_values(t.frame[name]) for t in tables]
    pool = np.sort(np.concatenate(values[:2]))
    pool = pool[~np.isnan(pool)]
    scale = np.sqrt(3.0) / (2 * max(len(pool), 1))
    found = []
    for v in values:
        rank = np.searchsorted(pool, v, "left") + np.searchsorted(pool, v, "right")
        is_missing = np.isnan(v)
        axis = np.where(is_missing, np.sqrt(3.0) / 2, rank * scale)
        found.append(np.column_stack([axis, is_missing]).astype(np.float32))
    if not any(f[:, 1].any() for f in found):
        return [f[:, :1] for f in found]
    return found


def _levels(context: Context, tables: tuple[Table, ...], name: str) -> list[np.ndarray]:
    """Places each level (missing is one) on an axis of its own, or on a random direction."""
    levels = sorted({level for t in tables for level, _ in count_levels(t.frame[name])})
    n_levels = len(levels) + 1
    if n_levels <= MAX_AXES:
        places = np.eye(n_levels)
    else:
        places = context.rng(f"axes {name}").normal(size=(n_levels, MAX_AXES))
        places /= np.linalg.norm(places, axis=1, keepdims=True)
    places = (places / np.sqrt(2)).astype(np.float32)
    return [places[level_codes(t.frame[name], tuple(levels))] for t in tables]


def nearest_distance(queries: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns each query's Euclidean distance to its nearest point.

    The nearest point is found by one matrix product per chunk, and its distance is then computed
    again by differences, so that rounding cannot turn a copy into a near copy.

    Args:
        queries: Shape (n_queries, n_axes).
        points: Shape (n_points, n_axes), at least one row.

    Returns:
        Shape (n_queries,), float64.
    """
    half_norms = (points.astype(np.float64) ** 2).sum(axis=1).astype(np.float32) / 2
    found = np.empty(len(queries))
    rows = max(1, CHUNK_CELLS // len(points))
    for start in range(0, len(queries), rows):
        chunk = queries[start : start + rows]
        closeness = chunk @ points.T  # (n_chunk, n_points)
        closeness -= half_norms
        nearest = points[closeness.argmax(axis=1)]
        gap = chunk.astype(np.float64) - nearest
        found[start : start + rows] = np.sqrt((gap * gap).sum(axis=1))
    return found
