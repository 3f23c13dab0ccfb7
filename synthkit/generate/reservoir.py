"""One latent for each row, in proportion to its weight, kept while latents go by.

In: batches of latents' log-probabilities, and what each row says. Out: which rows change to which
latent, and how many latents a row's are worth. Weighted reservoir sampling (Chao 1982,
doi:10.1093/biomet/69.3.653): after any number of latents a row holds one in proportion to its
weight. For mixtures whose latents cannot be enumerated; no real row is looked at beyond its codes.
"""

from __future__ import annotations

import numpy as np

from synthkit.generate.device import one_thread


class Reservoir:
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
