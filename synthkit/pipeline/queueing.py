"""Two columns, one never above the other, each with its own distribution: drawn as a queue.

Given the latent two columns are independent, with distribution functions F (lower) and G (upper).
Of all joint laws that keep both and never put the lower value above the upper one, the one nearest
to independence (least Kullback-Leibler divergence: Csiszar 1975, doi:10.1214/aop/1176996454) is a
queue: values of the lower column arrive, those of the upper one leave, and whoever leaves is any of
those present, each as likely as another. A value that arrived at x so leaves at y with hazard
dG(y) / (F(y) - G(y-)): one exponential draw and one search per row.

Where G(y) > F(y), no joint law keeps both; the column that is drawn then has the least law that
can obey, min(F, G). Noise of a fit makes that frequent in single latents and rare among many, so
latents are taken together, those alike in the two columns, as far as it takes. From the model
alone; no real row is read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from synthkit.generate import ProductMixture
from synthkit.pipeline.cells import lattice, places_of
from synthkit.schema import Column

if TYPE_CHECKING:
    from synthkit.encode.codec import ColumnCodec
    from synthkit.pipeline.redrawing import Redrawer

INTERVALS = 512
"""Into which the values of two columns are parted, by frequency."""
POOL = 32_768
"""Values of each column from which the new ones are taken: they are as round as the column's."""
MOST_PER_CODE = 2_048
LATENTS = 2_048
"""Latents that are worked on at a time."""
LOOKED_AT = 4_096
"""Latents that say how many of them are taken together."""
GROUPS = (256, 64, 16, 4, 1)
"""Into how many groups latents fall where single ones hardly know the order."""
TOLERANCE = 0.01
"""Share of an upper column that a finer grouping may move beyond what one group moves."""
_LEAVES = 46.0
"""Hazard of an interval in which everybody leaves: nobody outlives exp(-46)."""
_RARE = 1e-3
_SEED = 20_261_122
"""Fixed: a pair is a function of the model, the same in every draw."""


@dataclass(frozen=True, eq=False)
class Side:
    """One column of a pair: where its codes lie among the intervals, and values of it."""

    column: Column
    block: slice
    """Of its codes, among those of all columns."""
    of_code: np.ndarray
    """Share of each interval in each code, missing left out, shape (size, n_intervals), float32."""
    pool: np.ndarray
    """Places of values as the model draws them, ascending, shape (n,)."""
    starts: np.ndarray
    """Where the intervals begin in the pool, shape (n_intervals + 1,)."""

    def law(self, cells: np.ndarray) -> np.ndarray:
        """Shares of the intervals given latents: (n, width) to (n, n_intervals), float64."""
        found = np.asarray(cells[:, self.block] @ self.of_code, dtype=np.float64)
        total = found.sum(1, keepdims=True)
        even = np.diff(self.starts) / len(self.pool)
        return np.where(total > 1e-9, found / np.maximum(total, 1e-300), even)

    def middle(self, cells: np.ndarray) -> np.ndarray:
        """Mean interval given latents, (n, width) to (n,)."""
        many = np.arange(self.of_code.shape[1], dtype=np.float32)
        sums = np.stack([self.of_code @ many, self.of_code.sum(1)], axis=1)  # (size, 2)
        found = np.asarray(cells[:, self.block] @ sums, dtype=np.float64)
        return np.asarray(found[:, 0] / np.maximum(found[:, 1], 1e-9))


