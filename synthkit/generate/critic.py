"""A discriminator whose real rows reach it only through DP-SGD, by Opacus.

Takes one-hot real rows and fake rows, gives one optimiser step. The gradient of a step is

    (sum over real rows i of clip_C(grad loss(D(x_i))) + N(0, (nm * C)^2 I)) / B  +  grad fake term

with B = sample rate times the noisy, public number of units: never the realised batch size. The
fake term is a function of earlier noisy gradients and public randomness, hence post-processing; it
is added after clipping and noise.

The clipped sum comes from one of two engines that hold no per-row gradient in memory and agree to
1e-5: `bookkeeping` (the fast one, which fits use) and `ghost` (Opacus' ghost clipping: Li et al.
2022; Bu et al. 2023), the reference of tests and benchmarks. `ghost` is no option of a fit: it
passes on a gradient that is not finite, which tells that the row is there. Noise, division and the
step of the optimiser are Opacus' in both.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from synthkit.generate import bookkeeping
from synthkit.generate.network import unset_linear
from synthkit.privacy import mechanism
from synthkit.privacy.root_logger import root_logger_kept

if TYPE_CHECKING:
    import torch

ENGINES = ("bookkeeping", "ghost")


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
        network: Linear layers and activations, no buffers: (batch, width) to (batch, 1).
        max_grad_norm: C, the L2 norm to which each row's whole gradient is clipped.
        noise_multiplier: Std of the noise divided by C.
        expected_batch: B, a public number.
        learning_rate: Of Adam, with betas (0.5, 0.9).
        generator: Secret generator of the noise, on the network's device.
        engine: `bookkeeping`, or `ghost` for Opacus' own clipping.
    """

    def __init__(
        self,
        network: torch.nn.Sequential,
        *,
        max_grad_norm: float,
        noise_multiplier: float,
        expected_batch: float,
        learning_rate: float,
        generator: torch.Generator,
        engine: str = ENGINES[0],
    ) -> None:
        import torch

        self._max_grad_norm = max_grad_norm
        self._pid = os.getpid()
        self.network = network.train()  # in eval mode Opacus' hooks are silent
        self._params: list[Any] = [p for p in network.parameters() if p.requires_grad]
        self._loss = torch.nn.BCEWithLogitsLoss()
        with root_logger_kept():
            from opacus.optimizers import DPOptimizerFastGradientClipping

        self.optimizer = DPOptimizerFastGradientClipping(
            torch.optim.Adam(self._params, lr=learning_rate, betas=(0.5, 0.9)),
            noise_multiplier=noise_multiplier,
            max_grad_norm=max_grad_norm,
            expected_batch_size=expected_batch,
            loss_reduction="mean",
            generator=generator,
            secure_mode=True,  # sums four draws: Opacus' answer to floating-point attacks
        )
        self._ghost = None if engine == "bookkeeping" else _Ghost(self)

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

        mechanism.require_same_process(self._pid)
        # Whatever lies in p.grad at pre_step counts as clipped: start from nothing.
        self.optimizer.zero_grad()
        scores = self.score(fake)
        fake_loss = self._loss(scores, torch.zeros_like(scores))
        fake_gradient = torch.autograd.grad(fake_loss, self._params)
        # PRIVACY: the only place where this room's networks see real rows; charged as
        # `NoisyGradients`. The loss is never read, printed or returned.
        if self._ghost is not None:
            self._ghost.collect(real)
        else:
            sums = bookkeeping.clipped_sum(self.network, real, self._max_grad_norm)
            for parameter, total in zip(self._params, sums, strict=True):
                parameter.grad = total
        self.optimizer.pre_step()  # clipped sum + noise, divided by the expected batch
        self._show_noise()
        for parameter, gradient in zip(self._params, fake_gradient, strict=True):
            assert parameter.grad is not None
            parameter.grad += gradient

    def _show_noise(self) -> None:
        """Passes the step's noisy mean by the seam of tests and audits; changes nothing else."""
        if not mechanism.is_watched():
            return
        shown = mechanism.shown(
            "noisy_gradient",
            {
                "sums": [p.summed_grad for p in self._params],
                "std": self.optimizer.noise_multiplier * self.optimizer.max_grad_norm,
                "divisor": self.optimizer.expected_batch_size,
                "max_grad_norm": self._max_grad_norm,
                "network": self.network,
            },
            [p.grad for p in self._params],
        )
        for parameter, gradient in zip(self._params, shown, strict=True):
            parameter.grad = gradient.clone()


class _Ghost:
    """Opacus' ghost clipping around a critic's network: leaves the clipped sum in `p.grad`."""

    def __init__(self, critic: PrivateCritic) -> None:
        with root_logger_kept():
            from opacus.grad_sample import GradSampleModuleFastGradientClipping
            from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

        self.wrapped = GradSampleModuleFastGradientClipping(
            critic.network,
            max_grad_norm=critic._max_grad_norm,
            use_ghost_clipping=True,
            loss_reduction="mean",
        )
        self.wrapped.disable_hooks()  # on for real rows alone: a second forward breaks the stack
        self.loss: Any = DPLossFastGradientClipping(
            self.wrapped, critic.optimizer, critic._loss, loss_reduction="mean"
        )

    def collect(self, real: torch.Tensor) -> None:
        """Runs forward and backward on real rows, shape (batch, width); may be empty."""
        import torch

        self.wrapped.enable_hooks()
        logits = self.wrapped(real).squeeze(1)  # (batch,): a second axis would broadcast
        self.loss(logits, torch.ones_like(logits)).backward()
        self.wrapped.disable_hooks()
