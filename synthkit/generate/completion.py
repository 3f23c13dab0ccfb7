"""Completes partial rows: the unknown cells of each row from its own posterior.

In: rows of codes and which of their cells are known. Out: the same rows with every cell filled.
Each row has a condition of its own, so all rows share one stream of latents: the log-weights of a
batch of latents for a block of rows are one matrix product, and each row keeps one latent at a time
by weighted reservoir sampling (Chao 1982, doi:10.1093/biomet/69.3.653), so that after any number
of latents it holds one in proportion to its weight. Rows stop when their latents are worth enough.
The model is only post-processed; but the rows given may be real, and whoever releases a completed
row releases the cells that were given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthkit.generate import ProductMixture
from synthkit.generate.device import one_thread
from synthkit.generate.layout import code_dtype
from synthkit.generate.posterior import draw_columns

LATENTS = 4_096
"""Latents per batch."""
ROWS = 1_024
"""Rows per block."""
MIN_LATENTS = 2**14
MAX_LATENTS = 2**18
WANTED_EFFECTIVE = 200
"""Effective latents at which a row stops looking."""
SMALLEST = 1e-30
"""Probabilities below this count as this much, so that any row has a posterior."""


@dataclass(frozen=True, kw_only=True)
class Completed:
    """Filled rows, and on how many latents each rests."""

    values: np.ndarray
    """Codes, shape (n_rows, n_columns); known cells as they were given."""
    effective: np.ndarray
    """Effective sample size of the latents of each row, shape (n_rows,)."""


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
        settled: Is told, after each batch of latents, for how many rows they are enough.
    """
    restricted = np.zeros_like(known) if restricted is None else restricted
    allowed = dict(allowed or {})
    latents, effective = _latents(mixture, sizes, values, known, allowed, restricted, rng, settled)
    filled = np.empty(values.shape, dtype=code_dtype(sizes))
    for start in range(0, len(values), LATENTS):
        rows = slice(start, start + LATENTS)
        cells = mixture.distributions(latents[rows])
        own = np.arange(len(cells))
        free = draw_columns(cells, own, sizes, {}, rng)
        within = draw_columns(cells, own, sizes, allowed, rng)
        drawn = np.where(restricted[rows], within, free)
        filled[rows] = np.where(known[rows], values[rows], drawn)
    return Completed(values=filled, effective=effective)


def _latents(
    mixture: ProductMixture,
    sizes: Sequence[int],
    values: np.ndarray,
    known: np.ndarray,
    allowed: Mapping[int, np.ndarray],
    restricted: np.ndarray,
    rng: np.random.Generator,
    settled: Callable[[int], None] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a latent of each row's posterior, shape (n_rows, any), and effective sizes."""
    n_rows = len(values)
    wants = _wants(sizes, values, known, allowed, restricted)  # (n_rows, width + n_allowed)
    chosen: np.ndarray | None = None
    state = _Reservoir(n_rows)
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
        logs = _logs(mixture.distributions(latents), sizes, allowed)  # (LATENTS, columns of wants)
        for start in range(0, len(rows), ROWS):
            block = rows[start : start + ROWS]
            taken, places = state.take(block, wants[block], logs, rng)
            chosen[block[taken]] = latents[places[taken]]
        if settled is not None:
            settled(int((state.effective >= WANTED_EFFECTIVE).sum()))
    assert chosen is not None  # MAX_LATENTS is positive
    return chosen, state.effective


def _wants(
    sizes: Sequence[int],
    values: np.ndarray,
    known: np.ndarray,
    allowed: Mapping[int, np.ndarray],
    restricted: np.ndarray,
) -> np.ndarray:
    """Marks what each row says: its known codes, then the columns in which it is restricted."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    wants = np.zeros((len(values), sum(sizes) + len(allowed)), dtype=np.float32)
    rows, columns = np.nonzero(known)
    wants[rows, starts[columns] + values[rows, columns]] = 1.0
    for i, column in enumerate(allowed):
        wants[:, sum(sizes) + i] = restricted[:, column]
    return wants


def _logs(cells: np.ndarray, sizes: Sequence[int], allowed: Mapping[int, np.ndarray]) -> np.ndarray:
    """Log-probabilities of all codes, then of "an allowed code", given each latent, float32."""
    starts = np.concatenate([[0], np.cumsum(sizes)])
    parts = [cells]
    for column, codes in allowed.items():
        part = cells[:, starts[column] : starts[column + 1]] @ codes.astype(np.float32)
        parts.append(part[:, None])
    return np.asarray(np.log(np.maximum(np.concatenate(parts, axis=1, dtype=np.float32), SMALLEST)))


class _Reservoir:
    """Running weights of each row, and which latent it holds."""

    def __init__(self, n_rows: int) -> None:
        self._top = np.full(n_rows, -np.inf)
        self._sum = np.zeros(n_rows)
        self._squares = np.zeros(n_rows)

    @property
    def effective(self) -> np.ndarray:
        """Effective sample size of each row so far, shape (n_rows,)."""
        return np.asarray(self._sum**2 / np.maximum(self._squares, 1e-300))

    def take(
        self, rows: np.ndarray, wants: np.ndarray, logs: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Adds a batch of latents; says which of `rows` change to which of the latents."""
        import torch

        with torch.inference_mode(), one_thread():
            scores = torch.as_tensor(wants) @ torch.as_tensor(logs).T  # (n, n_latents)
            highest = scores.max(1).values  # (n,)
            weights = (scores - highest[:, None]).exp_()
            squares = weights.square().sum(1).double().numpy()
            steps = weights.cumsum(1, dtype=torch.float64)  # (n, n_latents)
            sums = steps[:, -1].numpy()
            sought = torch.as_tensor(rng.random(len(rows)) * sums)
            places = torch.searchsorted(steps, sought[:, None], right=True)[:, 0].numpy()
        top = np.maximum(self._top[rows], highest.double().numpy())
        old = np.exp(self._top[rows] - top)
        new = np.exp(highest.double().numpy() - top)
        self._top[rows] = top
        self._sum[rows] = self._sum[rows] * old + sums * new
        self._squares[rows] = self._squares[rows] * old**2 + squares * new**2
        taken = rng.random(len(rows)) * self._sum[rows] < sums * new
        return taken, np.minimum(places, logs.shape[0] - 1)
