"""Condition vectors from the noisy one-way tables: a column at random, then one of its codes.

CTGAN draws conditions by exact log-frequency and looks up real rows that match them (Xu et al.
2019, section 4.3): both leak. Here conditions come from the noisy tables and meet fake rows only;
they are drawn by frequency, so that conditioned rows together follow the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


class Conditions:
    """Draws positions on the one-hot axis.

    Args:
        shares: Noisy distribution of each column.
        device: Where conditions are drawn.
    """

    def __init__(self, shares: Sequence[np.ndarray], device: torch.device | str = "cpu") -> None:
        import torch

        flat = np.concatenate(shares) / len(shares)
        self.width = len(flat)
        self._steps = torch.as_tensor(np.cumsum(flat), device=device)  # (width,) float64

    def draw(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Returns positions, int64, shape (n,)."""
        import torch

        uniform = torch.rand(n, dtype=torch.float64, generator=generator, device=generator.device)
        return self._at(uniform)

    def spread(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Returns `n` positions, one from each n-th of the distribution, in random order."""
        import torch

        place = generator.device
        uniform = torch.rand(n, dtype=torch.float64, generator=generator, device=place)
        order = torch.randperm(n, generator=generator, device=place)
        return self._at((uniform + torch.arange(n, device=place))[order] / n)

    def _at(self, uniform: torch.Tensor) -> torch.Tensor:
        import torch

        positions = torch.searchsorted(self._steps, uniform * self._steps[-1], right=True)
        return positions.clamp_(max=self.width - 1)  # (n,)
