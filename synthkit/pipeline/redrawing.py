"""Draws single cells again, within a region, as the model has them beside the rest of their row.

In: rows, a column, a region of its values and, of ordered columns, a floor and a ceiling for each
row. Out: values. The model's word comes first (the column's distribution given the row's own
latent; of a model without latents, given the code of the column that decides), then the column's
own frequencies, then any value of the region, evenly: it always ends. No real row is
read here, but for those that are completed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.encode import Condition, Within
from synthkit.generate.posterior import drawn_by_weight
from synthkit.pipeline.cells import places_of, scattered, series_of
from synthkit.pipeline.rulebook import conditions_of
from synthkit.schema import Column, dtype_of
from synthkit.schema.regions import Region

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.codec import Codec, ColumnCodec
    from synthkit.generate import Model as InnerModel
    from synthkit.generate.batches import Batch

TRIES = 6
"""Draws from the model for a cell with a floor or a ceiling, before its column's frequencies."""
POOL = 8_192
_LITTLE = 1e-12


@dataclass(eq=False)
class Redrawer:
    """Draws cells of one model again."""

    codec: Codec
    inner: InnerModel
    columns: Mapping[str, Column]
    _withins: dict[tuple[str, Condition], Within] = field(default_factory=dict)
    _tables: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)

    def draw(
        self,
        name: str,
        rows: np.ndarray,
        held: Region,
        *,
        batch: Batch | None,
        beside: tuple[str, pl.Series] | None,
        floor: np.ndarray | None,
        ceiling: np.ndarray | None,
        rng: np.random.Generator,
    ) -> tuple[pl.Series, np.ndarray]:
        """Draws one cell for each row.

        Args:
            name: Of the column.
            rows: Which rows of the batch, shape (n,).
            held: Values that the cells may have; not empty.
            batch: The rows' latents; None: unknown.
            beside: A column that decides this one, and its cells in these rows.
            floor: Least place of each row, shape (n,); None: none.
            ceiling: Largest place of each row, shape (n,); None: none.
            rng: Public randomness.

        Returns:
            Cells, shape (n,), and which of them could be drawn.
        """
        place = self.codec.columns.index(name)
        part = self.codec.parts[place]
        withins = [self._within(part, c) for c in conditions_of(self.columns[name], held)]
        evidence = np.sum([w.evidence for w in withins], axis=0)  # (size,)
        if evidence.sum() <= 0:
            # A single point of a fine float has no mass; any value of the region will do.
            return self._anywhere(name, len(rows), held, floor, ceiling, rng)
        weights = self._weights(place, rows, batch, beside) * evidence  # (n, size)
        frequent = part.counts * evidence
        if frequent.sum() <= 0:
            frequent = evidence
        weights = np.where(weights.sum(1, keepdims=True) > _LITTLE, weights, frequent)
        cells = _cells(part, withins, weights, rng)
        if floor is None and ceiling is None:
            return cells, np.ones(len(rows), dtype=bool)
        return self._between(name, part, withins, weights, cells, held, floor, ceiling, rng)

    def again(
        self,
        name: str,
        rows: np.ndarray,
        held: Region | None,
        *,
        batch: Batch,
        rng: np.random.Generator,
    ) -> pl.Series:
        """Draws one cell for each row from its latent alone, whatever other columns say.

        Args:
            name: Of the column.
            rows: Which rows of the batch, shape (n,).
            held: Values that the cells may have; None: all.
            batch: The rows' latents.
            rng: Public randomness.
        """
        place = self.codec.columns.index(name)
        part = self.codec.parts[place]
        weights = self._weights(place, rows, batch, None)
        if held is None:
            return part.decode(drawn_by_weight(weights, rng), rng)
        withins = [self._within(part, c) for c in conditions_of(self.columns[name], held)]
        evidence = np.sum([w.evidence for w in withins], axis=0)  # (size,)
        could = evidence if evidence.sum() > 0 else np.ones_like(evidence)
        weights = np.where((weights @ could)[:, None] > _LITTLE, weights * could, could)
        return _cells(part, withins, weights, rng)

    def _between(
        self,
        name: str,
        part: ColumnCodec,
        withins: list[Within],
        weights: np.ndarray,
        cells: pl.Series,
        held: Region,
        floor: np.ndarray | None,
        ceiling: np.ndarray | None,
        rng: np.random.Generator,
    ) -> tuple[pl.Series, np.ndarray]:
        """Draws again what lies outside each row's own floor and ceiling."""
        column, n = self.columns[name], len(cells)
        low, high = _ends(n, floor, ceiling)

        def outside(series: pl.Series, rows: np.ndarray) -> np.ndarray:
            places = places_of(column, series)
            found = (places < low[rows]) | (places > high[rows])
            return np.asarray(rows[found & ~series.is_null().to_numpy()])

        left = outside(cells, np.arange(n))
        for _ in range(TRIES):
            if left.size == 0:
                return cells, np.ones(n, dtype=bool)
            again = _cells(part, withins, weights[left], rng)
            cells = scattered(cells, left, again)
            left = outside(again, left)
        if left.size == 0:
            return cells, np.ones(n, dtype=bool)
        pool = _cells(part, withins, np.broadcast_to(weights.mean(0), (POOL, part.size)), rng)
        sorted_places = np.sort(places_of(column, pool.drop_nulls()))
        first = np.searchsorted(sorted_places, low[left], side="left")
        last = np.searchsorted(sorted_places, high[left], side="right")
        has = last > first
        chosen = first + np.floor(rng.random(left.size) * (last - first)).astype(np.int64)
        if has.any():
            cells = scattered(cells, left[has], series_of(column, sorted_places[chosen[has]]))
        left = left[~has]
        is_drawn = np.ones(n, dtype=bool)
        if left.size:
            ends = [None if e is None else e[left] for e in (floor, ceiling)]
            again, could = self._anywhere(name, left.size, held, ends[0], ends[1], rng)
            cells = scattered(cells, left, again)
            is_drawn[left] = could
        return cells, is_drawn

    def _anywhere(
        self,
        name: str,
        n: int,
        held: Region,
        floor: np.ndarray | None,
        ceiling: np.ndarray | None,
        rng: np.random.Generator,
    ) -> tuple[pl.Series, np.ndarray]:
        """Draws evenly from the first span of a region that lies within floor and ceiling."""
        import polars as pl

        column = self.columns[name]
        if not held.spans:
            some: Any = held.items[0] if held.items else None
            cells = pl.Series([some], dtype=dtype_of(column)).new_from_index(0, n)
            return cells, np.full(n, some is not None or held.missing)
        low, high = _ends(n, floor, ceiling)
        kind: Any = np.float64 if isinstance(held.spans[0][0], float) else np.int64
        places, could = np.zeros(n, dtype=kind), np.zeros(n, dtype=bool)
        for a, b in held.spans:
            first, last = np.maximum(low, a), np.minimum(high, b)
            fits = ~could & (first <= last)
            if not fits.any():
                continue
            spread = rng.random(int(fits.sum()))
            start, length = first[fits].astype(kind), (last - first)[fits]
            steps = spread * length if kind is np.float64 else np.floor(spread * (length + 1))
            places[fits] = np.minimum(start + steps.astype(kind), last[fits].astype(kind))
            could |= fits
        cells = series_of(column, places)
        if not could.all():
            cells = cells.set(pl.Series(~could), None)
        return cells, could | held.missing

    def part(self, name: str) -> ColumnCodec:
        """Returns the codec of a column."""
        return self.codec.parts[self.codec.columns.index(name)]

    def block(self, place: int) -> slice:
        """Says where a column's distribution lies among those of all columns."""
        start = int(sum(self.codec.sizes[:place]))
        return slice(start, start + self.codec.sizes[place])

    def share(self, name: str, held: Region) -> float:
        """Returns about which share of a column lies in a region."""
        part = self.part(name)
        conditions = conditions_of(self.columns[name], held)
        evidence = np.sum([self._within(part, c).evidence for c in conditions], axis=0)
        return float(part.counts @ evidence / max(part.counts.sum(), 1e-300))

    def _within(self, part: ColumnCodec, condition: Condition) -> Within:
        key = (part.name, condition)
        if key not in self._withins:
            self._withins[key] = part.within(condition)
        return self._withins[key]

    def _weights(
        self,
        place: int,
        rows: np.ndarray,
        batch: Batch | None,
        beside: tuple[str, pl.Series] | None,
    ) -> np.ndarray:
        """Returns the model's distribution of the column in each row, shape (n, size)."""
        own = None if batch is None else batch.weights(rows, self.block(place))
        if own is not None:
            return own
        counts = self.codec.parts[place].counts
        if beside is None:
            return np.broadcast_to(counts, (len(rows), len(counts)))
        from synthkit.generate.joints import pair_tables

        other = self.codec.columns.index(beside[0])
        if (other, place) not in self._tables:
            found = pair_tables(self.inner, self.codec.sizes, [(other, place)])
            self._tables.update(found)
        codes = self.codec.parts[other].encode(beside[1])
        return np.asarray(self._tables[other, place][codes])


def _ends(
    n: int, floor: np.ndarray | None, ceiling: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    low = np.full(n, -np.inf) if floor is None else floor
    high = np.full(n, np.inf) if ceiling is None else ceiling
    return low, high


def _cells(
    part: ColumnCodec, withins: list[Within], weights: np.ndarray, rng: np.random.Generator
) -> pl.Series:
    """Draws a code for each row by its weights, then a value of it in one of the conditions."""
    import polars as pl

    codes = drawn_by_weight(weights, rng)
    if len(withins) == 1:
        return withins[0].draw(part.grid, codes, rng)
    shares = np.stack([w.evidence[codes] for w in withins], axis=1).cumsum(1)  # (n, n_withins)
    which = (shares <= (rng.random(len(codes)) * shares[:, -1])[:, None]).sum(1)
    which = np.minimum(which, len(withins) - 1)
    order, drawn = [], []
    for i, within in enumerate(withins):
        mine = np.flatnonzero(which == i)
        if mine.size:
            order.append(mine)
            drawn.append(within.draw(part.grid, codes[mine], rng))
    return pl.concat(drawn)[np.argsort(np.concatenate(order)).astype(np.uint32)]
