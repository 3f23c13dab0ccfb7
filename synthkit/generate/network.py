"""The generator network: latent and condition in, one softmax per column out.

Residual blocks that append their output to their input, as in CTGAN (Xu et al. 2019,
arXiv:1907.00503, section 4.4). The condition is a one-hot vector, so what a layer makes of it is
one column of the layer's weights, looked up instead of multiplied: the same numbers for less work.
Batch normalisation is harmless here: this network never sees a real row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def unset_linear(inner: int, outer: int) -> torch.nn.Module:
    """Makes a linear layer whose weights are yet to be drawn; no global generator moves.

    (`torch.nn.utils.skip_init` says the same, and loads torch's compiler for it: a CPU second.)
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        return torch.nn.Linear(inner, outer, device="cpu")


def initialise(network: torch.nn.Module, generator: torch.Generator) -> None:
    """Draws all linear layers' weights uniformly within 1 / sqrt(inputs), from `generator` alone.

    torch's own start comes from its global generator, which no one should depend on.
    """
    import torch

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Linear):
                bound = module.in_features**-0.5
                module.weight.uniform_(-bound, bound, generator=generator)
                module.bias.uniform_(-bound, bound, generator=generator)


def generator_network(latent: int, width: int, hidden: int, blocks: int) -> torch.nn.Module:
    """Builds the network, weights unset.

    It is called with latents, shape (batch, latent), and the positions of the conditions on the
    one-hot axis, shape (batch,), int64, and gives logits, shape (batch, width).
    """
    import torch
    from torch import nn

    def conditioned(layer: Any, rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """The layer at [rows, one-hot condition]: (batch, i) and (batch,) to (batch, outer)."""
        n = rows.shape[1]
        of_rows: torch.Tensor = nn.functional.linear(rows, layer.weight[:, :n], layer.bias)
        of_condition: torch.Tensor = layer.weight[:, n:].T[positions]
        return of_rows + of_condition

    class Residual(nn.Module):
        """Appends a normalised hidden layer to its input: (batch, i) to (batch, i + hidden)."""

        def __init__(self, inner: int) -> None:
            super().__init__()
            self.layer = unset_linear(inner, hidden)
            self.norm = nn.BatchNorm1d(hidden)

        def forward(self, rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
            hidden_rows = torch.relu(self.norm(conditioned(self.layer, rows, positions)))
            return torch.cat([hidden_rows, rows], dim=1)

    class Conditional(nn.ModuleList):
        """The blocks, then a linear layer."""

        def forward(self, rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
            *inner_blocks, last = self
            for block in inner_blocks:
                rows = block(rows, positions)
            return conditioned(last, rows, positions)

    inner = latent + width
    parts: list[nn.Module] = []
    for _ in range(blocks):
        parts.append(Residual(inner))
        inner += hidden
    return Conditional([*parts, unset_linear(inner, width)])
