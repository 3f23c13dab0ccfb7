"""A mixture of products of distributions: its tables, and rows drawn from it evenly.

Takes the softmax outputs of a generator network on its bank of inputs, shape (n_latents, width),
gives codes. Every row belongs to one latent and has one draw per column from that latent's
distributions. Draws are stratified: latents take turns, and the draws of one latent in one column
are a systematic sample (Madow 1949) in shuffled order. Each row's distribution is exactly the
model's; a table counted over many rows scatters less than with independent draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from synthkit.generate.layout import Layout, code_dtype

if TYPE_CHECKING:
    import torch


class Mixture:
    """Draws rows from products of distributions, one product per latent.

    Args:
        probabilities: Softmax per column, shape (n_latents, width).
        sizes: Number of codes of each column.
    """

    def __init__(self, probabilities: np.ndarray, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        ends = np.cumsum(self.sizes)
        columns = np.split(probabilities.astype(np.float64), ends[:-1], axis=1)
        steps = [np.cumsum(c, axis=1) for c in columns]
        # Running sums that end at exactly 1, each of shape (n_latents, size).
        self._steps = [s / s[:, -1:] for s in steps]
        self._n_latents = len(probabilities)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws `n` rows of codes, shape (n, n_columns), uint8 or uint16, in random order."""
        return self.draw_with_latents(n, rng)[0]

    def draw_with_latents(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draws the same rows, and says which latent each belongs to, int64, shape (n,)."""
        each, rest = divmod(n, self._n_latents)
        values = np.empty((n, len(self.sizes)), dtype=code_dtype(self.sizes))
        # The rows that are left over go to as many latents, chosen at random.
        chosen = rng.permutation(self._n_latents)[:rest]
        order = rng.permutation(n)
        for column, steps in enumerate(self._steps):
            kind = values.dtype.type
            parts = [_systematic(steps, each, rng, kind), _systematic(steps[chosen], 1, rng, kind)]
            values[order, column] = np.concatenate(parts)
        latents = np.empty(n, dtype=np.int64)
        latents[order] = np.concatenate([np.repeat(np.arange(self._n_latents), each), chosen])
        return values, latents


def _systematic(
    steps: np.ndarray, each: int, rng: np.random.Generator, kind: type[np.unsignedinteger]
) -> np.ndarray:
    """Draws `each` codes from every row of distributions, evenly.

    The draws of a row are at (j + u) / each for j = 0, 1, ..., u uniform: how often a code comes up
    follows from the running sums alone, without a search. They are then put in the order of a
    random permutation that starts at a random place of its own for every row, so each single draw
    has the row's distribution.

    Args:
        steps: Running sums, shape (n_latents, size).
        each: Draws per row.
        rng: Public randomness.
        kind: Type of the codes.

    Returns:
        Shape (n_latents * each,).
    """
    n_latents, size = steps.shape
    if each == 0 or n_latents == 0:
        return np.empty(0, dtype=kind)
    # Points below a running sum s: the j with (j + u) / each < s.
    below = np.ceil(steps * each - rng.random((n_latents, 1)))
    below = np.clip(below, 0, each).astype(np.int64)
    below[:, -1] = each
    counts = np.diff(below, axis=1, prepend=0)  # (n_latents, size)
    codes = np.tile(np.arange(size, dtype=kind), n_latents)
    ordered = np.repeat(codes, counts.ravel())  # (n_latents * each,)
    starts = rng.integers(each, size=(n_latents, 1))
    places = (rng.permutation(each) + starts) % each + np.arange(n_latents)[:, None] * each
    return np.asarray(ordered[places.ravel()])


def outputs(
    network: torch.nn.Module, latents: np.ndarray, positions: np.ndarray, sizes: Sequence[int]
) -> np.ndarray:
    """Returns the network's softmax outputs on its bank, shape (n_latents, width), float32."""
    import torch

    with torch.inference_mode():
        logits = network(torch.as_tensor(latents), torch.as_tensor(positions.astype(np.int64)))
        result: np.ndarray = Layout(sizes).softmax(logits).numpy()
    return result
