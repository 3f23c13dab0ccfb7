"""The noise that the critic adds to a gradient: normal, of the stated std, new in every step.

Drawn through the critic itself, with a batch without real rows: what remains beside the gradient
of the fake rows, which is subtracted, is the noise. Each test is at alpha 1e-6 over the weights and
the biases together; its power against the named fault is computed, and measured with 500 repeats.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.functional import softplus

from synthkit.generate.critic import ENGINES, PrivateCritic, discriminator
from synthkit.generate.network import initialise
from synthkit.privacy.mechanism import secret_torch_generator
from tests.statistical.power import measured_power

ALPHA = 1e-6
CLIP, MULTIPLIER, BATCH = 0.5, 1.3, 12.5
WIDTH, HIDDEN, STEPS = 18, 24, 450
N_BIASES = 2 * HIDDEN + 1
KINDS = 2
"""Weights and biases."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook is firing")
        yield


class SmallerSigma(PrivateCritic):
    """Planted fault: the noise is 5 % smaller than stated."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.optimizer.noise_multiplier *= 0.95


class SameNoiseInEachStep(PrivateCritic):
    """Planted fault: the generator is put back before each step, as after a copied state."""

    def _gradient(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        state = self.optimizer.generator.get_state()
        super()._gradient(real, fake)
        self.optimizer.generator.set_state(state)


class UniformNoise(PrivateCritic):
    """Planted fault: the right spread, another law."""

    def _gradient(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        super()._gradient(real, fake)
        for parameter in self._params:
            wide = CLIP * MULTIPLIER / BATCH * 12**0.5
            parameter.grad = wide * (torch.rand(parameter.shape) - 0.5) + self.fake_part[parameter]


def _critic(kind: type[PrivateCritic], engine: str) -> PrivateCritic:
    network = discriminator(WIDTH, HIDDEN, 2)
    initialise(network, torch.Generator().manual_seed(3))
    return kind(
        network,
        max_grad_norm=CLIP,
        noise_multiplier=MULTIPLIER,
        expected_batch=BATCH,
        learning_rate=1e-3,
        generator=secret_torch_generator("cpu"),
        engine=engine,
    )


def _noise(kind: type[PrivateCritic], engine: str = ENGINES[0]) -> dict[str, np.ndarray]:
    """Noise in units of its stated std: (STEPS, weights) and (STEPS, biases)."""
    critic = _critic(kind, engine)
    fake = torch.full((3, WIDTH), 0.25)
    loss = softplus(critic.network(fake)).mean()
    of_fakes = torch.autograd.grad(loss, critic._params)
    critic.fake_part = dict(zip(critic._params, of_fakes, strict=True))
    steps: dict[str, list[np.ndarray]] = {"weights": [], "biases": []}
    for _ in range(STEPS):
        critic._gradient(torch.zeros(0, WIDTH), fake)
        rest = [
            (p.grad - g).double().reshape(-1).numpy()
            for p, g in zip(critic._params, of_fakes, strict=True)
        ]
        steps["weights"].append(np.concatenate(rest[0::2]))
        steps["biases"].append(np.concatenate(rest[1::2]))
    return {name: np.stack(found) * BATCH / (CLIP * MULTIPLIER) for name, found in steps.items()}


def spread_is_right(noise: dict[str, np.ndarray]) -> bool:
    """Sum of squares ~ chi-square, two-sided."""
    for values in noise.values():
        share = stats.chi2.cdf(np.square(values).sum(), values.size)
        if min(share, 1 - share) < ALPHA / 2 / KINDS:
            return False
    return True


def law_is_normal(noise: dict[str, np.ndarray]) -> bool:
    """Kolmogorov and Smirnov's test."""
    return all(stats.kstest(v.reshape(-1), "norm").pvalue > ALPHA / KINDS for v in noise.values())


def draws_are_new(noise: dict[str, np.ndarray]) -> bool:
    """No correlation of neighbours within a step, nor of one step with the next."""
    for values in noise.values():
        pairs = [(values[:, 1:], values[:, :-1]), (values[1:], values[:-1])]
        for a, b in pairs:
            bound = stats.norm.isf(ALPHA / 4 / KINDS) / a.size**0.5
            if abs((a * b).mean() / (a.std() * b.std())) > bound:
                return False
    return True


CHECKS = (spread_is_right, law_is_normal, draws_are_new)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_noise_of_a_gradient_is_what_is_charged(engine: str) -> None:
    noise = _noise(PrivateCritic, engine)
    assert noise["biases"].shape == (STEPS, N_BIASES)
    assert [check.__name__ for check in CHECKS if not check(noise)] == []


@pytest.mark.parametrize(
    ("twin", "seen_by"),
    [
        (SmallerSigma, spread_is_right),
        (UniformNoise, law_is_normal),
        (SameNoiseInEachStep, draws_are_new),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_noise_that_is_not_is_caught(twin, seen_by, engine: str) -> None:
    assert not seen_by(_noise(twin, engine))


def test_a_sigma_5_percent_too_small_is_caught_even_in_the_biases_alone() -> None:
    n = STEPS * N_BIASES
    low = stats.chi2.ppf(ALPHA / 2 / KINDS, n)
    assert stats.chi2.cdf(low, n, scale=0.95**2) > 1 - 1e-6
    rng = np.random.default_rng(4)

    def is_caught() -> bool:
        sound = {"weights": np.ones((1, 1)), "biases": rng.normal(0, 0.95, (STEPS, N_BIASES))}
        return not spread_is_right(sound)

    assert measured_power(is_caught) > 0.99
