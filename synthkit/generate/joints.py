"""How often two codes of a model come together: tables of pairs of columns, from the model alone.

Of a product mixture a table is the mean, over its latents, of the outer product of two columns'
distributions: exact, or, where latents cannot be listed, exact up to the number that are drawn
under a fixed seed. Of any other model it is counted in sampled rows. A function of the model, so
free of charge; no real row is read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from synthkit.generate import FiniteMixture, ProductMixture

if TYPE_CHECKING:
    from synthkit.generate import Model

LATENTS = 2**15
ROWS = 200_000
BATCH = 8_192
SEED = 0
"""Two looks at one model agree."""

Pair = tuple[int, int]


def pair_tables(
    model: Model, sizes: Sequence[int], pairs: Sequence[Pair]
) -> dict[Pair, np.ndarray]:
    """Returns the joint distribution of the codes of each pair of columns.

    Args:
        model: Any model.
        sizes: Number of codes of each column.
        pairs: Places of columns.

    Returns:
        Tables that sum to one, of shape (size of one, size of the other), float64.
    """
    starts = np.concatenate([[0], np.cumsum(sizes)])
    tables = {(a, b): np.zeros((sizes[a], sizes[b])) for a, b in pairs}
    rng = np.random.default_rng(SEED)
    mixture: object = model
    if not isinstance(mixture, ProductMixture):
        values = model.sample(ROWS, rng).astype(np.int64)
        for (a, b), table in tables.items():
            np.add.at(table, (values[:, a], values[:, b]), 1.0 / len(values))
        return tables
    if isinstance(mixture, FiniteMixture):
        latents, prior = mixture.all_latents()
    else:
        latents, prior = mixture.latents(LATENTS, rng), np.full(LATENTS, 1.0 / LATENTS)
    for first in range(0, len(latents), BATCH):
        cells = mixture.distributions(latents[first : first + BATCH])
        shares = prior[first : first + BATCH, None]
        for (a, b), table in tables.items():
            one, other = (cells[:, starts[i] : starts[i + 1]] for i in (a, b))
            table += (one * shares).T @ other
    return tables


def group_table(
    model: Model, sizes: Sequence[int], deciding: Sequence[int], place: int
) -> np.ndarray:
    """Counts the codes of one column beside each combination of codes of others, in sampled rows.

    Returns:
        Shape (product of the deciding columns' sizes, size), float64; combinations in row-major
        order.
    """
    values = model.sample(ROWS, np.random.default_rng(SEED)).astype(np.int64)
    shape = [sizes[i] for i in deciding]
    groups = np.ravel_multi_index([values[:, i] for i in deciding], shape)
    table = np.zeros((int(np.prod(shape)), sizes[place]))
    np.add.at(table, (groups, values[:, place]), 1.0)
    return table
