"""What privacy costs in one step of the discriminator: CPU milliseconds, beside no privacy at all.

The bar: a private step (clipped, noised and fake gradient, Adam) costs at most 1.3 times the same
step without privacy, both on one thread, real and fake rows in equal number. Engines take turns and
the best of several rounds counts, so that a busy machine disturbs all alike.

    python benchmarks/private_step.py [--batch 500 1000 2000] [--width 300] [--hooks]
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from collections.abc import Callable

import torch

from synthkit.generate.critic import ENGINES, PrivateCritic, discriminator
from synthkit.generate.layout import Layout
from synthkit.generate.network import initialise
from synthkit.pipeline.versions import versions

ROUNDS, STEPS, COLUMNS = 6, 15, 15
BAR = 1.3
Step = Callable[[torch.Tensor, torch.Tensor], None]


def plain(width: int) -> Step:
    """The same step without clipping or noise."""
    network = discriminator(width, 256, 2)
    initialise(network, torch.Generator().manual_seed(1))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.5, 0.9))
    loss = torch.nn.BCEWithLogitsLoss()

    def step(real: torch.Tensor, fake: torch.Tensor) -> None:
        optimizer.zero_grad()
        on_real, on_fake = network(real).squeeze(1), network(fake).squeeze(1)
        total = loss(on_real, torch.ones_like(on_real)) + loss(on_fake, torch.zeros_like(on_fake))
        total.backward()
        optimizer.step()

    return step


def private(width: int, engine: str, batch: int) -> Step:
    """A step of synthkit's own critic."""
    network = discriminator(width, 256, 2)
    initialise(network, torch.Generator().manual_seed(1))
    critic = PrivateCritic(
        network,
        max_grad_norm=1.0,
        noise_multiplier=1.0,
        expected_batch=float(batch),
        learning_rate=1e-3,
        generator=torch.Generator().manual_seed(2),
        engine=engine,
    )
    return critic.step


def hooks(width: int, batch: int) -> Step:
    """Opacus' oldest engine, which holds each row's gradient; clipping and noise alone."""
    from opacus import GradSampleModule
    from opacus.optimizers import DPOptimizer

    network = discriminator(width, 256, 2)
    initialise(network, torch.Generator().manual_seed(1))
    wrapped = GradSampleModule(network, loss_reduction="sum")
    optimizer = DPOptimizer(
        torch.optim.Adam(wrapped.parameters(), lr=1e-3),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
        expected_batch_size=batch,
    )

    def step(real: torch.Tensor, fake: torch.Tensor) -> None:
        optimizer.zero_grad()
        torch.nn.functional.softplus(-wrapped(real)).sum().backward()
        optimizer.step()

    return step


def milliseconds(steps: dict[str, Step], batch: int, width: int) -> dict[str, float]:
    """Best CPU time of one step, per engine."""
    size = width // COLUMNS
    layout = Layout((size,) * COLUMNS)
    real = layout.one_hot(torch.randint(0, size, (batch, COLUMNS)))
    fake = torch.softmax(torch.randn(batch, layout.width), dim=1)
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            step(real, fake)
            start = time.process_time()
            for _ in range(STEPS):
                step(real, fake)
            took = (time.process_time() - start) / STEPS * 1e3
            best[name] = min(best.get(name, took), took)
    return best


def main() -> None:
    """Prints one line per batch size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, nargs="+", default=[500, 1000, 2000])
    parser.add_argument("--width", type=int, default=300, help="length of a one-hot row")
    parser.add_argument("--hooks", action="store_true", help="also Opacus' hooks (slow)")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="Full backward hook is firing")
    print(f"{platform.processor() or platform.machine()}, torch {versions()['torch']}, one thread")
    print(f"discriminator {given.width}-256-256-1; CPU ms per step, best of {ROUNDS} rounds")
    for batch in given.batch:
        steps = {"plain": plain(given.width)}
        steps |= {engine: private(given.width, engine, batch) for engine in ENGINES}
        if given.hooks:
            steps["hooks"] = hooks(given.width, batch)
        found = milliseconds(steps, batch, given.width)
        cells = [f"{name} {ms:.2f} ({ms / found['plain']:.2f}x)" for name, ms in found.items()]
        is_met = found[ENGINES[0]] <= BAR * found["plain"]
        print(
            f"batch {batch:5d}: {', '.join(cells)}; bar of {BAR}x {'met' if is_met else 'missed'}"
        )


if __name__ == "__main__":
    main()
