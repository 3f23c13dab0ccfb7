"""Draws codes from a generator network: latents and conditions in, one draw per column out.

Rows are independent of each other: every row has its own latent, its own condition from the noisy
one-way tables, and one categorical draw per column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from synthkit.generate.conditions import Conditions
from synthkit.generate.layout import Layout, code_dtype
from synthkit.generate.training import latents_and_conditions

if TYPE_CHECKING:
    import torch


def sample_codes(
    network: torch.nn.Module,
    probabilities: Sequence[np.ndarray],
    *,
    latent: int,
    n: int,
    rng: np.random.Generator,
    batch_rows: int = 8192,
) -> np.ndarray:
    """Draws `n` rows.

    Args:
        network: Logits from latent and condition, in evaluation mode, on the CPU.
        probabilities: Noisy distribution of each column, for conditions.
        latent: Length of the latent vector.
        n: Number of rows.
        rng: Source of all randomness; advances by one draw.
        batch_rows: Rows per forward pass; every pass is full, and what is too much is cut.

    Returns:
        Codes, shape (n, n_columns), uint8 or uint16.
    """
    import torch

    layout = Layout([len(p) for p in probabilities])
    conditions = Conditions(probabilities)
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    values = np.empty((n, len(layout.sizes)), dtype=code_dtype(layout.sizes))
    with torch.inference_mode():
        for start in range(0, n, batch_rows):
            inputs, _ = latents_and_conditions(batch_rows, latent, conditions, generator)
            chosen = _categorical(layout.softmax(network(inputs)), layout, generator)
            values[start : start + batch_rows] = chosen.numpy()[: n - start]
    return values


def _categorical(
    probabilities: torch.Tensor, layout: Layout, generator: torch.Generator
) -> torch.Tensor:
    """One draw per row and column by inverting the running sum along the one-hot axis.

    Every column adds 1 to the sum, so column c is decided by where c + uniform falls; one sorted
    search serves all columns of a row.

    Args:
        probabilities: Softmax per column, shape (batch, width).
        layout: Of the columns.
        generator: Source of the draws.

    Returns:
        Codes, int64, shape (batch, n_columns).
    """
    import torch

    n_columns = len(layout.sizes)
    steps = probabilities.cumsum(1, dtype=torch.float64)  # (batch, width)
    uniform = torch.rand(
        len(probabilities), n_columns, dtype=torch.float64, generator=generator
    )  # (batch, n_columns)
    positions = torch.searchsorted(steps, uniform + torch.arange(n_columns), right=True)
    sizes = torch.as_tensor(layout.sizes)
    return (positions - layout.starts).clamp_(min=0).minimum(sizes - 1)
