"""Trains the generator network: first against noisy tables, then against the private critic.

Takes only what already carries its noise (tables) or adds it itself (`PrivateCritic`), gives a
network ready for sampling. Step 1 is moment matching (as in GEM: Liu, Vietri and Wu 2021,
arXiv:2106.07153): the expected two-way tables of a batch of softmax outputs P (batch, width) are
P'P / batch, one matrix product (one per code of the target, where three-way tables were bought),
pulled to the noisy ones. A bank of fixed latents makes this deterministic: the network then learns
the parameters of that many products of distributions, and how much the products may differ from
each other is bounded by the noise (`information_weight`). Step 2 adds the non-saturating GAN loss
(Goodfellow et al. 2014) of a discriminator under DP-SGD, with the tables as anchor.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from synthkit.generate import Progress, ProgressEvent
from synthkit.generate.adam import Adam
from synthkit.generate.conditions import Conditions
from synthkit.generate.layout import Layout
from synthkit.generate.two_way import ThreeWayTables

if TYPE_CHECKING:
    import torch

    Inputs = tuple[torch.Tensor, torch.Tensor]
    """Latents, shape (n, latent), and positions of conditions, shape (n,), int64."""

    from synthkit.generate.critic import PrivateCritic
    from synthkit.generate.two_way import JointTables

_EMA_DECAY = 0.99
_BETAS = (0.9, 0.9)
"""Of Adam against the tables. The loss falls by orders of magnitude on the way, and no noise of
batches has to be averaged away: a long memory of the gradients' size only makes steps too small
(docs/decisions/0030)."""
_REPORTS = 200
"""Progress is reported about this often in a fit."""


class Anchor:
    """Squared distance of a batch's expected tables to the noisy tables, weighted by precision.

    Args:
        one_way: Noisy shares of all codes, shape (width,).
        one_way_variance: Variance of their noise, in counts, shape (width,).
        two_way: Noisy joint shares, if they were bought.
        two_way_sigma: Std of their noise, in counts, where none of a pair is a target.
        device: Where batches lie.

    Attributes:
        noise: Variance of the noise of a cell of the joint tables (without them, of the least
            noisy one-way cell), in counts.
        cells: Number of noisy cells.
    """

    def __init__(
        self,
        one_way: np.ndarray,
        one_way_variance: np.ndarray,
        two_way: JointTables | None,
        two_way_sigma: float,
        device: torch.device,
    ) -> None:
        import torch

        self._one_way = torch.as_tensor(one_way, dtype=torch.float32, device=device)  # (width,)
        # Relative to a cell of the pair tables: the squared loss is then the noise's likelihood.
        scale = float(one_way_variance.min()) if two_way is None else two_way_sigma**2
        self.noise = scale
        weight = scale / np.maximum(one_way_variance, 1e-12)
        self._weight = torch.as_tensor(weight, dtype=torch.float32, device=device)  # (width,)
        self.cells = len(one_way)
        self._slices: torch.Tensor | None = None
        if two_way is not None:
            self._groups = torch.as_tensor(two_way.groups, device=device)  # (width,)
            self._slices = torch.as_tensor(two_way.slices, device=device)  # (n, folded, folded)
            weights = two_way.weights()
            self.cells += len(two_way.slices) * int((weights > 0).sum()) // 2
            self._weights = torch.as_tensor(weights, device=device).float()  # (folded, folded)
            self._is_folded = sum(two_way.sizes) < len(two_way.groups)
            self._target: slice | None = None
            if isinstance(two_way, ThreeWayTables):
                start = sum(two_way.sizes[: two_way.target])
                self._target = slice(start, start + two_way.sizes[two_way.target])

    def __call__(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Returns the loss of softmax outputs, shape (batch, width), as a scalar tensor."""
        mean = probabilities.mean(0)  # (width,)
        loss = (self._weight * (mean - self._one_way).square()).sum()
        if self._slices is None:
            return loss
        rows = probabilities
        if self._is_folded:
            rows = probabilities.new_zeros(len(probabilities), len(self._weights))
            rows = rows.index_add(1, self._groups, probabilities)  # (batch, folded)
        if self._target is None:
            return loss + _table_distance()(rows, None, self._slices, self._weights)
        codes = rows[:, self._target]  # (batch, n)
        return loss + _table_distance()(rows, codes, self._slices, self._weights)


