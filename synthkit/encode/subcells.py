"""Cells divided by how round their numbers are, and draws from such a part in closed form.

In: the line and the ladder of a column, and how much more often than evenly the numbers of each
class occur (a level, or an ending that was told). Out: for each cell, one part for each class of
which it holds a number, one for all its numbers alike, and the share of the cell's mass that each
part has. All of it follows from public and noisy facts. Numpy only; touches no row.

The numbers of a part are counted from `first` on, skipping those of coarser levels: of the
multiples of a step without every r-th, the m-th is m + m // (r - 1) + 1 steps. Where endings were
told, a class finer than their period is a list of remainders by it, and the m-th of k remainders is
that of m modulo k, m // k periods on.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from synthkit.encode.ladder import MOST_MULTIPLES, Ladder
from synthkit.encode.line import Line

WHOLE = -1
"""Level of a part that is a stretch of the line: every position in it, evenly."""
_MOST_NUMBERS = float(2**62)


@dataclass(frozen=True, eq=False)
class SubCells:
    """Parts of cells, ordered by cell; every array has shape (n_parts,)."""

    line: Line
    ladder: Ladder
    cell: np.ndarray
    """Which cell of the line."""
    level: np.ndarray
    """Class of the ladder, or `WHOLE`."""
    share: np.ndarray
    """Share of the cell's mass, summing to one in each cell."""
    first: np.ndarray
    """Number of the first member, int64; of a stretch of a lattice its first position."""
    count: np.ndarray
    """Members, int64; of a stretch of floats 1."""
    low: np.ndarray
    """First position of a stretch, in the type of the line's positions."""
    high: np.ndarray
    """Last position of a stretch, inclusive."""

    def positions(self, parts: np.ndarray, fraction: np.ndarray) -> np.ndarray:
        """Returns the position at `fraction` (0 to 1) of each part, shape (n_rows,)."""
        count = self.count[parts]
        step = np.minimum(np.floor(fraction * count), _MOST_NUMBERS).astype(np.int64)
        numbers = self.first[parts] + np.minimum(step, np.maximum(count - 1, 0))
        level = self.level[parts]
        if self.line.is_lattice:
            found = np.asarray(self._times(level, numbers) * self._units[level])
            return self._with_remainders(found, level, numbers) if self.ladder.endings else found
        found = self.low[parts] + fraction * (self.high[parts] - self.low[parts])
        found = np.clip(found, self.low[parts], self.high[parts])
        is_round = level != WHOLE
        round_level = level[is_round]
        times = self._times(round_level, numbers[is_round])
        found[is_round] = self.ladder.values(round_level, times)
        return np.asarray(found)

    def within(self, first: float, last: float) -> tuple[SubCells, np.ndarray]:
        """Returns the parts of the parts between two positions, inclusive.

        Returns:
            Parts in the same order, and how much of each is left, shape (n_parts,), 0 to 1.
        """
        low, high = np.maximum(self.low, first), np.minimum(self.high, last)
        is_inside = low <= high
        begin, end = self.first.copy(), self.first + self.count
        for level in range(-1, self.ladder.n_classes):
            mine = (self.level == level) & is_inside
            if mine.any() and (level != WHOLE or self.line.is_lattice):
                n_low, n_high = _numbers(self.ladder, level, low[mine], high[mine])
                begin[mine] = np.maximum(begin[mine], n_low)
                end[mine] = np.minimum(end[mine], n_high)
        count = np.where(is_inside, np.maximum(end - begin, 0), 0)
        left = count / np.maximum(self.count, 1)
        if not self.line.is_lattice:
            lengths = self.high - self.low
            of_line = np.where(lengths > 0, (high - low) / np.where(lengths > 0, lengths, 1.0), 1.0)
            left = np.where((self.level == WHOLE) & is_inside, of_line, left)
        low, high = np.where(is_inside, low, self.low), np.where(is_inside, high, self.high)
        kept = dataclasses.replace(self, first=begin, count=count, low=low, high=high)
        return kept, np.where(is_inside, np.clip(left, 0.0, 1.0), 0.0)

    @property
    def _units(self) -> np.ndarray:
        """Step of each class in positions of a lattice; one for "none", endings and stretches."""
        ones = np.ones(2 + len(self.ladder.endings), dtype=np.int64)
        return np.append(self.ladder.steps, ones)

    def _times(self, level: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Returns how many steps of its level the member of each number is."""
        ratios = [self.ladder.ratio(k) for k in range(self.ladder.n_levels)]
        none = [0] * (1 + len(self.ladder.endings))
        skip = np.array(ratios + none)[level]  # -1, `WHOLE`, is the last
        skipping = numbers + numbers // np.maximum(skip - 1, 1) + 1
        return np.asarray(np.where(skip > 0, skipping, numbers))

    def _with_remainders(
        self, found: np.ndarray, level: np.ndarray, numbers: np.ndarray
    ) -> np.ndarray:
        """Puts in the members of classes that are lists of remainders."""
        lists = [np.array([], int) if r is None else r for r in self.ladder.remainders]
        sizes = np.array([*map(len, lists), 0])  # -1, `WHOLE`, is the last
        starts = np.cumsum(sizes) - sizes
        is_listed = sizes[level] > 0
        size, start, number = sizes[level][is_listed], starts[level][is_listed], numbers[is_listed]
        remainder = np.concatenate(lists)[start + number % size]
        found[is_listed] = number // size * self.ladder.period + remainder
        return found


def divided(line: Line, ladder: Ladder, weights: np.ndarray) -> SubCells:
    """Divides the cells of a line.

    Args:
        line: Of the column.
        ladder: Its ladder.
        weights: How often numbers of each class occur, relative to evenly, shape (n_classes,).
    """
    low, high = line.starts, line.ends
    n_cells, none = low.size, ladder.n_levels - 1
    even = even_shares(line, ladder)  # (n_cells, n_classes)
    evenly = 0.0 if ladder.is_closed else float(weights[none])
    masses, firsts, counts = [], [], []
    levels = [*range(none + ladder.is_closed), *range(ladder.n_levels, ladder.n_classes), WHOLE]
    for level in levels[:-1]:
        begin, end = _numbers(ladder, level, *_reach(line, ladder, level))
        # What an even fill brings near multiples belongs to the stretch of the cell.
        more = max(float(weights[level]) - evenly, 0.0)
        is_there = ~line.is_point & (end > begin)
        masses.append(np.where(is_there, more * even[:, level], 0.0))
        firsts.append(begin)
        counts.append(np.maximum(end - begin, 0))
    # Cells with a single position, and those in which no level has a member, stay as they are.
    has_other = ~line.is_point & (np.sum(masses, axis=0) + evenly > 0)
    masses.append(np.where(has_other, evenly, 1.0))
    firsts.append(low if line.is_lattice else np.zeros(n_cells, dtype=np.int64))
    # As whole numbers: widths beyond 2^53 are rounded.
    counts.append(high - low + 1 if line.is_lattice else np.ones(n_cells, dtype=np.int64))
    mass = np.stack(masses, axis=1)  # (n_cells, n_classes of parts)
    share = mass / mass.sum(axis=1, keepdims=True)
    cell, column = np.nonzero(share > 0)
    return SubCells(
        line=line,
        ladder=ladder,
        cell=cell,
        level=np.array(levels)[column],
        share=share[cell, column],
        first=np.stack(firsts, axis=1)[cell, column],
        count=np.stack(counts, axis=1)[cell, column],
        low=low[cell],
        high=high[cell],
    )


def even_shares(line: Line, ladder: Ladder) -> np.ndarray:
    """Returns the share of each cell's positions that are of each class, (n_cells, n_classes).

    Positions near a multiple count as the ladder counts values; a single position has zeros.
    """
    none = ladder.n_levels - 1
    found = np.zeros((line.starts.size, ladder.n_classes))
    middle = np.abs(line.starts / 2.0 + line.ends / 2.0)
    near = np.stack([ladder.tolerance(middle, float(step)) for step in ladder.steps], axis=1)
    for level in range(none):
        begin, end = _numbers(ladder, level, *_reach(line, ladder, level))
        window = 2.0 * near[:, level] + line.is_lattice
        with np.errstate(over="ignore"):  # of cells as small as floats get
            share = np.minimum(np.maximum(end - begin, 0) * window / line.widths, 1.0)
        # What lies near a multiple of a much coarser step counts there.
        crowd = found[:, :level] * _crowding(ladder, level, near[:, :level])
        free = np.maximum(1.0 - crowd.sum(axis=1), 0.0)
        left = np.maximum(1.0 - found[:, :level].sum(axis=1), 0.0)
        found[:, level] = np.minimum(share * free, left)
    for ending in range(ladder.n_levels, ladder.n_classes):
        begin, end = _numbers(ladder, ending, line.starts, line.ends)
        found[:, ending] = np.maximum(end - begin, 0) / line.widths
    found[:, none] = np.maximum(1.0 - found.sum(axis=1), 0.0)
    return np.where(line.is_point[:, None], 0.0, found)


def _crowding(ladder: Ladder, level: int, near: np.ndarray) -> np.ndarray:
    """Returns how many members of a level lie near multiples of coarser steps, relative to evenly.

    Args:
        ladder: Of the column.
        level: Whose members.
        near: How far "near" is in each cell for each coarser step, shape (n_cells, level).
    """
    if level == 0:
        return np.zeros_like(near)
    step, ratio = float(ladder.steps[level]), ladder.ratio(level)
    steps = np.floor(near / step)
    members = steps - np.floor(steps / ratio)  # on one side of a multiple
    evenly = near / step * (1 - 1 / ratio)
    return np.asarray(np.divide(members, evenly, out=np.zeros_like(near), where=evenly > 0))


def _reach(line: Line, ladder: Ladder, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the positions between which each cell holds members of a level.

    A position with a cell of its own may be what short floats made of a multiple (37.39844): that
    multiple then lies in a cell beside it, and is none of its members.
    """
    low, high = line.starts, line.ends
    if not ladder.is_tolerant:
        return low, high
    step = float(ladder.steps[level])
    after = np.append(False, line.is_point[:-1])
    before = np.append(line.is_point[1:], False)
    kind = low.dtype
    more = np.where(after, ladder.tolerance(np.abs(low), step), 0.0).astype(kind)
    less = np.where(before, ladder.tolerance(np.abs(high), step), 0.0).astype(kind)
    return low + more, high - less


def _numbers(
    ladder: Ladder, level: int, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the numbers of the first member between two positions and after the last one."""
    remainders = None if level == WHOLE else ladder.remainders[level]
    if remainders is not None:
        ends = (low - 1, high)
        first, after = (
            x // ladder.period * remainders.size
            + np.searchsorted(remainders, x % ladder.period, side="right")
            for x in ends
        )
        return first, after
    if level == WHOLE or level == ladder.n_levels - 1:
        least, most = low, high
    elif ladder.is_lattice:
        step = ladder.steps[level]
        least, most = -(-low // step), high // step
    else:
        least, most = _within_reach(ladder, level, low, high)
    least, most = least.astype(np.int64), most.astype(np.int64)
    ratio = 0 if level == WHOLE else ladder.ratio(level)
    if ratio == 0:
        return least, most + 1
    # The m-th that is no multiple of r; least goes up to the next one, most down.
    first = least + (least % ratio == 0)
    after = most + 1 + ((most + 1) % ratio == 0)
    return first - 1 - first // ratio, after - 1 - after // ratio


def _within_reach(
    ladder: Ladder, level: int, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the least and the largest multiple of a step of floats between two positions."""
    step, most = ladder.steps[level], float(MOST_MULTIPLES)
    with np.errstate(over="ignore"):
        least = np.clip(np.ceil(low / step), -most, most + 1)
        largest = np.clip(np.floor(high / step), -most - 1, most)
    # Division rounds: the member itself decides whether it lies inside.
    least = least + (ladder.values(level, least) < low)
    least = least - (ladder.values(level, least - 1) >= low)
    largest = largest - (ladder.values(level, largest) > high)
    largest = largest + (ladder.values(level, largest + 1) <= high)
    return least, largest
