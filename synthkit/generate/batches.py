"""Rows in batches together with what they were drawn from, for whoever redraws single cells.

In: a model. Out: `Batch`es of codes; of a product mixture also each row's latent, as the
distribution of every column given it, so that a cell can be drawn again without the rest of its row
and still belong to it. Post-processing: no real row is read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.generate import ProductMixture

if TYPE_CHECKING:
    from synthkit.generate import Model

LATENTS = 8_192
"""Latents per batch of a mixture."""
ROWS = 100_000
"""Rows per batch of any other model; distinct latents that a large sample keeps to."""
MOST_PER_LATENT = 8
"""Rows that may share a latent in large samples, as in `sampling`."""


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
        """Yields batches that add up to `n` rows, each in the order in which it is drawn."""
        from synthkit.generate.posterior import draw_columns

        model, left = self._model, n
        per_latent = min(max(n // ROWS, 1), MOST_PER_LATENT)
        while left > 0:
            if not isinstance(model, ProductMixture):
                many = min(left, ROWS)
                yield Batch(model.sample(many, rng))
            else:
                many = min(left, LATENTS * per_latent)
                cells = model.distributions(model.latents(-(-many // per_latent), rng))
                latent_of = np.arange(many) // per_latent
                yield Batch(draw_columns(cells, latent_of, self._sizes, {}, rng), cells, latent_of)
            left -= many
