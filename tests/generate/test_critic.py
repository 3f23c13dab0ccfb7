from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import scipy.stats
import torch
from torch.nn.functional import softplus

from synthkit.errors import SynthkitError
from synthkit.generate import bookkeeping
from synthkit.generate.critic import ENGINES, PrivateCritic, discriminator
from synthkit.generate.layout import Layout
from synthkit.generate.network import initialise
from synthkit.privacy.mechanism import secret_torch_generator

ALPHA = 1e-6
WIDTH, BATCH = 18, 12.5


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook is firing")
        yield


def _critic(
    kind: Any = PrivateCritic,
    *,
    noise: float,
    clip: float = 0.5,
    scale: float = 1.0,
    engine: str = "bookkeeping",
) -> Any:
    network = discriminator(WIDTH, 24, 2)
    initialise(network, torch.Generator().manual_seed(3))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= scale
        if scale > 1:  # every real row is taken for a fake, so its gradient is as long as can be
            network[-1].bias -= 1e4 * scale
    return kind(
        network,
        max_grad_norm=clip,
        noise_multiplier=noise,
        expected_batch=BATCH,
        learning_rate=1e-3,
        generator=secret_torch_generator("cpu"),
        engine=engine,
    )


def _rows(n: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    layout = Layout((4, 6, 3, 5))
    codes = torch.stack([torch.randint(s, (n,), generator=generator) for s in layout.sizes], dim=1)
    return layout.one_hot(codes)


def _flat(gradients: Any) -> torch.Tensor:
    return torch.cat([g.reshape(-1) for g in gradients])


def _gradient(critic: PrivateCritic, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    critic._gradient(real, fake)
    return _flat([p.grad.clone() for p in critic._params])


def _fake_term(critic: PrivateCritic, fake: torch.Tensor) -> torch.Tensor:
    loss = softplus(critic.network(fake).squeeze(1)).mean()
    return _flat(torch.autograd.grad(loss, critic._params))


def _by_hand(critic: PrivateCritic, real: torch.Tensor, clip: float) -> torch.Tensor:
    """Sum over rows, one at a time, of the explicit gradient clipped to norm `clip`."""
    total = torch.zeros(sum(p.numel() for p in critic._params))
    for row in real:
        loss = softplus(-critic.network(row[None]).squeeze())
        own = _flat(torch.autograd.grad(loss, critic._params))
        total += own * min(1.0, clip / float(own.norm()))
    return total


class FakeBeforeClipping(PrivateCritic):
    """Planted fault: the fake gradient lies in p.grad before Opacus collects it."""

    def _gradient(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        scores = self.score(fake)
        gradients = torch.autograd.grad(self._loss(scores, torch.zeros_like(scores)), self._params)
        self._ghost.collect(real)
        for parameter, gradient in zip(self._params, gradients, strict=True):
            parameter.grad += gradient
        self.optimizer.pre_step()


class ClipsTheBatch(PrivateCritic):
    """Planted fault: one clip for the whole batch, as DP-SGD is often misread."""

    def _gradient(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        scores = self.score(fake)
        gradients = torch.autograd.grad(self._loss(scores, torch.zeros_like(scores)), self._params)
        total = torch.zeros(sum(p.numel() for p in self._params))
        if len(real):
            loss = softplus(-self.network(real).squeeze(1)).sum()
            total = _flat(torch.autograd.grad(loss, self._params))
            total *= min(1.0, self.optimizer.max_grad_norm / float(total.norm()))
        start = 0
        for parameter, gradient in zip(self._params, gradients, strict=True):
            part = total[start : start + parameter.numel()].view_as(parameter)
            parameter.grad = part / BATCH + gradient
            start += parameter.numel()


class DividesByTheRealBatch(PrivateCritic):
    """Planted fault: the divisor is how many rows came, which no one may know."""

    def _gradient(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        self.optimizer.expected_batch_size = max(len(real), 1)
        super()._gradient(real, fake)


def _agrees_with_hand(
    kind: Any, n_rows: int, clip: float, engine: str = "ghost", scale: float = 1.0
) -> bool:
    critic = _critic(kind, noise=0.0, clip=clip, engine=engine, scale=scale)
    real, fake = _rows(n_rows), torch.softmax(_rows(7, seed=1), dim=1)
    expected = _by_hand(critic, real, clip) / BATCH + _fake_term(critic, fake)
    return bool((_gradient(critic, real, fake) - expected).abs().max() < 1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n_rows", [0, 1, 2, 33])
@pytest.mark.parametrize("clip", [0.05, 0.5, 10.0])
def test_each_engine_equals_a_slow_loop_over_rows(n_rows: int, clip: float, engine: str) -> None:
    assert _agrees_with_hand(PrivateCritic, n_rows, clip, engine)


def _by_hooks(critic: PrivateCritic, real: torch.Tensor, clip: float) -> torch.Tensor:
    """The clipped sum by Opacus' oldest engine, which holds every row's gradient."""
    from opacus import GradSampleModule
    from opacus.optimizers import DPOptimizer

    network = discriminator(WIDTH, 24, 2)
    network.load_state_dict(critic.network.state_dict())
    wrapped = GradSampleModule(network, loss_reduction="sum")
    optimizer = DPOptimizer(
        torch.optim.SGD(wrapped.parameters(), lr=1.0),
        noise_multiplier=0.0,
        max_grad_norm=clip,
        expected_batch_size=1,
        loss_reduction="sum",
    )
    softplus(-wrapped(real).squeeze(1)).sum().backward()
    optimizer.pre_step()
    return _flat(p.grad for p in optimizer.params)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n_rows", [0, 1, 2, 33])
@pytest.mark.parametrize(("clip", "scale"), [(0.05, 1.0), (0.5, 1.0), (10.0, 1.0), (0.5, 30.0)])
def test_each_engine_equals_opacus_hooks(
    n_rows: int, clip: float, scale: float, engine: str
) -> None:
    critic = _critic(noise=0.0, clip=clip, engine=engine, scale=scale)
    real, fake = _rows(n_rows), _rows(3, seed=1)
    expected = _by_hooks(critic, real, clip)
    found = (_gradient(critic, real, fake) - _fake_term(critic, fake)) * BATCH
    assert (found - expected).abs().max() <= 1e-5 * max(1.0, float(expected.norm()))


def test_products_are_those_of_the_clipped_gradients_themselves() -> None:
    critic = _critic(noise=0.0)
    rows, generator = _rows(9), torch.Generator().manual_seed(5)
    direction = [torch.randn(p.shape, generator=generator) for p in critic._params]
    along, gram = bookkeeping.products(critic.network, rows, 0.5, direction)
    own = torch.stack([_by_hand(critic, row[None], 0.5) for row in rows])
    torch.testing.assert_close(along, own @ _flat(direction), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(gram, own @ own.T, atol=1e-5, rtol=1e-4)


def test_a_row_whose_gradient_overflows_is_left_out_and_spoils_nothing() -> None:
    critic = _critic(noise=0.0)
    real, fake = _rows(6), _rows(3, seed=1)
    monster = torch.full((1, WIDTH), 3e38)
    alone = _gradient(critic, real, fake)
    beside = _gradient(critic, torch.cat([real[:3], monster, real[3:]]), fake)
    assert beside.isfinite().all()
    torch.testing.assert_close(alone, beside)


def test_such_a_row_would_tell_on_itself_in_the_reference_engine() -> None:
    # Why the fast path leaves it out: Opacus' own clipping passes on what is not finite.
    critic = _critic(noise=0.0, engine="ghost")
    monster = torch.full((1, WIDTH), 3e38)
    assert not _gradient(critic, torch.cat([_rows(3), monster]), _rows(3, seed=1)).isfinite().all()


@pytest.mark.parametrize("fault", [FakeBeforeClipping, ClipsTheBatch, DividesByTheRealBatch])
def test_planted_faults_of_the_step_are_caught(fault: Any) -> None:
    assert not all(_agrees_with_hand(fault, n, 0.5) for n in (0, 1, 2, 33))


def test_steps_one_after_another_do_not_add_up() -> None:
    critic = _critic(noise=0.0)
    real, fake = _rows(9), _rows(5, seed=1)
    first = _gradient(critic, real, fake)
    second = _gradient(critic, real, fake)
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize("clip", [0.5, 10.0])
def test_a_row_that_saturates_the_clip_moves_the_sum_by_at_most_the_clip(clip: float) -> None:
    critic = _critic(noise=0.0, clip=clip, scale=30.0)
    real, fake = _rows(8), _rows(5, seed=1)
    without = _gradient(critic, real, fake)
    row = _rows(1, seed=2)
    raw = _by_hand(critic, row, clip=float("inf")).norm()
    assert raw > 50 * clip, "the row does not saturate the clip, so nothing would be tested"
    moved = (_gradient(critic, torch.cat([real, row]), fake) - without) * BATCH
    assert 0.99 * clip <= moved.norm() <= clip * (1 + 1e-4)


def _noise_is_right(critic: PrivateCritic, noise: float, clip: float) -> bool:
    """Whether the noise on an empty batch is N(0, (noise clip / B)^2), alpha 1e-6.

    Sum of squares ~ chi2 over 40 draws of 1,100 parameters; a std that is off by 2 % is found with
    power above 0.99 (the sum's relative std is 0.7 %). Each tensor must be noised, too.
    """
    fake = _rows(5, seed=1)
    base = _fake_term(critic, fake)
    draws = [_gradient(critic, _rows(0), fake) - base for _ in range(40)]
    std = noise * clip / BATCH
    squares = sum(float((d / std).double().square().sum()) for d in draws)
    n = 40 * len(base)
    tail = 2 * min(scipy.stats.chi2.cdf(squares, n), scipy.stats.chi2.sf(squares, n))
    sizes = [p.numel() for p in critic._params]
    is_everywhere = all(bool((part.abs() > 1e-3 * std).any()) for part in draws[0].split(sizes))
    return tail > ALPHA and is_everywhere


@pytest.mark.parametrize("clip", [0.5, 10.0])
def test_the_noise_has_the_std_that_is_charged(clip: float) -> None:
    assert _noise_is_right(_critic(noise=1.7, clip=clip), 1.7, clip)


def test_noise_of_another_size_is_caught() -> None:
    too_small = _critic(noise=1.7 * 0.97, clip=0.5)
    forgets_clip = _critic(noise=1.7, clip=10.0)
    forgets_clip.optimizer.max_grad_norm = 1.0
    no_bias = _critic(noise=1.7, clip=0.5)
    no_bias.optimizer.original_optimizer.param_groups[0]["params"].pop()
    assert not _noise_is_right(too_small, 1.7, 0.5)
    assert not _noise_is_right(forgets_clip, 1.7, 10.0)
    assert not _noise_is_right(no_bias, 1.7, 0.5)


def test_noise_follows_no_seed_of_the_user() -> None:
    def noise() -> torch.Tensor:
        torch.manual_seed(0)
        return _gradient(_critic(noise=1.0), _rows(0), _rows(5, seed=1))

    assert not torch.equal(noise(), noise())


def test_training_stays_finite_beside_rows_that_saturate() -> None:
    critic = _critic(noise=1.0, scale=1e4)
    for step in range(30):
        critic.step(_rows(step % 3), _rows(5, seed=1))
    assert all(bool(p.isfinite().all()) for p in critic._params)


def test_the_discriminator_has_no_layer_that_mixes_rows() -> None:
    network = discriminator(5, 7, 3)
    assert not list(network.buffers())
    kinds = {type(m).__name__ for m in network}
    assert kinds == {"Linear", "LeakyReLU"}


def test_a_fork_in_the_middle_of_a_fit_is_refused() -> None:
    critic = _critic(noise=1.0)
    critic.step(_rows(3), _rows(3, seed=1))
    child = os.fork()
    if child == 0:
        try:
            critic.step(_rows(3), _rows(3, seed=1))
        except SynthkitError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    critic.step(_rows(3), _rows(3, seed=1))  # the parent goes on
