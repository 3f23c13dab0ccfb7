"""Draws codes from a generator network: latents and conditions in, one draw per column out.

Every row has a latent, a condition from the noisy one-way tables, and one categorical draw per
column. In samples of more than 100,000 rows several rows share latent and condition (never their
draws): each row's distribution stays what it was, and the network, the dear part, runs less often.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from synthkit.generate.conditions import Conditions
from synthkit.generate.layout import Layout, code_dtype

if TYPE_CHECKING:
    import torch

_LATENTS = 100_000
"""Distinct latents that a sample keeps to, until `max_rows_per_latent` is reached."""


def sample_codes(
    network: torch.nn.Module,
    probabilities: Sequence[np.ndarray],
    *,
    latent: int,
    n: int,
    rng: np.random.Generator,
    batch_rows: int = 4096,
    max_rows_per_latent: int = 8,
) -> np.ndarray:
    """Draws `n` rows.

    Args:
        network: Logits from latent and condition, in evaluation mode, on the CPU.
        probabilities: Noisy distribution of each column, for conditions.
        latent: Length of the latent vector.
        n: Number of rows.
        rng: Source of all randomness; advances by one draw.
        batch_rows: Latents per forward pass; every pass is full, and what is too much is cut.
        max_rows_per_latent: Rows that may share a latent in large samples.

    Returns:
        Codes, shape (n, n_columns), uint8 or uint16.
    """
    import torch

    layout = Layout([len(p) for p in probabilities])
    conditions = Conditions(probabilities)
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    values = np.empty((n, len(layout.sizes)), dtype=code_dtype(layout.sizes))
    rows_per_latent = min(max(n // _LATENTS, 1), max_rows_per_latent)
    with torch.inference_mode():
        for start in range(0, n, batch_rows * rows_per_latent):
            inputs = latents_and_conditions(batch_rows, latent, conditions, generator)
            cells = layout.softmax(network(inputs))  # (batch_rows, width)
            chosen = _categorical(cells, layout, generator, rows_per_latent)
            values[start : start + len(chosen)] = chosen.numpy()[: n - start]
    return values


def latents_and_conditions(
    batch: int, latent: int, conditions: Conditions, generator: torch.Generator
) -> torch.Tensor:
    """Draws the network's inputs: latents and one-hot conditions, (batch, latent + width)."""
    import torch

    positions = conditions.draw(batch, generator)  # (batch,)
    latents = torch.randn(batch, latent, generator=generator)
    hot = torch.zeros(batch, conditions.width).scatter_(1, positions[:, None], 1.0)
    return torch.cat([latents, hot], dim=1)


def _categorical(
    probabilities: torch.Tensor, layout: Layout, generator: torch.Generator, times: int = 1
) -> torch.Tensor:
    """Draws every column by inverting the running sum along the one-hot axis.

    Every column adds 1 to the sum, so column c is decided by where c + uniform falls; one sorted
    search serves all columns of a row.

    Args:
        probabilities: Softmax per column, shape (batch, width).
        layout: Of the columns.
        generator: Source of the draws.
        times: Independent draws from each row of `probabilities`.

    Returns:
        Codes, int64, shape (times * batch, n_columns); draws of one row lie `batch` rows apart.
    """
    import torch

    batch, n_columns = len(probabilities), len(layout.sizes)
    steps = probabilities.cumsum(1, dtype=torch.float64)  # (batch, width)
    uniform = torch.rand(
        batch, times, n_columns, dtype=torch.float64, generator=generator
    )  # (batch, times, n_columns)
    sought = (uniform + torch.arange(n_columns)).view(batch, -1)  # (batch, times * n_columns)
    positions = torch.searchsorted(steps, sought, right=True).view(batch, times, n_columns)
    codes = (positions - layout.starts).clamp_(min=0).minimum(torch.as_tensor(layout.sizes) - 1)
    return codes.transpose(0, 1).reshape(-1, n_columns)
