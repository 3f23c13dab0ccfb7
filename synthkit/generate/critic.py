"""A discriminator whose real rows reach it only through Opacus' DP-SGD.

Takes one-hot real rows and fake rows, gives one optimiser step. The gradient of a step is

    (sum over real rows i of clip_C(grad loss(D(x_i))) + N(0, (nm * C)^2 I)) / B  +  grad fake term

with B = sample rate times the noisy, public number of units: never the realised batch size. The
fake term is a function of earlier noisy gradients and public randomness, hence post-processing; it
is added after clipping and noise. Per-row norms come from ghost clipping (Li et al. 2022; Bu et
al. 2023, as in Opacus 1.6), which holds no per-row gradient in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthkit.generate.network import unset_linear
from synthkit.privacy.root_logger import root_logger_kept

if TYPE_CHECKING:
    import torch


def discriminator(width: int, hidden: int, layers: int) -> torch.nn.Sequential:
    """Builds an MLP (width -> hidden x layers -> 1), LeakyReLU, no normalisation, no dropout.

    Batch normalisation would mix rows and void per-row clipping. Weights are unset.
    """
    from torch import nn

    parts: list[nn.Module] = []
    inner = width
    for _ in range(layers):
        parts += [unset_linear(inner, hidden), nn.LeakyReLU(0.2)]
        inner = hidden
    return nn.Sequential(*parts, unset_linear(inner, 1))


class PrivateCritic:
    """A discriminator under DP-SGD, built by hand from public numbers.

    `make_private` of Opacus is not used: it takes sample rate and batch size from the exact number
    of rows.

    Args:
        network: Module without buffers, (batch, width) to (batch, 1).
        max_grad_norm: C, the L2 norm to which each row's whole gradient is clipped.
        noise_multiplier: Std of the noise divided by C.
        expected_batch: B, a public number.
        learning_rate: Of Adam, with betas (0.5, 0.9).
        generator: Secret generator of the noise, on the network's device.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        *,
        max_grad_norm: float,
        noise_multiplier: float,
        expected_batch: float,
        learning_rate: float,
        generator: torch.Generator,
    ) -> None:
        import torch

        with root_logger_kept():
            from opacus.grad_sample import GradSampleModuleFastGradientClipping
            from opacus.optimizers import DPOptimizerFastGradientClipping
            from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

        self.network = network.train()  # in eval mode Opacus' hooks are silent
        self._params = [p for p in network.parameters() if p.requires_grad]
        self._wrapped = GradSampleModuleFastGradientClipping(
            network, max_grad_norm=max_grad_norm, use_ghost_clipping=True, loss_reduction="mean"
        )
        self._wrapped.disable_hooks()  # on for real rows alone: a second forward breaks the stack
        self.optimizer = DPOptimizerFastGradientClipping(
            torch.optim.Adam(self._params, lr=learning_rate, betas=(0.5, 0.9)),
            noise_multiplier=noise_multiplier,
            max_grad_norm=max_grad_norm,
            expected_batch_size=expected_batch,
            loss_reduction="mean",
            generator=generator,
            secure_mode=True,  # sums four draws: Opacus' answer to floating-point attacks
        )
        self._loss = torch.nn.BCEWithLogitsLoss()
        self._private_loss = DPLossFastGradientClipping(
            self._wrapped, self.optimizer, self._loss, loss_reduction="mean"
        )

    def score(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns logits of rows that are not real, (batch, width) to (batch,); unhooked."""
        logits: torch.Tensor = self.network(rows).squeeze(1)  # (batch,)
        return logits

    def step(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        """Makes one step of the discriminator.

        Args:
            real: One-hot real rows, one per sampled unit, shape (batch, width); may be empty.
            fake: Generated rows, shape (any, width), detached.
        """
        self._gradient(real, fake)
        self.optimizer.original_optimizer.step()

    def _gradient(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        """Leaves the noisy real gradient plus the fake gradient in `p.grad`."""
        import torch

        # Whatever lies in p.grad at pre_step counts as clipped: start from nothing.
        self.optimizer.zero_grad()
        scores = self.score(fake)
        fake_loss = self._loss(scores, torch.zeros_like(scores))
        fake_gradient = torch.autograd.grad(fake_loss, self._params)
        # PRIVACY: the only place where this room's networks see real rows; charged as
        # `NoisyGradients`. The loss is never read, printed or returned.
        self._wrapped.enable_hooks()
        logits = self._wrapped(real).squeeze(1)  # (batch,): a second axis would broadcast
        private: Any = self._private_loss(logits, torch.ones_like(logits))
        private.backward()
        self._wrapped.disable_hooks()
        self.optimizer.pre_step()  # clipped sum + noise, divided by the expected batch
        for parameter, gradient in zip(self._params, fake_gradient, strict=True):
            assert parameter.grad is not None
            parameter.grad += gradient
