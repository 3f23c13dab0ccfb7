"""Generators: codes and a budget in, a model out, codes back; one generator per file.

A generator sees a table only as `Codes` (small integers and the privacy unit of each row) and as
`OneWayTables` that the encode room measured with noise. It works in three steps: `plan` decides,
before any row is looked at, how much noise everything gets; `fit` trains; `Model.sample` draws
codes. A model is plain arrays and a JSON description, kept by `storage` in one safetensors file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from synthkit import registry
from synthkit.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from synthkit.artifacts import Codes, OneWayTables
    from synthkit.privacy.event import Event

NOT_PLUGINS = (
    "batches",
    "bookkeeping",
    "completion",
    "conditions",
    "consistency",
    "counting",
    "critic",
    "device",
    "joints",
    "layout",
    "network",
    "options",
    "patience",
    "poisson",
    "posterior",
    "price",
    "rejection",
    "reservoir",
    "sampling",
    "segments",
    "adam",
    "bank",
    "session",
    "storage",
    "table_budget",
    "training",
    "two_way",
)
"""Files of this room that are not generators (read as text by the registry)."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a fit will do, decided from public facts alone."""

    table_sigma: float | None
    """Std of the noise on every cell of each set of one-way tables (one set for each of the
    `rows_per_unit`); None: exact counts, no guarantee."""
    events: tuple[Event, ...]
    """Every look at real rows, the one-way tables included; the accountant prices them."""
    rows_per_unit: int = 1
    """Most rows of a privacy unit that one look uses."""
    options: Mapping[str, float | int | str | bool]
    """All options of the generator, checked, defaults filled in."""
    targets: tuple[int, ...] = ()
    """Columns whose links a generator may learn best, by position."""
    recipe: str = ""
    """How the model is made, in one sentence for the report."""
    notes: tuple[str, ...] = ()
    """Sentences for the user, for example that epsilon was not used."""

    @property
    def one_way_sigma(self) -> float | None:
        """Std of the noise on every cell of the one-way tables, summed over their sets."""
        if self.table_sigma is None:
            return None
        return self.table_sigma * math.sqrt(self.rows_per_unit)


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """How far a fit has come: of the plan, the clock and what was bought; never of the rows."""

    step: int
    steps: int
    seconds_left: float | None
    loss: float | None = None
    """Mean squared distance of the model's tables to the noisy ones, over the noise's variance:
    about 1 where nothing but noise is left to fit. Post-processing of what was bought."""
    private_steps: int = 0
    """Steps of DP-SGD made so far; all tables are measured before the first report."""
    epsilon_so_far: float | None = None
    """What the looks made so far cost; filled in by the pipeline, which knows delta."""


Progress = Callable[[ProgressEvent], None]


class Model(Protocol):
    """A fitted generator: arrays, a description, and a way to draw from them."""

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws `n` rows of codes, shape (n, n_columns), uint8 or uint16."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns everything the model has learned."""

    def description(self) -> dict[str, Any]:
        """Returns the rest of the model as JSON types: names, sizes, options."""


@runtime_checkable
class ProductMixture(Protocol):
    """What a model may offer beside `Model`: columns that are independent given a latent.

    A model that has these two methods is conditioned by re-weighting latents (`posterior`), and
    completes partial rows; any other is conditioned by rejection (`rejection`). A row of `sample`
    must have the distribution of: a latent of `latents`, then each column by itself from
    `distributions`. A model of finitely many latents is a `FiniteMixture`.
    """

    def latents(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws `n` latents from their prior, shape (n, any), float32."""

    def distributions(self, latents: np.ndarray) -> np.ndarray:
        """Returns each column's distribution given each latent, shape (n, sum of sizes).

        Columns lie side by side in order; each one's part of a row sums to one.
        """


@runtime_checkable
class FiniteMixture(ProductMixture, Protocol):
    """A product mixture of latents that can be enumerated.

    What is asked of it is summed over all of them: exact, and on how many of them an answer rests
    is known. A mixture that draws from finitely many latents has to offer this: without it they
    are drawn, and a latent that comes again is taken for another (a law in `tests/laws` sees it).
    """

    def all_latents(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns every latent once, shape (n_latents, any), float32, and prior probabilities.

        The probabilities have shape (n_latents,), float64, are above 0 and sum to one.
        """


class Generator(Protocol):
    """What every plugin module of this room offers."""

    IS_PRIVATE: bool
    THEOREM: str
    """How the model follows from the noisy looks, whose own theorems `privacy.theorems` names; or
    "no guarantee" and why."""

    def plan(
        self,
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
        """Decides noise and events before any data is looked at; pure.

        Args:
            epsilon: Budget of the whole job; None for generators that are not private, and for
                no other.
            delta: At which delta epsilon is meant.
            n_tables: Number of one-way tables that the encode room will measure.
            options: The generator's options.
            before: Looks that the job makes beside the generator's own (bought domains): the
                budget covers them and the plan's events together; not part of `Plan.events`.
            rows_per_unit: Most rows of a privacy unit that one look uses.
            targets: Positions of the columns that users will predict.
            two_valued: Those of them that are publicly known to have two values.
            rows_public: Publicly known number of rows (an order of magnitude), or None; never
                counted from the table.
        """

    def fit(
        self,
        codes: Codes,
        one_way: OneWayTables,
        plan: Plan,
        *,
        seed: int,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> Model:
        """Trains on codes within the plan; `seed` reaches public randomness only."""

    def load(self, arrays: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> Model:
        """Rebuilds a model from what `Model.arrays` and `Model.description` gave."""


def load_generator(name: str) -> Generator:
    """Imports one generator by its file's name.

    Raises:
        InputError: If there is no such generator, or a third party's lacks part of the contract.
    """
    module = registry.load("synthkit.generate", name)
    missing = [
        part
        for part in ("IS_PRIVATE", "THEOREM", "plan", "fit", "load")
        if not hasattr(module, part)
    ]
    if missing:
        raise InputError(
            f"The generator {name!r} does not offer {', '.join(missing)}.",
            hint="A generator is a module with IS_PRIVATE, THEOREM, plan, fit and load.",
        )
    return cast("Generator", module)
