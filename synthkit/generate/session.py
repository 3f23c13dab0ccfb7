"""One private fit from start to end: what is measured, who draws what, on which device.

Takes codes, noisy one-way tables and a plan, gives the trained generator network on the CPU.
Two families of randomness that never mix: `public` from the user's seed, `secret` from the
operating system.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import InputError
from synthkit.generate import Plan, Progress, patience, price
from synthkit.generate.conditions import Conditions
from synthkit.generate.consistency import reconciled, variances
from synthkit.generate.critic import PrivateCritic, discriminator
from synthkit.generate.device import resolve
from synthkit.generate.layout import Layout, shares
from synthkit.generate.network import generator_network, initialise
from synthkit.generate.poisson import PoissonUnits
from synthkit.generate.training import Anchor, Trainer
from synthkit.generate.two_way import TARGET_TWO_WAY, THREE_WAY, TWO_WAY, JointTables, measure
from synthkit.privacy.event import NoisyGradients, NoisyTables

if TYPE_CHECKING:
    import torch

    from synthkit.artifacts import Codes, OneWayTables


def train(
    codes: Codes,
    one_way: OneWayTables,
    plan: Plan,
    *,
    seed: int,
    device: str,
    progress: Progress | None,
) -> tuple[torch.nn.Module, tuple[torch.Tensor, torch.Tensor]]:
    """Trains a generator network; see `dpctgan.fit` for the arguments.

    Returns:
        The network, and the latents and positions of conditions it was trained on.

    Raises:
        InputError: If the tables do not carry the noise that the plan set.
    """
    import torch

    if one_way.sigma is None or one_way.sigma != plan.one_way_sigma:
        raise InputError(
            "The one-way tables do not carry the noise of the plan.",
            hint="Measure them with the plan's table_sigma.",
        )
    place, options = resolve(device), plan.options
    layout = Layout(codes.sizes, place)
    probabilities = shares(one_way)
    public = torch.Generator(place).manual_seed(seed)
    weights_source = torch.Generator().manual_seed(seed)  # on the CPU: same start everywhere
    network = generator_network(
        int(options["latent"]), layout.width, int(options["hidden"]), int(options["blocks"])
    )
    initialise(network, weights_source)
    two_way, two_way_sigma = _two_way(codes, one_way, plan, probabilities)
    anchor = Anchor(
        np.concatenate(probabilities),
        np.concatenate(variances(one_way)),
        two_way,
        two_way_sigma,
        place,
    )
    if two_way is not None:
        probabilities = reconciled(one_way, probabilities, two_way, two_way_sigma)
    information_weight = float(options["information_weight"])
    if information_weight == price.AUTOMATIC:
        information_weight = price.automatic_weight(two_way_sigma, one_way.units, len(codes.sizes))
    trainer = Trainer(
        network=network.to(place),
        layout=layout,
        conditions=Conditions(probabilities, place),
        anchor=anchor,
        public=public,
        options={**options, "information_weight": information_weight},
        units=one_way.units,
        progress=progress,
    )
    gradients = next((e for e in plan.events if isinstance(e, NoisyGradients)), None)
    critic, rows = None, None
    if gradients is not None:
        critic, rows = _private_part(codes, one_way, plan, gradients, layout, weights_source)
    match_steps = int(options["match_steps"])
    if match_steps == patience.AUTOMATIC:
        match_steps = patience.automatic_steps(two_way_sigma, one_way.units)
    trained, bank = trainer.run(
        match_steps=match_steps,
        rows=rows,
        critic=critic,
        critic_steps=gradients.steps if gradients else 0,
    )
    return trained.cpu(), (bank[0].cpu(), bank[1].cpu())


def _two_way(
    codes: Codes, one_way: OneWayTables, plan: Plan, probabilities: tuple[np.ndarray, ...]
) -> tuple[JointTables | None, float]:
    """Measures the joint tables if the plan bought them; also returns their noise's std."""
    bought = {e.name: e.sigma for e in plan.events if isinstance(e, NoisyTables)}
    is_three_way = THREE_WAY in bought
    sigma = bought.get(THREE_WAY if is_three_way else TWO_WAY)
    if sigma is None:
        return None, 0.0
    tables = measure(
        codes,
        probabilities,
        units=one_way.units,
        sigma=sigma,
        max_cells=int(plan.options["two_way_cells"]),
        rows_per_unit=plan.rows_per_unit,
        target=plan.targets[0] if is_three_way else None,
        targets=plan.targets,
        target_sigma=bought.get(TARGET_TWO_WAY),
    )
    return tables, sigma * math.sqrt(plan.rows_per_unit)


def _private_part(
    codes: Codes,
    one_way: OneWayTables,
    plan: Plan,
    event: NoisyGradients,
    layout: Layout,
    weights_source: torch.Generator,
) -> tuple[PrivateCritic, Callable[[], torch.Tensor]]:
    """Builds the critic and the source of its real rows, exactly as the event was charged."""
    from synthkit.privacy.mechanism import secret_torch_generator

    options = plan.options
    network = discriminator(
        layout.width, int(options["critic_hidden"]), int(options["critic_layers"])
    )
    initialise(network, weights_source)
    secret = secret_torch_generator(layout.device)
    most = plan.rows_per_unit
    critic = PrivateCritic(
        network.to(layout.device),
        # A unit brings up to `most` rows, each clipped to its part of C: together at most C.
        max_grad_norm=float(options["max_grad_norm"]) / most,
        noise_multiplier=event.noise_multiplier * most,
        expected_batch=max(event.sample_rate * one_way.units, 1.0),
        learning_rate=float(options["critic_learning_rate"]),
        generator=secret,
    )
    units = PoissonUnits(
        codes.units, sample_rate=event.sample_rate, generator=secret, rows_per_unit=most
    )
    values = _stored(codes.values, layout.device)

    def rows() -> torch.Tensor:
        picked = values[units.draw()].long() & 0xFFFF  # (batch, n_columns)
        return layout.one_hot(picked)  # (batch, width)

    return critic, rows


def _stored(values: np.ndarray, device: torch.device) -> torch.Tensor:
    """Returns all codes as a tensor of their own width (on the CPU, the same memory).

    Codes of 16 bits come as signed ones: devices can index few kinds of unsigned numbers.
    """
    import torch

    kind = values.dtype if values.dtype == np.uint8 else np.dtype(np.int16)
    return torch.as_tensor(values.view(kind), device=device)
