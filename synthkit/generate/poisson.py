"""Poisson sampling of privacy units: who enters a step of DP-SGD, decided in secret.

Takes the unit of each row, gives the rows of one step: every unit enters by its own coin of
probability q, and an entering unit is stood for by one of its rows (or up to k, where the plan
says so), drawn uniformly. A person with fifty rows enters as often as a person with one, so
amplification by Poisson sampling (Zhu and Wang 2019) holds at the level of persons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthkit.privacy import mechanism

if TYPE_CHECKING:
    import torch


class PoissonUnits:
    """Draws the rows of each step.

    Args:
        units: Index of the privacy unit of each row, int64, shape (n_rows,).
        sample_rate: q, the public probability with which each unit enters a step.
        generator: Secret generator (`synthkit.privacy.mechanism`); its device is where rows live.
        rows_per_unit: Most rows that stand for an entering unit.
    """

    def __init__(
        self,
        units: np.ndarray,
        *,
        sample_rate: float,
        generator: torch.Generator,
        rows_per_unit: int = 1,
    ) -> None:
        import torch

        order = np.argsort(units, kind="stable")
        _, starts, counts = np.unique(units[order], return_index=True, return_counts=True)
        device = generator.device
        self._order = torch.as_tensor(order, device=device)  # (n_rows,) rows, unit by unit
        self._starts = torch.as_tensor(starts, device=device)  # (n_units,)
        self._counts = torch.as_tensor(counts, device=device)  # (n_units,)
        self._rate = sample_rate
        self._most = rows_per_unit
        self._generator = generator

    def draw(self) -> torch.Tensor:
        """Returns the row indices of one step, shape (batch,); the batch may be empty."""
        # PRIVACY: looks at no cell; the draws are secret and never leave the step.
        # float64: in float32 a coin of probability q is off by up to 2^-24, which is not what
        # the accountant charges.
        entered = self._uniform(len(self._starts)) < self._rate  # (n_units,)
        picked = entered.nonzero().squeeze(1)  # (batch,)
        counts = self._counts[picked]
        if self._most > 1:
            rows = self._several(picked, counts)
        else:
            offset = (self._uniform(len(picked)) * counts).long()  # (batch,)
            rows = self._order[self._starts[picked] + offset.minimum(counts - 1)]
        shown: torch.Tensor = mechanism.shown("sampled_rows", {"rate": self._rate}, rows)
        return shown

    def _several(self, picked: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """Returns up to `rows_per_unit` rows of each picked unit, without repeats."""
        import torch

        owner = torch.arange(len(picked), device=picked.device).repeat_interleave(counts)
        first = counts.cumsum(0) - counts  # (batch,) place of each unit's first row below
        place = torch.arange(len(owner), device=picked.device)
        rows = self._order[self._starts[picked][owner] + place - first[owner]]
        # Sorted by unit, within it at random; the first `rows_per_unit` of each are kept. Two
        # sorts: one of owner + uniform could round a row into the next unit.
        order = self._uniform(len(owner)).argsort()
        shuffled = rows[order[owner[order].argsort(stable=True)]]
        kept: torch.Tensor = shuffled[place - first[owner] < self._most]
        return kept

    def _uniform(self, n: int) -> torch.Tensor:
        import torch

        return torch.rand(
            n, dtype=torch.float64, generator=self._generator, device=self._generator.device
        )
