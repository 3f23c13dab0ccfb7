"""Completes partial rows: the unknown cells of each row from its own posterior.

In: rows of codes and which of their cells are known. Out: the same rows with every cell filled.
Each row has a condition of its own; the log-weights of many latents for a block of rows are one
matrix product. Of a mixture whose latents can be enumerated (`FiniteMixture`) that is every latent,
and each row's posterior is exact. Of any other all rows share one stream of latents (`reservoir`),
and stop when those are worth enough. The model is only post-processed; but the rows given may be
real, and whoever releases a completed row releases the cells that were given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthkit.generate import FiniteMixture, ProductMixture
from synthkit.generate.device import one_thread
from synthkit.generate.layout import code_dtype
from synthkit.generate.posterior import draw_columns, drawn_by_weight, worth
from synthkit.generate.reservoir import Reservoir

LATENTS = 4_096
"""Latents per batch, where they are drawn."""
ROWS = 1_024
"""Rows per block."""
CELLS = 2**20
"""Most weights (rows times latents) that are held at a time, where latents are enumerated."""
MIN_LATENTS = 2**14
MAX_LATENTS = 2**18
"""Most latents that are drawn, or enumerated, for one table."""
WANTED_EFFECTIVE = 200
"""Effective latents at which a row stops looking, where they are drawn."""
FEW_LATENTS = 2.0
"""A row that rests on fewer latents is thin, where they are enumerated (decision 0023)."""
FEW_EFFECTIVE = 10
"""A row whose latents are worth fewer is thin, where they are drawn."""
SMALLEST = 1e-30
"""Probabilities below this count as this much, so that any row has a posterior."""


@dataclass(frozen=True, kw_only=True)
class Completed:
    """Filled rows, and on how many latents each rests."""

    values: np.ndarray
    """Codes, shape (n_rows, n_columns); known cells as they were given."""
    effective: np.ndarray
    """How many latents of equal weight each row's posterior is worth, shape (n_rows,): of
    enumerated ones, how many products of distributions its cells are drawn from."""
    thin: np.ndarray
    """Which rows rest on too few latents, bool, shape (n_rows,). Of enumerated ones fewer than 2,
    where at least two cells were drawn: those are next to independent of each other, given the
    others. Of drawn ones fewer than 10: the posterior itself is a rough guess."""
    latents: int | None
    """Latents that the model has; None: they were drawn, not enumerated."""


@dataclass(frozen=True, kw_only=True)
class _Partial:
    """Rows to complete, and what may fill them."""

    sizes: tuple[int, ...]
    values: np.ndarray
    known: np.ndarray
    allowed: Mapping[int, np.ndarray]
    restricted: np.ndarray

    def wants(self, rows: np.ndarray) -> np.ndarray:
        """Marks what rows say: known codes, then the columns in which they are restricted.

        Returns:
            Shape (n_rows, width + n_allowed), float32, 0 or 1.
        """
        starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.int64)
        width = sum(self.sizes)
        wants = np.zeros((len(rows), width + len(self.allowed)), dtype=np.float32)
        places, columns = np.nonzero(self.known[rows])
        wants[places, starts[columns] + self.values[rows[places], columns]] = 1.0
        for i, column in enumerate(self.allowed):
            wants[:, width + i] = self.restricted[rows, column]
        return wants

    def logs(self, cells: np.ndarray) -> np.ndarray:
        """Log-probabilities of all codes, then of "an allowed code", given each latent, float32."""
        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        parts = [cells]
        for column, codes in self.allowed.items():
            part = cells[:, starts[column] : starts[column + 1]] @ codes.astype(np.float32)
            parts.append(part[:, None])
        whole = np.concatenate(parts, axis=1, dtype=np.float32)
        return np.asarray(np.log(np.maximum(whole, SMALLEST)))

    def filled(
        self, rows: slice, cells: np.ndarray, own: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Draws the unknown cells of rows, each from a latent: `own`, its place in `cells`."""
        known, restricted = self.known[rows], self.restricted[rows]
        drawn = draw_columns(cells, own, self.sizes, {}, rng)
        if restricted.any():
            within = draw_columns(cells, own, self.sizes, self.allowed, rng)
            drawn = np.where(restricted, within, drawn)
        return np.where(known, self.values[rows], drawn)


