"""Layer B of the audit: one noisy gradient with and without a row at its worst, and the sampler.

The discriminator that the plan sets draws noisy gradients of a few rows, with and without one row
whose raw gradient is far longer than the clip norm. From the draws alone come lower bounds, both
at confidence 1 - 1e-6, on how far the row moves the sum (against C) and on mu (against
1 / noise_multiplier). The noise multiplier is set to 1 here, where so few draws see most: its real
value enters the claim as a number, and the one-run audit measures it.

The sampler draws the units of many steps: how often each one enters, and how the sizes of the
steps scatter, must be those of independent coins of the charged rate.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from synthkit.artifacts import AuditCheck, Codes
from synthkit.pipeline.making import Planned
from synthkit.privacy.event import NoisyGradients

if TYPE_CHECKING:
    import torch

    from synthkit.generate.critic import PrivateCritic

ALPHA = 1e-6
DRAWS = 400
NOISE = 1.0
COMPANY = 4
EXPECTED_BATCH = 5.0
LENGTH = 1000.0
"""How much longer than a one-hot row the worst row is."""
STEPS = 2000
MOST_UNITS = 20_000
LEAST_MU = 0.2
"""Below this bound the test saw too little of a true mu of 1 to count."""


def checks(job: Planned, codes: Codes) -> Iterator[AuditCheck]:
    """Audits one step of the plan's discriminator; nothing for generators without one.

    Args:
        job: The plan that is audited.
        codes: Real rows as codes; only their units and sizes are used.
    """
    event = next((e for e in job.plan.events if isinstance(e, NoisyGradients)), None)
    if event is None or "max_grad_norm" not in job.plan.options:
        return
    yield gradient_check(job, sum(codes.sizes))
    yield sampler_check(codes.units, event.sample_rate, job.plan.rows_per_unit)


def gradient_check(job: Planned, width: int) -> AuditCheck:
    """Bounds what one noisy gradient tells of one row."""
    from synthkit.evaluate.audit.gaussian_fit import mu_bound

    clip = float(job.plan.options["max_grad_norm"]) / job.plan.rows_per_unit
    company, worst = _rows(width)
    effect = _effect(job, clip, company, worst)  # (n_parameters,)
    length = float(np.linalg.norm(effect))
    critic = _critic(job, clip, NOISE, width)
    directions = _directions(effect, [p.numel() for p in critic._params])
    # In turns, so that what drifts from draw to draw falls on both alike.
    draws = [[directions @ _sum(critic, rows) for rows in (company, worst)] for _ in range(DRAWS)]
    values = np.array(draws)  # (DRAWS, 2, n_directions)
    shifts = values[:, 1].mean(axis=0) - values[:, 0].mean(axis=0)
    # Measured from the first draw: rounding of a constant must not look like noise.
    stds = np.sqrt((values - values[0]).var(axis=0, ddof=1).mean(axis=0))
    level = ALPHA / len(directions)
    mu = max(
        mu_bound(float(shift), float(std), (DRAWS, DRAWS), level)
        for shift, std in zip(shifts, stds, strict=True)
    )
    reason = (
        f"A row at the clip norm {clip:.3g} moves the sum by {length:.3g}; {DRAWS} draws with it "
        f"and without show mu {mu:.2f} at least, where noise of this size permits {1 / NOISE:g}."
    )
    is_over = length > clip * (1 + 1e-3) or mu > 1 / NOISE
    return AuditCheck(
        layer="step",
        name="one noisy gradient",
        outcome="fail" if is_over else "inconclusive" if mu < LEAST_MU else "pass",
        reason=reason,
    )


def _directions(effect: np.ndarray, sizes: list[int]) -> np.ndarray:
    """The row's effect as a whole and within each tensor, each of length 1, fixed beforehand."""
    parts = [effect]
    for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        part = np.zeros_like(effect)
        part[start : start + size] = effect[start : start + size]
        if part.any():
            parts.append(part)
    return np.stack([p / np.linalg.norm(p) for p in parts])