@dataclass(frozen=True, eq=False)
class Groups:
    """Latents that are taken together: by how high the two columns lie in them."""

    ends: np.ndarray
    """Between the groups, shape (n_groups - 1,), ascending."""
    low: np.ndarray
    """Law of the lower column in each group, shape (n_groups, n_intervals)."""
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Pair:
    """Two columns of which the value of one is never above that of the other."""

    edges: np.ndarray
    """Largest value of each interval but the last, ascending."""
    low: Side
    high: Side
    strict: bool
    groups: Groups | None
    """None: every latent by itself."""

    @cached_property
    def _hazards(self) -> dict[bool, np.ndarray]:
        """Summed hazards in each group, forwards (True) and backwards in time."""
        assert self.groups is not None  # asked of pairs with groups alone
        return {
            up: summed_hazards(*self._timed(self.groups.low, self.groups.high, up))
            for up in (True, False)
        }

    @staticmethod
    def _timed(low: np.ndarray, high: np.ndarray, up: bool) -> tuple[np.ndarray, np.ndarray]:
        """Returns who arrives and who leaves; downwards time runs backwards."""
        return (low, high) if up else (high[:, ::-1], low[:, ::-1])

    def intervals(
        self,
        cells: np.ndarray,
        latent_of: np.ndarray,
        begins: np.ndarray,
        rng: np.random.Generator,
        *,
        up: bool,
    ) -> np.ndarray:
        """Draws the interval of one column's value beside that of the other one, which stays.

        Args:
            cells: Distributions of all columns given each latent, shape (n_latents, width).
            latent_of: Which of them each row has, shape (n,).
            begins: Interval of the value that stays, shape (n,).
            rng: Public randomness.
            up: The lower column stays and the upper one is drawn; else the other way round.
        """
        last = len(self.edges)
        spread = rng.exponential(size=len(latent_of))
        begins = begins if up else last - begins
        own, which = np.unique(latent_of, return_inverse=True)
        order = np.argsort(which, kind="stable")
        ends = np.searchsorted(which[order], np.arange(0, len(own) + LATENTS, LATENTS))
        found = np.empty(len(latent_of), dtype=np.int64)
        for k in range(len(ends) - 1):
            mine = order[ends[k] : ends[k + 1]]
            part = cells[own[k * LATENTS : (k + 1) * LATENTS]]
            of_row = which[mine] - k * LATENTS
            if self.groups is None:
                steps = summed_hazards(*self._timed(self.low.law(part), self.high.law(part), up))
            else:
                height = self.low.middle(part) + self.high.middle(part)
                of_row = np.searchsorted(self.groups.ends, height)[of_row]
                steps = self._hazards[up]
            found[mine] = departures(steps, of_row, begins[mine], spread[mine])
        return found if up else last - found


def summed_hazards(arriving: np.ndarray, leaving: np.ndarray) -> np.ndarray:
    """Sums the hazard of leaving up to each interval, where all present are alike.

    Args:
        arriving: Law of arrivals given each latent, shape (n_latents, n_intervals).
        leaving: Law of departures.
    """
    arrived = arriving.cumsum(1)
    gone = np.minimum(leaving.cumsum(1), arrived)
    gone[:, -1] = arrived[:, -1]
    present = arrived.copy()  # when the departures of an interval begin
    present[:, 1:] -= gone[:, :-1]
    stay = (arrived - gone) / np.maximum(present, 1e-12)
    hazard = np.minimum(-np.log(np.clip(stay, 1e-20, 1.0)), _LEAVES)
    hazard[:, -1] = _LEAVES
    return np.asarray(hazard.cumsum(1))