def complete(
    mixture: ProductMixture,
    sizes: Sequence[int],
    values: np.ndarray,
    known: np.ndarray,
    *,
    rng: np.random.Generator,
    allowed: Mapping[int, np.ndarray] | None = None,
    restricted: np.ndarray | None = None,
    settled: Callable[[int], None] | None = None,
) -> Completed:
    """Draws the unknown cells of each row, jointly, given its known ones.

    Args:
        mixture: The model.
        sizes: Number of codes of each column.
        values: Codes, shape (n_rows, n_columns); read only where `known`.
        known: Which cells are given, bool, shape (n_rows, n_columns).
        rng: Source of latents and draws.
        allowed: For some columns, which codes may fill a restricted cell: shape (size,), 0 or 1.
        restricted: Unknown cells to which `allowed` applies, bool, shape (n_rows, n_columns);
            None: none. That the cell holds an allowed code is then part of the row's condition.
        settled: Is told now and then for how many rows the latents are found.
    """
    partial = _Partial(
        sizes=tuple(sizes),
        values=values,
        known=known,
        allowed=dict(allowed or {}),
        restricted=np.zeros_like(known) if restricted is None else restricted,
    )
    if isinstance(mixture, FiniteMixture):
        latents, prior = mixture.all_latents()
        if len(latents) <= MAX_LATENTS:
            return _enumerated(mixture.distributions(latents), prior, partial, rng, settled)
    return _looked_for(mixture, partial, rng, settled)


def _enumerated(
    cells: np.ndarray,
    prior: np.ndarray,
    partial: _Partial,
    rng: np.random.Generator,
    settled: Callable[[int], None] | None,
) -> Completed:
    """Completes by every latent: distributions (n_latents, width), prior (n_latents,)."""
    import torch

    n_rows, n_latents = len(partial.values), len(cells)
    filled = np.empty(partial.values.shape, dtype=code_dtype(partial.sizes))
    effective = np.empty(n_rows)
    logs = torch.as_tensor(partial.logs(cells).T.copy())  # (width + n_allowed, n_latents)
    start_at = torch.as_tensor(np.log(prior))
    block = min(max(CELLS // n_latents, 1), ROWS)
    own = np.empty(n_rows, dtype=np.int64)
    for start in range(0, n_rows, block):
        rows = np.arange(start, min(start + block, n_rows))
        with torch.inference_mode(), one_thread():
            scores = (torch.as_tensor(partial.wants(rows)) @ logs).double() + start_at
            weights = torch.softmax(scores, 1).numpy()  # (n, n_latents)
        effective[rows] = worth(weights)
        own[rows] = drawn_by_weight(weights, rng)
        if settled is not None:
            settled(int(rows[-1]) + 1)
    for start in range(0, n_rows, LATENTS):
        part = slice(start, start + LATENTS)
        filled[part] = partial.filled(part, cells, own[part], rng)
    links = (~partial.known).sum(1) > 1
    thin = (effective < FEW_LATENTS) & links & (n_latents > 1)
    return Completed(values=filled, effective=effective, thin=thin, latents=n_latents)


def _looked_for(
    mixture: ProductMixture,
    partial: _Partial,
    rng: np.random.Generator,
    settled: Callable[[int], None] | None,
) -> Completed:
    """Completes by latents that are drawn."""
    latents, effective = _latents(mixture, partial, rng, settled)
    filled = np.empty(partial.values.shape, dtype=code_dtype(partial.sizes))
    for start in range(0, len(filled), LATENTS):
        part = slice(start, start + LATENTS)
        cells = mixture.distributions(latents[part])
        filled[part] = partial.filled(part, cells, np.arange(len(cells)), rng)
    thin = effective < FEW_EFFECTIVE
    return Completed(values=filled, effective=effective, thin=thin, latents=None)


def _latents(
    mixture: ProductMixture,
    partial: _Partial,
    rng: np.random.Generator,
    settled: Callable[[int], None] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a latent of each row's posterior, shape (n_rows, any), and effective sizes."""
    n_rows = len(partial.values)
    chosen: np.ndarray | None = None
    state = Reservoir(n_rows)
    drawn = 0
    while drawn < MAX_LATENTS:
        active = np.flatnonzero(state.effective < WANTED_EFFECTIVE)
        if drawn >= MIN_LATENTS and len(active) == 0:
            break
        rows = np.arange(n_rows) if drawn < MIN_LATENTS else active
        latents = mixture.latents(LATENTS, rng)
        drawn += LATENTS
        if chosen is None:
            chosen = np.zeros((n_rows, latents.shape[1]), dtype=latents.dtype)
        logs = partial.logs(mixture.distributions(latents))  # (LATENTS, columns of wants)
        for start in range(0, len(rows), ROWS):
            block = rows[start : start + ROWS]
            taken, places = state.take(block, partial.wants(block), logs, rng)
            chosen[block[taken]] = latents[places[taken]]
        if settled is not None:
            settled(int((state.effective >= WANTED_EFFECTIVE).sum()))
    assert chosen is not None  # MAX_LATENTS is positive
    return chosen, state.effective
