"""Counts of every pair of columns (with a target: of every triple with it), in one pass over rows.

Takes codes and how they are folded, gives exact counts: what `two_way` adds noise to. Columns with
few codes are read together as one digit of several places, so that one count of a pair of digits
holds the counts of many pairs of columns; those follow by summing. All is integer arithmetic over
chunks of rows, so memory does not grow with the table.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_CHUNK_ROWS = 1 << 17
_LARGEST_DIGIT = 64
"""Values of a digit: the counts of a pair of digits should stay in a processor's first caches."""
_MOST_CELLS = 1 << 22
"""Of the counts of all pairs of digits; smaller digits are made where there would be more."""


@dataclass(frozen=True, kw_only=True)
class _Digit:
    """Some columns read as one number: the first of them is the most significant place."""

    columns: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def n(self) -> int:
        return math.prod(self.sizes)


def joint_counts(
    values: np.ndarray,
    groups: np.ndarray,
    sizes: Sequence[int],
    *,
    rows: np.ndarray | None = None,
    target: int | None = None,
) -> np.ndarray:
    """Counts rows by the groups of every pair of columns, and by the target's group.

    Args:
        values: Codes, shape (n_rows, n_columns).
        groups: Position on the folded axis of each position of the one-hot axis, shape (width,).
        sizes: Number of groups of each column.
        rows: Which rows count, integers of shape (n,); None: all.
        target: The column by whose groups the counts are split, if there is one.

    Returns:
        int64, shape (1 or sizes[target], folded, folded), symmetric: how many rows have one group
        and the other one. Rows and columns of the target are 0.
    """
    tables = _luts(groups, sizes)
    digits = _digits(sizes, 1 if target is None else sizes[target], skip=target)
    n_slices = 1 if target is None else sizes[target]
    pairs = list(itertools.combinations(range(len(digits)), 2)) or [(0, 0)][: len(digits)]
    found = [
        np.zeros(digits[a].n * n_slices * (digits[b].n if a != b else 1), np.int64)
        for a, b in pairs
    ]
    n = len(values) if rows is None else len(rows)
    for start in range(0, n, _CHUNK_ROWS):
        part = slice(start, start + _CHUNK_ROWS)
        chunk = values[part] if rows is None else values[rows[part]]  # (chunk, n_columns)
        read = [_read(chunk, d, tables) for d in digits]
        own = None if target is None else tables[target][chunk[:, target]]  # (chunk,)
        left = read if own is None else [r * n_slices + own for r in read]
        place = np.empty(len(chunk), np.int64)
        for (a, b), counts in zip(pairs, found, strict=True):
            if a == b:
                place = left[a]
            else:
                np.multiply(left[a], digits[b].n, out=place)
                np.add(place, read[b], out=place)
            counts += np.bincount(place, minlength=len(counts))
    result = np.zeros((n_slices, sum(sizes), sum(sizes)), np.int64)
    for (a, b), counts in zip(pairs, found, strict=True):
        one, other = digits[a], digits[b] if a != b else None
        _spread(result, counts, one, other, sizes)
    return result


def _luts(groups: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Returns each column's group (from 0) of each of its codes, int64, shape (size,)."""
    ends = np.cumsum(sizes)
    cuts = np.searchsorted(groups, ends[:-1])  # groups ascend from column to column
    return [
        part.astype(np.int64) - (end - size)
        for part, end, size in zip(np.split(groups, cuts), ends, sizes, strict=True)
    ]


def _digits(sizes: Sequence[int], n_slices: int, skip: int | None) -> list[_Digit]:
    """Packs columns into digits, the widest columns first, each into the first that has room."""
    order = sorted((c for c in range(len(sizes)) if c != skip), key=lambda c: -sizes[c])
    largest = _LARGEST_DIGIT
    while True:
        packed: list[list[int]] = []
        for column in order:
            for members in packed:
                if math.prod(sizes[m] for m in members) * sizes[column] <= largest:
                    members.append(column)
                    break
            else:
                packed.append([column])
        found = [_Digit(columns=tuple(p), sizes=tuple(sizes[c] for c in p)) for p in packed]
        cells = sum(a.n * b.n for a, b in itertools.combinations(found, 2)) * n_slices
        if cells <= _MOST_CELLS or largest == 1:
            return found
        largest //= 2


def _read(chunk: np.ndarray, digit: _Digit, tables: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the digit's value in each row, int64, shape (chunk,)."""
    value = tables[digit.columns[0]][chunk[:, digit.columns[0]]]
    for column, size in zip(digit.columns[1:], digit.sizes[1:], strict=True):
        value *= size
        value += tables[column][chunk[:, column]]
    return np.asarray(value)


def _spread(
    result: np.ndarray,
    counts: np.ndarray,
    one: _Digit,
    other: _Digit | None,
    sizes: Sequence[int],
) -> None:
    """Writes what the counts of a pair of digits say of each pair of columns into `result`."""
    places = one.sizes, other.sizes if other else ()
    table = counts.reshape(*places[0], len(result), *places[1])
    axes = [*range(len(one.sizes)), *range(len(one.sizes) + 1, table.ndim)]
    columns = [*one.columns, *(other.columns if other else ())]
    starts = np.cumsum(sizes) - np.asarray(sizes)
    for i, j in itertools.combinations_with_replacement(range(len(columns)), 2):
        kept = {axes[i], axes[j], len(one.sizes)}
        block = table.sum(axis=tuple(a for a in range(table.ndim) if a not in kept))
        a, b = columns[i], columns[j]
        rows, others = _span(starts[a], sizes[a]), _span(starts[b], sizes[b])
        block = np.moveaxis(block, _place_of_slice(i, j, len(one.sizes)), 0)
        if i == j:
            result[:, range(rows.start, rows.stop), range(rows.start, rows.stop)] = block
        else:
            result[:, rows, others] = block
            result[:, others, rows] = block.transpose(0, 2, 1)


def _place_of_slice(i: int, j: int, n_one: int) -> int:
    """Where the axis of slices stands among the axes that are kept."""
    if i == j:
        return 1 if i < n_one else 0
    return (i < n_one) + (j < n_one)


def _span(start: int, size: int) -> slice:
    return slice(int(start), int(start) + size)
