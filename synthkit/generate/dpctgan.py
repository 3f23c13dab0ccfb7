"""CTGAN-style conditional generator under differential privacy, fitted to noisy joint tables.

Takes codes and noisy one-way tables, gives a conditional generator network. Its looks at real rows,
all under noise and decided before any row is read: the one-way tables (measured by encode), all
two-way tables, those with a target of the schema under less noise, or three-way tables with a
target of two values (exact discrete Gaussian), and, where a share of the budget is set aside for it
(`gradient_share`), the gradients of a discriminator (DP-SGD, one clipped gradient per sampled
privacy unit). The generator network (Xu et al. 2019, arXiv:1907.00503) learns from these alone.

What differs from CTGAN, and why: conditions come from noisy tables and meet fake rows only; real
rows come by Poisson sampling of privacy units, not by category; pac is 1; no gradient penalty, no
normalisation in the discriminator; nothing about real rows is printed, and training neither stops
nor chooses by them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.errors import InputError, IntegrityError
from synthkit.generate import Plan, Progress, patience, price
from synthkit.generate.bank import Mixture, outputs
from synthkit.generate.device import one_thread
from synthkit.generate.layout import check_codes
from synthkit.generate.options import Option, check_budget, validate
from synthkit.generate.table_budget import automatic_share, two_way_parts
from synthkit.generate.two_way import TARGET_TWO_WAY, THREE_WAY, TWO_WAY, n_pairs
from synthkit.privacy.event import Event, NoisyGradients, NoisyTables

if TYPE_CHECKING:
    import torch

    from synthkit.artifacts import Codes, OneWayTables

IS_PRIVATE = True

AUTOMATIC = -1.0
"""As a share: `table_budget.automatic_share` chooses."""

THEOREM = "The generator network learns from these noisy results alone."

OPTIONS = (
    Option(
        name="two_way_share", default=AUTOMATIC, automatic=AUTOMATIC, high=0.98,
        meaning="share of the budget for two-way or three-way tables; -1: 0.6 to 0.8, more where "
        "there are more columns",
    ),
    Option(
        name="target_share", default=0.2, high=0.98,
        meaning="least part of the two-way tables' budget for those with a target; their number "
        "alone may ask for more",
    ),
    Option(
        name="gradient_share", default=0.0, low=0, high=0.98,
        meaning="share of the budget for the discriminator (0: none); one-way tables get the rest",
    ),
    Option(
        name="sample_rate", default=0.0, low=0, high=1,
        meaning="probability that a privacy unit enters a step; 0: by the schema's rows_public",
    ),
    Option(name="critic_steps", default=300, low=1, high=100_000, meaning="steps of DP-SGD"),
    Option(
        name="critic_steps_per_step", default=2, low=1, high=1000,
        meaning="steps of the discriminator per step of the generator",
    ),
    Option(
        name="max_grad_norm", default=1.0, low=0, high=1e3, above_low=True,
        meaning="norm to which each unit's gradient is clipped",
    ),
    Option(
        name="critic_learning_rate", default=1e-3, low=0, high=1, above_low=True,
        meaning="learning rate of the discriminator",
    ),
    Option(name="critic_hidden", default=256, low=1, high=8192, meaning="discriminator's width"),
    Option(name="critic_layers", default=2, low=1, high=10, meaning="discriminator's layers"),
    Option(
        name="tables", default="target", choices=("target", "pairs"),
        meaning="target: three-way tables with the schema's first target of two values, if there "
        "is one; pairs: two-way",
    ),
    Option(
        name="match_steps", default=patience.AUTOMATIC, automatic=patience.AUTOMATIC, high=1e6,
        meaning="steps against the noisy tables before the discriminator; -1: 150 to 2,000, more "
        "where there is less noise",
    ),
    Option(
        name="learning_rate", default=8e-3, low=0, high=1, above_low=True,
        meaning="learning rate against the tables",
    ),
    Option(
        name="adversarial_learning_rate", default=2e-4, low=0, high=1, above_low=True,
        meaning="learning rate against the discriminator",
    ),
    Option(
        name="anchor_weight", default=1000.0, low=0, high=1e9,
        meaning="weight of the tables beside the discriminator",
    ),
    Option(
        name="information_weight", default=price.AUTOMATIC, automatic=price.AUTOMATIC, high=1e9,
        meaning="what it costs a latent to tell of columns, beside the noise of the tables; -1: "
        "800, less where there is more noise",
    ),
    Option(
        name="temperature", default=0.5, low=0, high=100, above_low=True,
        meaning="temperature of the Gumbel softmax",
    ),
    Option(name="batch_size", default=500, low=2, high=1_000_000, meaning="fake rows per step"),
    Option(
        name="bank", default=500, low=2, high=1_000_000,
        meaning="fixed latents: the products of distributions that the model mixes",
    ),
    Option(name="latent", default=32, low=1, high=8192, meaning="length of the latent vector"),
    Option(name="hidden", default=128, low=1, high=8192, meaning="generator's width"),
    Option(name="blocks", default=2, low=1, high=10, meaning="generator's residual blocks"),
    Option(
        name="two_way_cells", default=150_000, low=4, high=5_000_000,
        meaning="cells of all such tables together; wider columns are folded",
    ),
)  # fmt: skip


LARGEST_RATE = 0.05
EXPECTED_BATCH = 1_600
"""Units per step that an automatic `sample_rate` aims at: 0.05 of 32,000."""
LEAST_NOISE = 1.5
"""Least noise multiplier. Below about 1 the shares mislead at small rates: a unit that enters shows
in that one step, and what it costs lies in the tail, which no central limit theorem describes. More
noise is then next to free (decision 0014 has figures)."""


def automatic_rate(rows_public: int | None) -> float:
    """Returns the `sample_rate` for a publicly known number of rows: the batch stays the same."""
    if rows_public is None:
        return LARGEST_RATE
    return min(LARGEST_RATE, EXPECTED_BATCH / rows_public)


def plan(
    *,
    epsilon: float | None,
    delta: float,
    n_tables: int,
    options: Mapping[str, Any],
    before: Sequence[Event] = (),
    rows_per_unit: int = 1,
    targets: Sequence[int] = (),
    two_valued: Sequence[int] = (),
    rows_public: int | None = None,
) -> Plan:
    """Splits the budget by public shares and finds the least noise within it; pure.

    A share is one of the summed squared Gaussian-DP parameters mu^2: tables / sigma^2 for tables,
    q^2 T (exp(1 / nm^2) - 1) for gradients (central limit: Bu, Dong, Long and Su 2020). The shares
    steer only the split; the cost is that of the exact events together.

    Raises:
        InputError: On a meaningless budget, unknown or impossible options.
    """
    from synthkit.privacy.accountant import calibrate

    check_budget(epsilon=epsilon, delta=delta, n_tables=n_tables, rows_per_unit=rows_per_unit)
    assert epsilon is not None  # refused above; said again for the type checker
    checked = validate(options, OPTIONS, generator="dpctgan")
    is_three_way = bool(two_valued) and n_tables > 2 and checked["tables"] == "target"
    # Each pair of the other columns with the target, or each pair.
    pairs = n_pairs(n_tables - 1 if is_three_way else n_tables)
    share_gradients = float(checked["gradient_share"])
    share_two = float(checked["two_way_share"])
    if share_two == AUTOMATIC:
        share_two = automatic_share(pairs, n_tables, share_gradients)
    if not pairs:
        share_two = 0.0
    share_one = 1 - share_two - share_gradients
    if share_one < 0.01:
        raise InputError(
            "The options of generator 'dpctgan' leave less than 0.01 of the budget for the "
            "one-way tables.",
            hint="Lower two_way_share or gradient_share.",
        )
    rate = float(checked["sample_rate"]) or automatic_rate(rows_public)
    steps = int(checked["critic_steps"])

    def events(scale: float) -> tuple[Event, ...]:
        tables = n_tables * rows_per_unit  # each of a unit's rows has a set of tables of its own
        sigma = scale * math.sqrt(tables / share_one)
        found: list[Event] = [NoisyTables(name="one-way tables", sigma=sigma, tables=tables)]
        if share_two > 0:
            parts: tuple[tuple[str, int, float], ...] = ((THREE_WAY, pairs, 1.0),)
            if not is_three_way:
                parts = two_way_parts(n_tables, len(targets), float(checked["target_share"]))
            for name, tables, part in parts:
                tables *= rows_per_unit
                sigma = scale * math.sqrt(tables / (part * share_two))
                found.append(NoisyTables(name=name, sigma=sigma, tables=tables))
        if share_gradients > 0:
            squared = share_gradients / (scale**2 * rate**2 * steps)
            found.append(
                NoisyGradients(
                    name="discriminator gradients",
                    noise_multiplier=max(LEAST_NOISE, 1 / math.sqrt(math.log1p(squared))),
                    sample_rate=rate,
                    steps=steps,
                )
            )
        return tuple(found)

    scale = calibrate(lambda s: (*before, *events(s)), epsilon=epsilon, delta=delta)
    found = events(scale)
    first = found[0]
    assert isinstance(first, NoisyTables)
    return Plan(
        table_sigma=first.sigma,
        events=found,
        options={**checked, "sample_rate": rate, "two_way_share": share_two},
        rows_per_unit=rows_per_unit,
        targets=tuple(two_valued[:1] if is_three_way else targets),
        recipe=_recipe(found, checked),
    )


def _recipe(events: Sequence[Event], options: Mapping[str, Any]) -> str:
    """Says what the network is trained on, for those who read the report."""
    names = {e.name for e in events}
    if THREE_WAY in names:
        tables = "the noisy tables of every pair of columns together with the target"
    elif TARGET_TWO_WAY in names:
        tables = "the noisy tables of every pair of columns, with less noise where one is a target,"
    elif TWO_WAY in names:
        tables = "the noisy tables of every pair of columns"
    else:
        tables = "the noisy tables of single columns"
    steps = f"{options['match_steps']:,} steps"
    if options["match_steps"] == patience.AUTOMATIC and not names & {TWO_WAY, THREE_WAY}:
        steps = f"{patience.USUAL_STEPS:,} steps"
    elif options["match_steps"] == patience.AUTOMATIC:
        steps = f"{patience.LEAST_STEPS:,} to {patience.MOST_STEPS:,} steps (more for less noise)"
    text = f"CTGAN-style generator network, fitted to {tables} in {steps}"
    gradients = next((e for e in events if isinstance(e, NoisyGradients)), None)
    if gradients is not None:
        return f"{text}, then refined by a discriminator in {gradients.steps:,} steps of DP-SGD."
    return f"{text}; no discriminator."


class DPCTGANModel:
    """The generator network with its bank of inputs; never the discriminator.

    Args:
        columns: Names of the columns.
        sizes: Number of codes of each column.
        bank: Latents, shape (bank, latent), and conditions' positions, shape (bank,).
        network: Logits from latent and condition, in evaluation mode, on the CPU.
        shape: Options that decide the network's shape: latent, hidden, blocks.
        generator: Name of the plugin that made it.
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        sizes: tuple[int, ...],
        bank: tuple[np.ndarray, np.ndarray],
        network: torch.nn.Module,
        shape: Mapping[str, int],
        generator: str = "dpctgan",
    ) -> None:
        self.generator = generator
        self.columns = columns
        self.sizes = sizes
        self.bank, self.positions = bank
        self.network = network
        self.shape = dict(shape)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws `n` rows of codes, shape (n, n_columns), uint8 or uint16."""
        return self._mixture.draw(n, rng)

    def sample_with_latents(
        self, n: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws the same rows, and the number of each row's latent, shape (n, 1), float32."""
        values, numbers = self._mixture.draw_with_latents(n, rng)
        return values, numbers[:, None].astype(np.float32)

    @cached_property
    def _cells(self) -> np.ndarray:
        """Softmax outputs on the bank, shape (n_bank, width)."""
        with one_thread():
            return outputs(self.network, self.bank, self.positions, self.sizes)

    @cached_property
    def _mixture(self) -> Mixture:
        return Mixture(self._cells, self.sizes)

    def latents(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws numbers of latents of the bank, each equally likely, shape (n, 1), float32."""
        return rng.integers(len(self.bank), size=(n, 1)).astype(np.float32)

    def all_latents(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the numbers of the bank's latents, shape (n_bank, 1), all equally likely."""
        n = len(self.bank)
        return np.arange(n, dtype=np.float32)[:, None], np.full(n, 1.0 / n)

    def distributions(self, latents: np.ndarray) -> np.ndarray:
        """Returns the softmax of each column given each latent, shape (n, sum of sizes)."""
        return np.asarray(self._cells[latents[:, 0].astype(np.int64)])

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the network's weights and its bank."""
        weights = {f"network.{k}": v.numpy() for k, v in self.network.state_dict().items()}
        return {"latents": self.bank, "positions": self.positions, **weights}

    def description(self) -> dict[str, Any]:
        """Returns names, sizes and the network's shape."""
        return {
            "generator": self.generator,
            "columns": list(self.columns),
            "sizes": list(self.sizes),
            "shape": self.shape,
            "personal_data": False,
        }


def fit(
    codes: Codes,
    one_way: OneWayTables,
    plan: Plan,
    *,
    seed: int,
    device: str = "cpu",
    progress: Progress | None = None,
) -> DPCTGANModel:
    """Trains within the plan.

    Args:
        codes: The real rows; seen by `two_way.measure` and by the private critic only.
        one_way: Noisy one-way tables, with the noise that the plan set.
        plan: Of this module's `plan`.
        seed: Public randomness: initial weights, latents, conditions. Never reaches the noise.
        device: `cpu`, `cuda` or `auto`.
        progress: Called now and then with step counts and the time left.

    Raises:
        InputError: If the device is missing, or codes and tables disagree.
    """
    from synthkit.generate.session import train

    check_codes(codes, one_way)
    with one_thread():
        network, (latents, positions) = train(
            codes, one_way, plan, seed=seed, device=device, progress=progress
        )
    shape = {name: int(plan.options[name]) for name in ("latent", "hidden", "blocks")}
    bank = latents.numpy(), positions.numpy().astype(np.uint32)
    return DPCTGANModel(codes.columns, tuple(codes.sizes), bank, network, shape)


def load(arrays: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> DPCTGANModel:
    """Rebuilds a model from its arrays and description.

    Raises:
        IntegrityError: If arrays and description do not fit each other.
    """
    import torch

    from synthkit.generate.network import generator_network

    try:
        sizes, shape = description["sizes"], dict(description["shape"])
        network = generator_network(shape["latent"], sum(sizes), shape["hidden"], shape["blocks"])
        prefix = "network."
        weights = {
            k.removeprefix(prefix): torch.as_tensor(v.copy())
            for k, v in arrays.items()
            if k.startswith(prefix)
        }
        network.load_state_dict(weights)
        latents, positions = arrays["latents"], arrays["positions"]
        if latents.shape != (len(positions), shape["latent"]) or positions.max() >= sum(sizes):
            raise ValueError("the bank does not fit the network")
        columns = tuple(description["columns"])
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise IntegrityError(
            "The model's arrays do not fit its description.", hint="Make or fetch the model again."
        ) from error
    bank = latents, positions
    name = str(description.get("generator", "dpctgan"))
    return DPCTGANModel(columns, tuple(sizes), bank, network.eval(), shape, name)
