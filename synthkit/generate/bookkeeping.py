"""Sums of clipped per-row gradients by book-keeping: one forward and one backward pass, no hooks.

Takes a stack of linear layers and activations with one output, and real rows; gives what DP-SGD
needs of them. For a linear layer with input a_i and output gradient g_i (of row i's own loss), the
row's gradient is g_i a_i' for the weight and g_i for the bias. Its squared norm over all layers is
sum_l |g_il|^2 (|a_il|^2 + 1), and the clipped sum is one matrix product per layer, (c * g)' a with
c_i = min(1, C / norm_i): no gradient of a single row is ever held. Sources: Bu, Wang, Zha and
Karypis, "Differentially private optimization on large model at small cost" (ICML 2023,
arXiv:2210.00038); the norms: Goodfellow 2015 (arXiv:1510.01799).

A row whose norm is not finite (an overflow in float32) contributes nothing: it must not make every
noisy gradient infinite, which would tell that it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_STABLE = 1e-6
"""Added to norms as Opacus does, so that a norm of zero divides nothing."""


def clipped_sum(
    network: torch.nn.Sequential, rows: torch.Tensor, max_grad_norm: float
) -> list[torch.Tensor]:
    """Sums the rows' gradients, each clipped to norm C, of the loss -log sigmoid(D(row)).

    Args:
        network: `torch.nn.Linear` layers (with bias) and activations that act on each cell alone.
        rows: Real rows, shape (batch, width); may be empty.
        max_grad_norm: C.

    Returns:
        One tensor per parameter, in the order of `network.parameters()`, each of its shape.
    """
    inputs, slopes, factors = _clipped_books(network, rows, max_grad_norm)
    sums: list[torch.Tensor] = []
    for entering, slope in zip(inputs, slopes, strict=True):
        clipped = slope * factors[:, None]  # (batch, outputs)
        sums += [clipped.T @ entering, clipped.sum(0)]
    return sums


def products(
    network: torch.nn.Sequential,
    rows: torch.Tensor,
    max_grad_norm: float,
    direction: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Inner products of the rows' clipped gradients, with a direction and with each other.

    Args:
        network: As in `clipped_sum`.
        rows: Shape (batch, width).
        max_grad_norm: C.
        direction: One tensor per parameter.

    Returns:
        Products with the direction, shape (batch,); products of all pairs, shape (batch, batch).
    """
    inputs, slopes, factors = _clipped_books(network, rows, max_grad_norm)
    along, gram = 0.0 * factors, 0.0 * factors[:, None] * factors
    for i, (entering, slope) in enumerate(zip(inputs, slopes, strict=True)):
        weight, bias = direction[2 * i], direction[2 * i + 1]
        along = along + ((slope @ weight) * entering).sum(1) + slope @ bias
        gram = gram + (slope @ slope.T) * (entering @ entering.T + 1.0)
    return along * factors, gram * factors[:, None] * factors


def _books(
    network: torch.nn.Sequential, rows: torch.Tensor
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Returns each linear layer's input (batch, inputs) and output gradient (batch, outputs)."""
    import torch
    from torch.nn.functional import linear, softplus

    inputs: list[torch.Tensor] = []
    outputs: list[torch.Tensor] = []
    here = rows
    for module in network:
        if isinstance(module, torch.nn.Linear):
            inputs.append(here.detach())
            # The weights are detached: only gradients at the layers' outputs are wanted.
            here = linear(here, module.weight.detach(), module.bias.detach())
            if not here.requires_grad:
                here.requires_grad_()
            outputs.append(here)
        else:
            here = module(here)
    # Rows do not mix, so the gradient of the sum holds the gradient of each row's own loss.
    slopes = torch.autograd.grad(softplus(-here).sum(), outputs)
    return inputs, list(slopes)


def _squared_norms(entering: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    """Squared norm of each row's gradient in one layer, bias included, shape (batch,)."""
    return slope.square().sum(1) * (entering.square().sum(1) + 1.0)


def _clipped_books(
    network: torch.nn.Sequential, rows: torch.Tensor, max_grad_norm: float
) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
    """Returns the books and what each row's gradient is multiplied with, at most 1, (batch,)."""
    inputs, slopes = _books(network, rows)
    squared = sum(
        (_squared_norms(a, g) for a, g in zip(inputs[1:], slopes[1:], strict=True)),
        start=_squared_norms(inputs[0], slopes[0]),
    )  # (batch,)
    lost = ~squared.isfinite()  # (batch,)
    if bool(lost.any()):  # 0 * inf is not 0: such a row must leave the books as well
        inputs = [a.masked_fill(lost[:, None], 0.0) for a in inputs]
        slopes = [g.masked_fill(lost[:, None], 0.0) for g in slopes]
    factors = (max_grad_norm / (squared.sqrt() + _STABLE)).clamp(max=1.0)
    return inputs, slopes, factors.masked_fill(lost, 0.0)
