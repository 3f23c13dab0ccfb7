"""Draws columns that ascend (`order`) so that each keeps the model's own distribution.

In: rows as a mixture draws them, with their latents. Out: the same rows, in which the columns of
each chain ascend: one column of a row stays, those above and below it are drawn beside it, pair by
pair (`queueing`). Which one stays is chosen at random in each row, so that what no joint law can
keep falls on all columns alike. A cell that is missing stays missing. No real row is read
here, but for those that are completed: a given cell stays, others of its row are drawn beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from synthkit.pipeline.cells import lattice, limit, places_of, scattered, series_of
from synthkit.pipeline.queueing import Pair, paired

if TYPE_CHECKING:
    import polars as pl

    from synthkit.generate.batches import Batch
    from synthkit.pipeline.redrawing import Redrawer
    from synthkit.pipeline.rulebook import Rulebook
    from synthkit.schema import Order


@dataclass(eq=False)
class Chains:
    """The order rules of one model."""

    book: Rulebook
    redrawer: Redrawer
    _pairs: dict[tuple[str, str, bool], Pair] = field(default_factory=dict)

    def ordered(
        self,
        frame: pl.DataFrame,
        batch: Batch,
        rng: np.random.Generator,
        *,
        narrow: Mapping[str, float],
        pinned: Mapping[str, np.ndarray],
    ) -> pl.DataFrame:
        """Returns the rows with the columns of every chain drawn so that they ascend.

        Args:
            frame: Rows as they were drawn, shape (n_rows, n_columns).
            batch: Their latents.
            rng: Public randomness.
            narrow: Columns that a condition narrows and the share it leaves; the narrowest stays.
            pinned: Of some columns, cells that must stay, Booleans of shape (n_rows,).
        """
        for rule in self.book.chains:
            frame = self._chain(frame, rule, batch, rng, narrow, pinned)
        return frame

    def _chain(
        self,
        frame: pl.DataFrame,
        rule: Order,
        batch: Batch,
        rng: np.random.Generator,
        narrow: Mapping[str, float],
        pinned: Mapping[str, np.ndarray],
    ) -> pl.DataFrame:
        names, n = rule.columns, frame.height
        cells = {name: frame.get_column(name) for name in names}
        has = np.stack([~cells[name].is_null().to_numpy() for name in names])  # (m, n)
        fixed = np.stack([pinned.get(name, np.zeros(n, dtype=bool)) for name in names]) & has
        anchor = _anchors(has, fixed, [narrow.get(name, 1.0) for name in names], rng)
        for order, up in ((range(len(names)), True), (range(len(names) - 1, -1, -1), False)):
            last = np.full(n, -1)
            for i in order:
                moves = (anchor < i) if up else (anchor > i)
                rows = np.flatnonzero(has[i] & ~fixed[i] & moves & (last >= 0))
                for other in np.unique(last[rows]):
                    mine = rows[last[rows] == other]
                    one, two = (names[other], names[i]) if up else (names[i], names[other])
                    pair = self._pair(one, two, strict=rule.strict)
                    stays = cells[names[other]]
                    new, could = _moved(pair, stays, mine, batch, rng, up=up)
                    cells[names[i]] = scattered(cells[names[i]], mine[could], new)
                last = np.where(has[i] & (moves | (anchor == i)), i, last)
        return frame.with_columns(cells.values())

    def _pair(self, low: str, high: str, *, strict: bool) -> Pair:
        key = (low, high, strict)
        if key not in self._pairs:
            self._pairs[key] = paired(self.redrawer, low, high, strict=strict)
        return self._pairs[key]


def _moved(
    pair: Pair,
    stays: pl.Series,
    rows: np.ndarray,
    batch: Batch,
    rng: np.random.Generator,
    *,
    up: bool,
) -> tuple[pl.Series, np.ndarray]:
    """Draws one column of a pair beside the other: the cells that could be, and which could."""
    assert batch.cells is not None  # whoever calls has asked
    assert batch.latent_of is not None
    one, other = (pair.low, pair.high) if up else (pair.high, pair.low)
    places = places_of(one.column, stays)[rows]
    begins = np.searchsorted(pair.edges, places / lattice(one.column), side="left")
    found = pair.intervals(batch.cells, batch.latent_of[rows], begins, rng, up=up)
    bound = limit(other.column, one.column, places, strict=pair.strict, up=up)
    # Beyond the bound within the interval, or else the first value of the column beyond it.
    if up:
        first = np.maximum(other.starts[found], np.searchsorted(other.pool, bound, "left"))
        last = np.maximum(other.starts[found + 1], first + 1)
    else:
        last = np.minimum(other.starts[found + 1], np.searchsorted(other.pool, bound, "right"))
        first = np.minimum(other.starts[found], last - 1)
    chosen = first + np.floor(rng.random(len(rows)) * (last - first)).astype(np.int64)
    could = (chosen >= 0) & (chosen < len(other.pool))
    return series_of(other.column, other.pool[chosen[could]]), could


def _anchors(
    has: np.ndarray, fixed: np.ndarray, narrow: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Says which column stays in each row: a given cell, the narrowest, or any that is not empty.

    Args:
        has: Which cells are not missing, shape (n_columns, n_rows).
        fixed: Which of them must stay.
        narrow: Share of each column that a condition leaves.
        rng: Public randomness.
    """
    liking = rng.random(has.shape)
    left = np.asarray(narrow)[:, None]
    liking += np.where(left < 1, 4.0 - 2.0 * left, 0.0)
    # Of several given cells the lowest comes first; the others stay as they are passed.
    liking += np.where(fixed, 10.0 - np.arange(len(has))[:, None] / len(has), 0.0)
    return np.asarray(np.where(has, liking, -1.0).argmax(0))