def departures(
    steps: np.ndarray, latent_of: np.ndarray, begins: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """Draws when those leave who arrived in some interval, shape (n,).

    Args:
        steps: Summed hazards given each latent, shape (n_latents, n_intervals).
        latent_of: Latent of each row, shape (n,).
        begins: Interval of each row's arrival, shape (n,).
        spread: Exponential draws, shape (n,).
    """
    width = steps.shape[1]
    before = np.where(begins > 0, steps[latent_of, np.maximum(begins - 1, 0)], 0.0)
    # Row r of the flat array lies beyond row r - 1: one sorted search serves all rows.
    offset = (width + 1) * _LEAVES
    flat = (steps + offset * np.arange(len(steps))[:, None]).ravel()
    found = np.searchsorted(flat, before + spread + offset * latent_of, side="left")
    return np.asarray(np.clip(found - latent_of * width, begins, width - 1))


def moved(low: np.ndarray, high: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Returns which share of the upper column no joint law can keep where it is, 0 to 1."""
    beyond = np.maximum(high.cumsum(1) - low.cumsum(1), 0.0).max(1)  # (n,)
    return float(np.average(beyond, weights=weights))


def paired(redrawer: Redrawer, low: str, high: str, *, strict: bool) -> Pair:
    """Makes two columns of a mixture ready to be drawn in order."""
    rng = np.random.default_rng(_SEED)
    names = (low, high)
    mixture = redrawer.inner
    assert isinstance(mixture, ProductMixture)  # its latents were told
    cells = mixture.distributions(mixture.latents(LOOKED_AT, rng))
    blocks = [redrawer.block(redrawer.codec.columns.index(n)) for n in names]
    drawn = [
        _drawn(redrawer.columns[n], redrawer.part(n), cells[:, b].mean(0, dtype=np.float64), rng)
        for n, b in zip(names, blocks, strict=True)
    ]
    values = np.sort(np.concatenate([pool for _, pool in drawn]))
    distinct = np.unique(values)
    if len(distinct) > INTERVALS:
        points = np.linspace(0, len(values) - 1, INTERVALS + 1)[1:]
        distinct = np.unique(values[points.astype(np.int64)])
    edges = distinct[:-1]
    one, other = (_side(redrawer, n, edges, *d) for n, d in zip(names, drawn, strict=True))
    return Pair(edges, one, other, strict, _groups(cells, one, other))


def _groups(cells: np.ndarray, low: Side, high: Side) -> Groups | None:
    """Finds the finest grouping that moves hardly more of the columns than one group does."""
    laws = [
        np.concatenate([s.law(cells[i : i + LATENTS]) for i in range(0, LOOKED_AT, LATENTS)])
        for s in (low, high)
    ]
    whole = [law.mean(0, keepdims=True) for law in laws]
    most = moved(whole[0], whole[1]) + TOLERANCE
    if moved(laws[0], laws[1]) <= most:
        return None
    height = low.middle(cells) + high.middle(cells)
    for many in GROUPS:
        ends = np.unique(np.quantile(height, np.linspace(0, 1, many + 1)[1:-1]))
        group = np.searchsorted(ends, height)
        kept, counts = np.unique(group, return_counts=True)
        if len(kept) <= len(ends):  # an empty group between equal heights
            continue
        one, other = (np.stack([law[group == k].mean(0) for k in kept]) for law in laws)
        if many == 1 or moved(one, other, counts) <= most:
            return Groups(ends, one, other)
    return Groups(np.zeros(0), whole[0], whole[1])


def _drawn(
    column: Column, part: ColumnCodec, weights: np.ndarray, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Draws values of a column, none missing: of every code, and as frequent as `weights` say."""
    codes = np.repeat(np.arange(part.size), _per_code(part))
    weights = np.maximum(weights, _RARE / part.size)  # so that the pool has something of each code
    frequent = rng.choice(part.size, POOL, p=weights / weights.sum())
    series = part.decode(np.concatenate([codes, frequent]), rng)
    is_here = ~series.is_null().to_numpy()
    values = places_of(column, series) / lattice(column)
    of_code, here, n = values[: len(codes)], is_here[: len(codes)], len(codes)
    pool = values[n:][is_here[n:]]
    return (codes[here], of_code[here]), pool if pool.size else of_code[here]


def _per_code(part: ColumnCodec) -> int:
    return min(max(4 * POOL // part.size, 64), MOST_PER_CODE)


def _side(
    redrawer: Redrawer,
    name: str,
    edges: np.ndarray,
    of_code: tuple[np.ndarray, np.ndarray],
    pool: np.ndarray,
) -> Side:
    part, column = redrawer.part(name), redrawer.columns[name]
    codes, values = of_code
    width = len(edges) + 1
    where = np.searchsorted(edges, values, side="left")
    many = np.bincount(codes * width + where, minlength=part.size * width)
    pool = np.sort(pool)
    places = pool * lattice(column)
    is_fine = column.kind == "float" and lattice(column) == 1
    return Side(
        column=column,
        block=redrawer.block(redrawer.codec.columns.index(name)),
        of_code=(many.reshape(part.size, width) / _per_code(part)).astype(np.float32),
        pool=places if is_fine else np.rint(places).astype(np.int64),
        starts=np.concatenate([[0], np.searchsorted(pool, edges, side="right"), [len(pool)]]),
    )
