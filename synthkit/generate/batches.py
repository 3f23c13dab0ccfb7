"""Rows in batches together with what they were drawn from, for whoever redraws single cells.

In: a model. Out: `Batch`es of codes; of a product mixture also each row's latent, as the
distribution of every column given it, so that a cell can be drawn again without the rest of its row
and still belong to it. Post-processing: no real row is read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from synthkit.generate import ProductMixture

if TYPE_CHECKING:
    from synthkit.generate import Model

LATENTS = 8_192
"""Latents per batch of a mixture."""
ROWS = 100_000
"""Rows per batch of any other model; distinct latents that a large sample keeps to."""
BLOCK = 800_000
"""Rows that a model which tells latents draws at a time: the more, the more evenly."""
MOST_PER_LATENT = 8
"""Rows that may share a latent in large samples, as in `sampling`."""


@runtime_checkable
class TellsLatents(ProductMixture, Protocol):
    """What a mixture may offer beside: rows as `sample` draws them, and the latent of each."""

    def sample_with_latents(
        self, n: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws `n` rows; returns codes (n, n_columns) and latents (n, any), float32."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of codes, and where they come from."""

    values: np.ndarray
    """Codes, shape (n_rows, n_columns)."""
    cells: np.ndarray | None = None
    """Distributions of all columns given each latent, shape (n_latents, width); None: unknown."""
    latent_of: np.ndarray | None = None
    """Which of the latents each row has, shape (n_rows,)."""

    def weights(self, rows: np.ndarray, block: slice) -> np.ndarray | None:
        """Returns a column's distribution given the latent of some rows, shape (n, size)."""
        if self.cells is None or self.latent_of is None:
            return None
        return np.asarray(self.cells[self.latent_of[rows], block], dtype=np.float64)


class FreeRows:
    """Rows of a model without a condition.

    Args:
        model: Any model.
        sizes: Number of codes of each column.
    """

    def __init__(self, model: Model, sizes: Sequence[int]) -> None:
        self._model, self._sizes = model, tuple(sizes)

    def batches(self, n: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yields batches that add up to `n` rows; rows of one latent may lie beside each other."""
        left = n
        while left > 0:
            model: object = self._model
            if isinstance(model, TellsLatents):
                many = min(left, BLOCK)
                yield from self._told(model, many, rng)
            elif isinstance(model, ProductMixture):
                many = min(left, LATENTS * self._per_latent(n))
                yield self._mixed(model, many, self._per_latent(n), rng)
            else:
                many = min(left, ROWS)
                yield Batch(self._model.sample(many, rng))
            left -= many

    def _told(self, model: TellsLatents, n: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Draws rows as the model itself does, and asks which latent each has."""
        values, latents = model.sample_with_latents(n, rng)
        for start in range(0, n, ROWS):
            own, latent_of = np.unique(latents[start : start + ROWS], axis=0, return_inverse=True)
            cells = model.distributions(own)
            yield Batch(values[start : start + ROWS], cells, latent_of.reshape(-1))

    def _mixed(
        self, model: ProductMixture, n: int, per_latent: int, rng: np.random.Generator
    ) -> Batch:
        """Draws latents, then rows from them."""
        from synthkit.generate.posterior import draw_columns

        cells = model.distributions(model.latents(-(-n // per_latent), rng))
        latent_of = np.arange(n) // per_latent
        return Batch(draw_columns(cells, latent_of, self._sizes, {}, rng), cells, latent_of)

    @staticmethod
    def _per_latent(n: int) -> int:
        return min(max(n // ROWS, 1), MOST_PER_LATENT)
