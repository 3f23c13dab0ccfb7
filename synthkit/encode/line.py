"""The public grid of a column whose values lie on a line: ordered cells between two bounds.

Values are held as positions: on a lattice (whole numbers, days, seconds, or multiples of
10^-decimals) positions are integers, else they are the floats themselves. Cell i holds the
positions from `starts[i]` up to, not including, `starts[i + 1]`; the last ends at `upper`. The
bounds themselves, and zero where it means something, are cells of their own, because real tables
pile up there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthkit.encode.merging import BIN_SIGMAS, merge_neighbours

FEW_POSITIONS = 256
"""A lattice with no more positions than this has one cell for each."""
SMALLEST_SHARE = 1e-6
"""Where a continuous range includes zero, logarithmic cells start at this share of its end."""


@dataclass(frozen=True)
class Line:
    """Ordered cells of positions; see the module docstring."""

    starts: np.ndarray
    """First position of each cell, strictly increasing, int64 (lattice) or float64."""
    upper: int | float
    """Last position."""

    @property
    def is_lattice(self) -> bool:
        """Whether positions are integers."""
        return self.starts.dtype.kind == "i"

    @cached_property
    def ends(self) -> np.ndarray:
        """Last position of each cell, inclusive, shape (n_cells,)."""
        nexts = self.starts[1:]
        before = nexts - 1 if self.is_lattice else np.nextafter(nexts, -np.inf)
        return np.append(before, self.starts.dtype.type(self.upper))

    @cached_property
    def edges(self) -> np.ndarray:
        """Where each cell starts, and where the last one ends, float64, shape (n_cells + 1,)."""
        last = float(self.upper) + (1.0 if self.is_lattice else 0.0)
        return np.append(self.starts.astype(np.float64), last)

    @cached_property
    def widths(self) -> np.ndarray:
        """Number of positions (lattice) or length of each cell, float64, never zero."""
        spans = self.ends.astype(np.float64) - self.starts.astype(np.float64)
        if self.is_lattice:
            return spans + 1.0
        # A point has no length, yet a code that holds nothing else must be able to draw it.
        return np.maximum(spans, np.finfo(np.float64).tiny)

    @cached_property
    def is_exact(self) -> bool:
        """Whether every cell is a single position."""
        return bool(np.all(self.is_point))

    def cells(self, positions: np.ndarray) -> np.ndarray:
        """Returns the cell of each position, shape (n_rows,); beyond the bounds: the end cells."""
        if self.is_lattice and self.is_exact:
            return np.asarray(np.clip(positions, self.starts[0], self.upper) - self.starts[0])
        found = np.searchsorted(self.starts, positions, side="right") - 1
        return np.asarray(np.maximum(found, 0))

    def positions(self, cells: np.ndarray, fraction: np.ndarray) -> np.ndarray:
        """Returns the position at `fraction` (0 to 1) of each cell, shape (n_rows,)."""
        low = self.starts[cells]
        if self.is_exact:
            return np.asarray(low)
        if self.is_lattice:
            steps = np.floor(fraction * self.widths[cells])
            # Widths beyond 2^53 are rounded as floats; the last position is the limit.
            steps = np.minimum(steps, float(2**62)).astype(np.int64)
            return np.asarray(low + np.minimum(steps, self.ends[cells] - low))
        high = self.ends[cells]
        return np.asarray(np.clip(low + fraction * (high - low), low, high))

    def intervals(self, low: int | float, high: int | float) -> np.ndarray:
        """Returns the part of each cell between two positions, inclusive, shape (n_cells, 2)."""
        first = np.maximum(self.starts, low)
        last = np.minimum(self.ends, high)
        begin = (first - self.starts).astype(np.float64)
        end = (last - self.starts).astype(np.float64)
        if self.is_lattice:
            begin, end = begin / self.widths, (end + 1.0) / self.widths
        else:
            # A point has no length, and is in or out.
            lengths = np.where(self.is_point, 1.0, self.widths)
            begin, end = begin / lengths, np.where(self.is_point, 1.0, end / lengths)
        is_inside = first <= last
        return np.stack([np.where(is_inside, begin, 0.0), np.where(is_inside, end, 0.0)], axis=1)

    def with_points(self, points: np.ndarray) -> Line:
        """Returns the same line with a cell of its own for each of some positions inside it."""
        inside = points[(points >= self.starts[0]) & (points <= self.upper)]
        inside = inside.astype(self.starts.dtype)
        after = inside + 1 if self.is_lattice else np.nextafter(inside, np.inf)
        starts = np.union1d(self.starts, np.concatenate([inside, after]))
        return Line(starts[starts <= self.upper], self.upper)

    @cached_property
    def is_point(self) -> np.ndarray:
        """Whether each cell is a single position, shape (n_cells,)."""
        return np.asarray(self.starts == self.ends)

    def merge(self, masses: np.ndarray, *, max_bins: int, sigma: float) -> np.ndarray:
        """Returns the bin of each cell; see `merging.merge_neighbours`."""
        return merge_neighbours(masses, max_bins=max_bins, threshold=BIN_SIGMAS * sigma)


def lattice(low: int, high: int, edges: Iterable[float], alone: Iterable[int]) -> Line:
    """Builds the cells of the integers low .. high, both inclusive.

    Args:
        low: First position.
        high: Last position, not below `low`.
        edges: Where cells start; rounded to integers, ignored outside the range.
        alone: Positions with a cell of their own, beside `low` and `high`.
    """
    if high - low < FEW_POSITIONS:
        return Line(np.arange(low, high + 1, dtype=np.int64), high)
    starts = {low, low + 1, high}
    starts.update(round(e) for e in edges)
    for position in alone:
        starts.update((position, position + 1))
    return Line(np.array(sorted(s for s in starts if low <= s <= high), dtype=np.int64), high)


def continuous(low: float, high: float, edges: Iterable[float], alone: Iterable[float]) -> Line:
    """Builds the cells of the real numbers low .. high, both inclusive; arguments as `lattice`."""
    points = {p for p in (low, high, *alone) if low <= p <= high}
    # Edges that only rounding tells apart from a point, or from each other, make no cell.
    apart = (high - low) * 1e-9
    starts = set(points)
    last = low
    for edge in sorted(edges):
        near_point = any(abs(edge - p) <= apart for p in points)
        if low < edge < high and edge - last > apart and not near_point:
            starts.add(edge)
            last = edge
    starts.update(math.nextafter(p, math.inf) for p in points)
    return Line(np.array(sorted(s for s in starts if low <= s <= high), dtype=np.float64), high)


def linear_edges(low: float, high: float, n: int) -> list[float]:
    """Returns the inner edges of `n` equal cells between two bounds."""
    shares = np.arange(1, n) / n
    return [float(e) for e in low * (1 - shares) + high * shares]


def logarithmic_edges(low: float, high: float, n: int, *, smallest: float) -> list[float]:
    """Returns about `n` edges in equal ratios away from zero, on both sides where there are two.

    Args:
        low: Lower bound.
        high: Upper bound.
        n: Number of edges in all.
        smallest: Magnitude of the first edge beside zero, where the range includes zero.
    """
    sides = []
    if high > 0:
        sides.append((1.0, max(low, smallest) if low > 0 else smallest, high))
    if low < 0:
        sides.append((-1.0, max(-high, smallest) if high < 0 else smallest, -low))
    edges: list[float] = []
    for sign, first, last in sides:
        if 0 < first < last:
            logs = np.linspace(math.log(first), math.log(last), n // len(sides), endpoint=False)
            edges += [sign * float(e) for e in np.exp(logs)]
    return edges
