"""The attack of the one-run audit: how likely is it, by what was released, that a canary was in?

Watches every noisy answer of a fit (`privacy.mechanism.watched`) and adds up, for each canary, the
logarithm of the likelihood ratio of "inside" against "outside". The attacker is the strongest that
differential privacy speaks of: it knows all real rows and all secret choices about them, and
everything about the canaries but their coins.

- Tables: a canary inside adds one to its cell of each table; the noise has a known sigma.
- Gradients: a canary inside enters a step with probability q and then adds its clipped gradient,
  in a direction the attacker can compute; the ratio is that of the Poisson-subsampled Gaussian.

Both are linear with Gaussian noise, y = G z + noise, with one unknown z per canary. Canaries meet
in cells and pull in similar directions, so each is in the others' way; `without_the_others` takes
them for Gaussian and filters them out, as well as a linear filter can.

White-box audits of this kind: Nasr et al., "Tight auditing of differentially private machine
learning" (USENIX Security 2023); in one run: Steinke, Nasr and Jagielski (NeurIPS 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.pipeline.auditing.canaries import Planted
from synthkit.pipeline.auditing.sizes import NoiseSizes
from synthkit.privacy.event import NoisyGradients

if TYPE_CHECKING:
    import polars as pl
    import torch


_LEAST_SEEN = 200
"""Cells needed to tell the size of the noise from them."""
_MEDIAN_OF_NORMAL = 0.6744898
"""Median of the absolute value of a standard normal."""


class Scorer:
    """Scores all canaries while a fit runs; a `Watcher`.

    Args:
        planted: Where the canaries are.
        gradients: The event of the generator's gradients, if there is one.
        sizes: Is shown every draw as well.
    """

    def __init__(
        self, planted: Planted, gradients: NoisyGradients | None, sizes: NoiseSizes
    ) -> None:
        n = len(planted.inside)
        self.kinds: set[str] = set()
        """What was scored so far: `tables`, `gradients`."""
        self._sizes = sizes
        self._from_gradients = np.zeros(n)
        self._along = np.zeros(n)  # residual counts in each canary's cells, over sigma^2
        self._gram = np.zeros((n, n))  # cells that two canaries share, over sigma^2
        self._planted = planted
        self._gradients = gradients
        self._rows: pl.DataFrame | np.ndarray = planted.canaries
        self._one_hot: torch.Tensor | None = None
        self._sampled: torch.Tensor | None = None

    def scores(self) -> np.ndarray:
        """Returns the log-likelihood ratio of each canary, shape (n_canaries,)."""
        return np.asarray(self._from_tables() + self._from_gradients)

    def see_codes(self, codes: np.ndarray, one_hot: torch.Tensor) -> None:
        """Says how they look to the generator: codes, and one-hot (n_canaries, width)."""
        self._rows, self._one_hot = codes, one_hot

    def answer(self, kind: str, asked: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """Lets every draw happen, and scores the noisy ones."""
        given = make()
        self._sizes.note(kind, asked, given)
        if kind == "noisy_counts" and asked["cells"] is not None:
            self._score_counts(asked, given)
        elif kind == "sampled_rows":
            self._sampled = given
        elif kind == "noisy_gradient" and self._gradients is not None:
            self._score_gradient(asked, given, self._gradients)
        return given

    def _score_counts(self, asked: Mapping[str, Any], noisy: np.ndarray) -> None:
        """Notes what the counts say, with all but the canaries subtracted."""
        cells = asked["cells"](self._rows)  # (n_canaries, n_tables)
        exact = asked["counts"].reshape(-1, asked["counts"].shape[-1])  # (n_sets, n_cells)
        noise = (noisy.reshape(exact.shape) - exact).sum(axis=0)  # (n_cells,)
        ours = np.bincount(cells[self._planted.inside].ravel(), minlength=exact.shape[1])
        touched = np.isin(np.arange(exact.shape[1]), cells)
        sigma = _seen_noise(noise[~touched], asked["sigma"] * math.sqrt(len(exact)))
        precision = len(exact) / sigma**2
        # The sets are added up: a canary inside adds their number to its cell of the sum.
        self._along += precision * (noise + len(exact) * ours)[cells].sum(axis=1)
        for of_table in cells.T:
            self._gram += precision * len(exact) * (of_table[:, None] == of_table)
        self.kinds.add("tables")

    def _from_tables(self) -> np.ndarray:
        if "tables" not in self.kinds:
            return np.zeros(len(self._along))
        found, variance = without_the_others(self._gram, self._along, mean=0.5)
        return np.asarray((found - 0.5) / variance)

    def _score_gradient(
        self, asked: Mapping[str, Any], noisy: list[torch.Tensor], event: NoisyGradients
    ) -> None:
        """Adds log(1 - q + q exp(log-likelihood ratio of having entered this step))."""
        from synthkit.generate import bookkeeping

        assert self._one_hot is not None
        network, clip, each = asked["network"], asked["max_grad_norm"], self._planted.rows_each
        ours = bookkeeping.clipped_sum(network, self._one_hot[self._entered()], clip)
        residual = [
            mean * asked["divisor"] - total + each * own
            for mean, total, own in zip(noisy, asked["sums"], ours, strict=True)
        ]
        along, gram = bookkeeping.products(network, self._one_hot, clip, residual)
        flat = np.concatenate([r.cpu().numpy().ravel() for r in residual])
        precision = 1 / _seen_noise(flat, asked["std"]) ** 2
        found, variance = without_the_others(
            gram.cpu().double().numpy() * precision * each**2,
            along.cpu().double().numpy() * precision * each,
            mean=event.sample_rate / 2,
        )
        entered = (found - 0.5) / variance
        q = event.sample_rate
        never = math.log1p(-q) if q < 1 else -math.inf
        self._from_gradients += np.logaddexp(never, math.log(q) + entered)
        self.kinds.add("gradients")

    def _entered(self) -> torch.Tensor:
        """Numbers of the canaries that entered the step, one entry each, shape (n_entered,)."""
        import torch

        assert self._sampled is not None
        rows = self._sampled[self._sampled >= self._planted.first_row] - self._planted.first_row
        places = np.unique(rows.cpu().numpy() // self._planted.rows_each)
        return torch.as_tensor(np.flatnonzero(self._planted.inside)[places])


def _seen_noise(noise: np.ndarray, charged: float) -> float:
    """Returns the standard deviation of the noise as it is, not as it is charged.

    An attacker who believed a fault's noise to be what it should be would look away from it. The
    median is not disturbed by the few coordinates that canaries move.
    """
    if noise.size < _LEAST_SEEN:
        return charged
    seen = float(np.median(np.abs(noise))) / _MEDIAN_OF_NORMAL
    return max(seen, charged * 1e-3)


def without_the_others(
    gram: np.ndarray, along: np.ndarray, *, mean: float
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates each z_i of y = G z + noise from y alone, the other z taken for Gaussian.

    The linear estimate of least mean squared error, with what it owes to the prior of z_i itself
    divided out again (the extrinsic part, as in expectation propagation: Minka 2001). Canaries
    that leave no trace get an estimate of infinite variance.

    Args:
        gram: G'G over the noise variance, shape (n, n).
        along: G'y over the noise variance, shape (n,).
        mean: Prior mean of each z in {0, 1}; its variance is mean (1 - mean).

    Returns:
        Estimates and their variances, both of shape (n,).
    """
    prior = mean * (1 - mean)
    covariance = np.linalg.inv(gram + np.eye(len(gram)) / prior)  # (n, n)
    shift = covariance @ (along - gram.sum(axis=1) * mean)  # (n,) posterior mean less prior mean
    own = np.diag(covariance)
    precision = np.maximum(1 / own - 1 / prior, 1e-12)  # (n,)
    return shift / own / precision + mean, 1 / precision
