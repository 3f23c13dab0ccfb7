"""Simulated codes and noisy tables for the tests of this room."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthkit.artifacts import Codes, OneWayTables
from synthkit.privacy.mechanism import noisy_counts, one_row_per_unit


@pytest.fixture(autouse=True, scope="session")
def _few_threads() -> None:
    torch.set_num_threads(1)


def linked_codes(
    n_units: int, *, rows_per_unit: int = 1, sizes: tuple[int, ...] = (4, 6, 3, 5), seed: int = 0
) -> Codes:
    """Columns that all follow one hidden code, up to 10 % of cells replaced at random."""
    rng = np.random.default_rng(seed)
    n_rows = n_units * rows_per_unit
    hidden = rng.integers(0, 60, n_rows)
    linked = np.stack([hidden % size for size in sizes], axis=1)
    noise = np.stack([rng.integers(0, size, n_rows) for size in sizes], axis=1)
    values = np.where(rng.random(linked.shape) < 0.1, noise, linked).astype(np.uint8)
    return Codes(
        columns=tuple(f"column {i}" for i in range(len(sizes))),
        sizes=sizes,
        values=values,
        units=np.repeat(np.arange(n_units), rows_per_unit),
    )


def measured(codes: Codes, sigma: float | None) -> OneWayTables:
    """One-way tables as the encode room gives them."""
    values = codes.values[one_row_per_unit(codes.units)]
    exact = [
        np.bincount(values[:, c], minlength=size).astype(np.int64)
        for c, size in enumerate(codes.sizes)
    ]
    if sigma is None:
        counts = [c.astype(float) for c in exact]
    else:
        counts = [np.maximum(noisy_counts(c, sigma=sigma), 0).astype(float) for c in exact]
    units = max(float(np.mean([c.sum() for c in counts])), 1.0)
    scaled = tuple(
        c * units / c.sum() if c.sum() > 0 else np.full(len(c), units / len(c)) for c in counts
    )
    return OneWayTables(counts=scaled, units=units, sigma=sigma)


def two_way_distance(real: Codes, values: np.ndarray) -> float:
    """Mean total variation distance of all two-way tables."""
    sizes, distances = real.sizes, []
    for a in range(len(sizes)):
        for b in range(a):
            tables = []
            for rows in (real.values, values):
                cell = rows[:, a].astype(np.int64) * sizes[b] + rows[:, b]
                tables.append(np.bincount(cell, minlength=sizes[a] * sizes[b]) / len(rows))
            distances.append(0.5 * np.abs(tables[0] - tables[1]).sum())
    return float(np.mean(distances))


SMALL = {
    "gradient_share": 0.1,
    "match_steps": 60,
    "critic_steps": 6,
    "batch_size": 64,
    "bank": 64,
    "hidden": 32,
    "latent": 8,
    "critic_hidden": 16,
}
"""Options of a dpctgan that trains in well under a second, discriminator included."""


def global_numpy_state() -> np.ndarray:
    """State of NumPy's global generator, which nothing here may move."""
    return np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