def sampler_check(units: np.ndarray, rate: float, rows_per_unit: int) -> AuditCheck:
    """Counts how often units enter steps, against independent coins of the charged rate."""
    from scipy import stats

    from synthkit.generate import poisson
    from synthkit.privacy.mechanism import secret_torch_generator

    few = units[units < MOST_UNITS]
    n = int(few.max()) + 1
    sampler = poisson.PoissonUnits(
        few,
        sample_rate=rate,
        generator=secret_torch_generator("cpu"),
        rows_per_unit=rows_per_unit,
    )
    counts, sizes, most = np.zeros(n), np.zeros(STEPS), 0
    for step in range(STEPS):
        brought = np.bincount(few[sampler.draw().numpy()], minlength=n)
        most = max(most, int(brought.max()))
        counts += brought > 0
        sizes[step] = (brought > 0).sum()
    level = ALPHA / (2 * n + 2)
    low, high = stats.binom.ppf([level, 1 - level], STEPS, rate)
    spread = (STEPS - 1) * sizes.var(ddof=1) / max(n * rate * (1 - rate), 1e-300)
    tail = 2 * min(stats.chi2.cdf(spread, STEPS - 1), stats.chi2.sf(spread, STEPS - 1))
    is_fair = (
        low <= counts.min()
        and counts.max() <= high
        and most <= rows_per_unit
        and (rate == 1 or tail > ALPHA)
    )
    reason = (
        f"In {STEPS} steps each unit entered {counts.min():.0f} to {counts.max():.0f} "
        f"times, where independent coins of rate {rate:g} permit {low:.0f} to {high:.0f}, with "
        f"{most} of its rows at most."
    )
    return AuditCheck(
        layer="step",
        name="sampling of units",
        outcome="pass" if is_fair else "fail",
        reason=reason,
    )


def _rows(width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A few ordinary rows; and the same with a row that pulls against them, far longer."""
    import torch

    generator = torch.Generator().manual_seed(0)
    company = (torch.rand(COMPANY, width, generator=generator) < 0.3).float()
    worst = -LENGTH * company.sum(0, keepdim=True) - 1.0
    return company, torch.cat([company, worst])


def _critic(job: Planned, clip: float, noise: float, width: int) -> PrivateCritic:
    """The plan's discriminator, its weights such that every real row is taken for a fake."""
    import torch

    from synthkit.generate import critic, network
    from synthkit.privacy.mechanism import secret_torch_generator

    options = job.plan.options
    made = critic.discriminator(width, 24, int(options["critic_layers"]))
    network.initialise(made, torch.Generator().manual_seed(0))
    with torch.no_grad():
        weights = list(made.parameters())
        for weight in weights:
            weight.mul_(3)
        weights[-1].sub_(1e6)
    return critic.PrivateCritic(
        made,
        max_grad_norm=clip,
        noise_multiplier=noise,
        expected_batch=EXPECTED_BATCH,
        learning_rate=1e-3,
        generator=secret_torch_generator("cpu"),
    )


def _effect(job: Planned, clip: float, company: torch.Tensor, worst: torch.Tensor) -> np.ndarray:
    """What the row changes in the sum without noise, shape (n_parameters,)."""
    critic = _critic(job, clip, 0.0, company.shape[1])
    return np.asarray(_sum(critic, worst) - _sum(critic, company))


def _sum(critic: PrivateCritic, rows: torch.Tensor) -> np.ndarray:
    """One noisy gradient times its public divisor, the fake term included, (n_parameters,)."""
    import torch

    fake = torch.full((3, rows.shape[1]), 0.25)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook is firing")
        critic._gradient(rows, fake)
    flat = torch.cat([p.grad.reshape(-1) for p in critic._params])
    return np.asarray(EXPECTED_BATCH * flat.double().numpy())
