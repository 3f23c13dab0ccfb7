"""Independent columns: each column drawn from its own noisy one-way table, all links lost.

Takes the noisy one-way tables, gives a model that draws every column by itself. The whole budget
goes to the tables, so single columns come out as well as they can; it is the baseline that any
generator must beat on pairs of columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.generate import Plan, Progress, ProgressEvent
from synthkit.generate.layout import code_dtype, shares
from synthkit.generate.options import check_budget, validate
from synthkit.privacy.event import Event, NoisyTables

if TYPE_CHECKING:
    from synthkit.artifacts import Codes, OneWayTables

IS_PRIVATE = True

THEOREM = "Rows are drawn from the noisy tables alone."


class IndependentModel:
    """One distribution per column."""

    def __init__(self, columns: Sequence[str], probabilities: Sequence[np.ndarray]) -> None:
        self.columns = tuple(columns)
        self.probabilities = tuple(probabilities)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws `n` rows of codes, shape (n, n_columns), every cell by itself."""
        sizes = [len(p) for p in self.probabilities]
        values = np.empty((n, len(sizes)), dtype=code_dtype(sizes))
        for column, share in enumerate(self.probabilities):
            steps = np.cumsum(share)
            drawn = np.searchsorted(steps, rng.random(n) * steps[-1], side="right")
            values[:, column] = np.minimum(drawn, sizes[column] - 1)
        return values

    def latents(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Returns `n` empty latents, shape (n, 0): nothing links the columns."""
        return np.zeros((n, 0), dtype=np.float32)

    def all_latents(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the one latent there is, empty, shape (1, 0), and its probability."""
        return np.zeros((1, 0), dtype=np.float32), np.ones(1)

    def distributions(self, latents: np.ndarray) -> np.ndarray:
        """Returns the same distributions for each latent, shape (n, sum of sizes)."""
        flat = np.concatenate([p / p.sum() for p in self.probabilities])
        return np.broadcast_to(flat, (len(latents), len(flat)))

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the probabilities of all columns, one after the other."""
        return {"probabilities": np.concatenate(self.probabilities)}

    def description(self) -> dict[str, Any]:
        """Returns the layout of `arrays`."""
        return {
            "generator": "independent",
            "columns": list(self.columns),
            "sizes": [len(p) for p in self.probabilities],
            "personal_data": False,
        }


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
    """Spends the whole budget on the one-way tables.

    Raises:
        InputError: On a meaningless budget or any option (there are none).
    """
    from synthkit.privacy.accountant import calibrate

    check_budget(epsilon=epsilon, delta=delta, n_tables=n_tables, rows_per_unit=rows_per_unit)
    assert epsilon is not None  # refused above; said again for the type checker
    checked = validate(options, (), generator="independent")

    def events(sigma: float) -> tuple[NoisyTables, ...]:
        tables = n_tables * rows_per_unit
        return (NoisyTables(name="one-way tables", sigma=sigma, tables=tables),)

    sigma = calibrate(lambda s: (*before, *events(s)), epsilon=epsilon, delta=delta)
    return Plan(
        table_sigma=sigma,
        events=events(sigma),
        options=checked,
        rows_per_unit=rows_per_unit,
        recipe="Each column by itself, drawn from its noisy table; links between columns are lost.",
    )


def fit(
    codes: Codes,
    one_way: OneWayTables,
    plan: Plan,
    *,
    seed: int,
    device: str = "cpu",
    progress: Progress | None = None,
) -> IndependentModel:
    """Turns the noisy tables into distributions; looks at no row, needs no seed and no device."""
    # PRIVACY: only names are taken from `codes`; the tables already carry their noise.
    if progress is not None:
        progress(ProgressEvent(step=1, steps=1, seconds_left=0.0))
    return IndependentModel(codes.columns, shares(one_way))


def load(arrays: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> IndependentModel:
    """Rebuilds a model from its arrays and description."""
    ends = np.cumsum(description["sizes"])[:-1]
    return IndependentModel(description["columns"], np.split(arrays["probabilities"], ends))