@functools.cache
def _table_distance() -> Callable[..., torch.Tensor]:
    """Half the squared distance of P' diag(w_s) P / batch to each measured matrix s, weighted.

    Written out because the matrices are symmetric: with gap G, weighted, the gradient of P is
    2 diag(w_s) P G / batch, one product where automatic differentiation would make two.
    """
    import torch

    class Distance(torch.autograd.Function):
        @staticmethod
        def forward(
            context: Any,
            rows: torch.Tensor,
            weights: torch.Tensor | None,
            slices: torch.Tensor,
            precision: torch.Tensor,
        ) -> torch.Tensor:
            """Rows (batch, folded), weights (batch, n) or None: 1, slices (n, folded, folded)."""
            weighted = [rows] if weights is None else [rows * w[:, None] for w in weights.T]
            distances, gaps = [], []
            for one, measured in zip(weighted, slices, strict=True):
                difference = rows.T @ one / len(rows) - measured  # (folded, folded), symmetric
                gaps.append(difference * precision)
                distances.append((difference * gaps[-1]).sum())
            context.save_for_backward(rows, weights, *gaps)
            return 0.5 * torch.stack(distances).sum()

        @staticmethod
        def backward(context: Any, outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            rows, weights, *gaps = context.saved_tensors
            scale = outer / len(rows)
            if weights is None:
                return 2 * scale * (rows @ gaps[0]), None, None, None
            of_rows, of_weights = torch.zeros_like(rows), torch.empty_like(weights)
            for s, gap in enumerate(gaps):
                product = rows @ gap  # (batch, folded)
                of_weights[:, s] = (product * rows).sum(1)
                of_rows.addcmul_(product, weights[:, s, None])
            return 2 * scale * of_rows, scale * of_weights, None, None

    return cast("Callable[..., torch.Tensor]", Distance.apply)


@dataclass(kw_only=True)
class Trainer:
    """Holds the network, public randomness and the running average of the weights."""

    network: torch.nn.Module
    layout: Layout
    conditions: Conditions
    anchor: Anchor
    public: torch.Generator
    """Generator of latents, conditions and Gumbel noise: seeded, never secret."""
    options: Mapping[str, Any]
    units: float
    """Noisy number of units."""
    progress: Progress | None = None

    def __post_init__(self) -> None:
        self.bank = draw_bank(int(self.options["bank"]), self)
        self.average = copy.deepcopy(self.network)
        self._done = self._private_steps = 0
        self._distance: torch.Tensor | None = None
        self._first_done = 0.0
        self._total = 0

    def run(
        self,
        *,
        match_steps: int,
        critic: PrivateCritic | None = None,
        rows: Callable[[], torch.Tensor] | None = None,
        critic_steps: int = 0,
    ) -> tuple[torch.nn.Module, Inputs]:
        """Runs both steps in full: no early stop, no choice by real rows.

        Args:
            match_steps: Steps against the tables alone.
            critic: Discriminator under DP-SGD, or None where no budget was set aside for it.
            rows: Gives the one-hot real rows of one Poisson step, shape (batch, width).
            critic_steps: Number of steps of DP-SGD; all are made.

        Returns:
            The network with averaged weights, in evaluation mode, and its bank.
        """
        self._total = match_steps + (critic_steps if critic else 0)
        with tiny_numbers_as_zero():
            self._match(match_steps)
        if critic is not None and rows is not None:
            with warnings.catch_warnings():
                # One-hot rows need no gradient; torch warns each time Opacus' hooks see that.
                warnings.filterwarnings("ignore", message="Full backward hook is firing")
                self._refine(critic, rows, critic_steps)
        return self._finished(), self.bank

    def _forward(self, batch: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns logits (batch, width) and conditions' positions (batch,); None: of the bank."""
        import torch

        latents, positions = self.bank
        if batch is not None:
            place = self.public.device
            chosen = torch.randint(len(latents), (batch,), generator=self.public, device=place)
            latents, positions = latents[chosen], positions[chosen]
        logits: torch.Tensor = self.network(latents, positions)  # (batch, width)
        return logits, positions

    def _table_loss(self, logits: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        probabilities = self.layout.softmax(logits)  # (batch, width)
        hit = probabilities.gather(1, positions[:, None])  # (batch, 1)
        obeyed = -(hit + 1e-6).log().mean()
        weight: float = self.options["anchor_weight"]
        distance = self.anchor(probabilities)
        self._distance = distance.detach()
        loss = weight * distance + obeyed
        share: float = self.options["information_weight"] * self.anchor.noise / self.units**2
        return loss + weight * share * information(probabilities)

    def _match(self, steps: int) -> None:
        import torch

        parameters = list(self.network.parameters())
        optimizer = Adam(parameters, betas=_BETAS)
        for step in range(steps):
            rate = self.options["learning_rate"] * (1 + math.cos(math.pi * step / steps)) / 2
            loss = self._table_loss(*self._forward())
            optimizer.step(torch.autograd.grad(loss, parameters), rate)
            self._follow(min(_EMA_DECAY, (step + 1) / (step + 10)))
            self._report()

    def _refine(self, critic: PrivateCritic, rows: Callable[[], torch.Tensor], steps: int) -> None:
        import torch
        from torch.nn.functional import softplus

        parameters = list(self.network.parameters())
        optimizer = Adam(parameters, betas=(0.5, 0.9))
        batch = self.options["batch_size"]
        for step in range(steps):
            with torch.no_grad():
                fake = self._gumbel_softmax(self._forward(batch)[0])  # (batch, width)
            critic.step(rows(), fake)
            self._private_steps += 1
            if (step + 1) % self.options["critic_steps_per_step"] == 0:
                logits, positions = self._forward()
                scores = critic.score(self._gumbel_softmax(logits))  # (bank,)
                loss = softplus(-scores).mean() + self._table_loss(logits, positions)
                gradients = torch.autograd.grad(loss, parameters)  # leaves the critic's alone
                optimizer.step(gradients, self.options["adversarial_learning_rate"])
                self._follow(_EMA_DECAY)
            self._report()

    def _gumbel_softmax(self, logits: torch.Tensor) -> torch.Tensor:
        """Relaxed one-hot draws per column (Jang et al. 2017), shape (batch, width)."""
        import torch

        uniform = torch.rand(logits.shape, generator=self.public, device=logits.device)
        gumbel = -torch.log(-torch.log(uniform.clamp(1e-9, 1 - 1e-7)))
        return self.layout.softmax((logits + gumbel) / self.options["temperature"])

    def _follow(self, decay: float) -> None:
        """Moves the averaged weights towards the current ones."""
        import torch

        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)

    def _finished(self) -> torch.nn.Module:
        """Gives the averaged network statistics of its own for batch normalisation."""
        import torch

        self.network = self.average.train()
        for module in self.network.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.reset_running_stats()
                module.momentum = None  # plain mean over the batches that follow
        with torch.no_grad():
            self._forward()
        return self.network.eval()

    def _report(self) -> None:
        """Tells the progress; the device is asked for the loss at the few steps that are told."""
        self._done += 1
        if self._done == 1:
            self._first_done = time.monotonic()
        is_due = self._done % max(1, self._total // _REPORTS) == 0 or self._done == self._total
        if self.progress is None or not is_due:
            return
        # The first step also pays for loading kernels: it says nothing of those that follow.
        since = self._done - 1
        per_step = (time.monotonic() - self._first_done) / since if since else None
        # Of noisy tables and of a network that learned from noise alone: no real row decides it.
        loss = None
        if self._distance is not None and self.anchor.noise > 0:
            scale = self.units**2 / (self.anchor.noise * self.anchor.cells)
            loss = float(self._distance) * scale
        self.progress(
            ProgressEvent(
                step=self._done,
                steps=self._total,
                seconds_left=None if per_step is None else per_step * (self._total - self._done),
                loss=loss,
                private_steps=self._private_steps,
            )
        )


@contextlib.contextmanager
def tiny_numbers_as_zero() -> Iterator[None]:
    """Lets numbers below 1e-38 be zero in this thread, then sets back what held before.

    Where noise is small some probabilities come that close to zero, and a CPU takes many times
    longer for a product with such a number: a fourth of the steps' time on a million rows of Adult.
    """
    import torch

    was_so = float(torch.tensor(1e-40, device="cpu") * 1.0) == 0.0
    torch.set_flush_denormal(True)  # says False where the CPU cannot: then all is as it was
    try:
        yield
    finally:
        torch.set_flush_denormal(was_so)


def draw_bank(size: int, trainer: Trainer) -> Inputs:
    """Draws the fixed inputs of the network; conditions evenly spread over the noisy tables.

    Args:
        size: Number of inputs.
        trainer: Whose public randomness, conditions and options decide.

    Returns:
        Latents, shape (size, latent), and the conditions' positions, shape (size,).
    """
    import torch

    generator = trainer.public
    latents = torch.randn(
        size, int(trainer.options["latent"]), generator=generator, device=generator.device
    )
    return latents, trainer.conditions.spread(size, generator)


def information(probabilities: torch.Tensor) -> torch.Tensor:
    """How much a row of the bank tells of each column: mutual information in nats, summed.

    Noise in the tables is fitted by making the rows of the bank more different than they need be;
    the maximum-entropy answer to noisy tables is the one that knows least beyond them.

    Args:
        probabilities: Softmax per column, shape (batch, width).
    """
    logs = (probabilities + 1e-9).log()
    mean = probabilities.mean(0)  # (width,)
    return (probabilities * logs).sum(1).mean() - (mean * (mean + 1e-9).log()).sum()
