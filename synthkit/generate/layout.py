"""Where each column lies on the concatenated one-hot axis, and what can be done on that axis.

Column c with sizes[c] codes owns the positions starts[c] .. starts[c] + sizes[c] - 1; `width` is
the length of the axis. Operations on all columns at once are one product or one scatter, never a
loop.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

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

    @cached_property
    def _members(self) -> torch.Tensor:
        """1 where a position belongs to a column, else 0; shape (width, n_columns)."""
        import torch

        columns = torch.arange(len(self.sizes), device=self.device)
        return (self.owner[:, None] == columns).float()

    def softmax(self, logits: torch.Tensor) -> torch.Tensor:
        """Softmax within each column, shape (batch, width) to (batch, width)."""
        return _column_softmax()(logits, self.owner, self._members)

    def one_hot(self, values: torch.Tensor) -> torch.Tensor:
        """One-hot rows: codes (batch, n_columns) int64 to float32 (batch, width)."""
        import torch

        hot = torch.zeros(len(values), self.width, device=self.device)
        return hot.scatter_(1, values + self.starts, 1.0)


@functools.cache
def _column_softmax() -> Callable[..., torch.Tensor]:
    """Softmax within each column, from logits, the owner of each position, and `_members`.

    Sums over a column's positions are products with `_members`, faster than a scatter. The gradient
    is written out: with outputs p and their gradient g it is p (g - sum of p g over the column).
    """
    import torch

    class ColumnSoftmax(torch.autograd.Function):
        @staticmethod
        def forward(
            context: Any, logits: torch.Tensor, owner: torch.Tensor, members: torch.Tensor
        ) -> torch.Tensor:
            """Logits (batch, width), owner (width,), members (width, n_columns)."""
            index = owner.expand(len(logits), -1)
            top = logits.new_full((len(logits), members.shape[1]), float("-inf"))
            top = top.scatter_reduce(1, index, logits, "amax")  # (batch, n_columns)
            powers = (logits - top.gather(1, index)).exp_()  # (batch, width)
            shares = powers.div_((powers @ members) @ members.T)
            context.save_for_backward(shares, members)
            return shares

        @staticmethod
        def backward(context: Any, outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            shares, members = context.saved_tensors
            weighted = shares * outer
            within = (weighted @ members) @ members.T  # (batch, width)
            return weighted.addcmul_(shares, within, value=-1), None, None

    return cast("Callable[..., torch.Tensor]", ColumnSoftmax.apply)
