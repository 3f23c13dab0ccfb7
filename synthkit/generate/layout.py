"""Where each column lies on the concatenated one-hot axis, and what can be done on that axis.

Column c with sizes[c] codes owns the positions starts[c] .. starts[c] + sizes[c] - 1; `width` is
the length of the axis. Operations on all columns at once are one scatter, never a loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import InputError

if TYPE_CHECKING:
    import torch

    from synthkit.artifacts import Codes, OneWayTables


def code_dtype(sizes: Sequence[int]) -> type[np.uint8] | type[np.uint16]:
    """Returns the smallest unsigned type that holds every code."""
    return np.uint8 if max(sizes) <= 256 else np.uint16


def shares(one_way: OneWayTables) -> tuple[np.ndarray, ...]:
    """Turns one-way tables into probabilities; a column whose noisy counts are all 0 is uniform."""
    result = []
    for counts in one_way.counts:
        total = float(counts.sum())
        flat = np.full(len(counts), 1.0 / len(counts))
        result.append(counts / total if total > 0 else flat)
    return tuple(result)


def check_codes(codes: Codes, one_way: OneWayTables) -> None:
    """Refuses codes that break their own contract, before anything is computed from them.

    Raises:
        InputError: If shapes disagree or a code lies outside its column's size (no value named).
    """
    # PRIVACY: encode keeps every code in range by clamping row by row, so this never answers
    # differently for neighbouring tables; it guards against a caller that skipped encode.
    n_rows, n_columns = codes.values.shape
    sizes = np.asarray(codes.sizes)
    agrees = (
        n_columns == len(sizes) == len(codes.columns) == len(one_way.counts)
        and codes.units.shape == (n_rows,)
        and all(len(c) == s for c, s in zip(one_way.counts, sizes, strict=True))
        and bool((codes.values.max(axis=0, initial=0) < sizes).all())
    )
    if not agrees:
        raise InputError(
            "The codes do not fit their sizes, units and one-way tables.",
            hint="Pass what synthkit.encode.fit returned, unchanged.",
        )


class Layout:
    """Positions of the columns on the one-hot axis, as tensors on one device."""

    def __init__(self, sizes: Sequence[int], device: torch.device | str = "cpu") -> None:
        import torch

        self.sizes = tuple(int(s) for s in sizes)
        self.device = torch.device(device)
        self.width = sum(self.sizes)
        bounds = np.concatenate([[0], np.cumsum(self.sizes)])
        self.starts = torch.as_tensor(bounds[:-1], device=self.device)  # (n_columns,)
        owner = np.repeat(np.arange(len(self.sizes)), self.sizes)
        self.owner = torch.as_tensor(owner, device=self.device)  # (width,)

    @cached_property
    def off_block(self) -> torch.Tensor:
        """1 where two positions belong to different columns, else 0; shape (width, width)."""
        return (self.owner[:, None] != self.owner[None, :]).float()

    def softmax(self, logits: torch.Tensor) -> torch.Tensor:
        """Softmax within each column, shape (batch, width) to (batch, width)."""
        index = self.owner.expand(len(logits), -1)
        shape = (len(logits), len(self.sizes))
        top = logits.new_full(shape, float("-inf"))
        top = top.scatter_reduce(1, index, logits.detach(), "amax")  # (batch, n_columns)
        powers = (logits - top.gather(1, index)).exp()  # (batch, width)
        sums = logits.new_zeros(shape).scatter_add(1, index, powers)  # (batch, n_columns)
        return powers / sums.gather(1, index)

    def one_hot(self, values: torch.Tensor) -> torch.Tensor:
        """One-hot rows: codes (batch, n_columns) int64 to float32 (batch, width)."""
        import torch

        hot = torch.zeros(len(values), self.width, device=self.device)
        return hot.scatter_(1, values + self.starts, 1.0)
