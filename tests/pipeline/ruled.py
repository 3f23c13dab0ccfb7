"""Models with random tables of distributions, for tests of rules: no fit, no real row."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl

import synthkit as sk
from synthkit import encode
from synthkit.pipeline.deriving import learned
from synthkit.schema import Constraint, Schema, dtype_of
from tests.schema.rules import COLUMNS, DAYS

ROWS = 300


class RandomMixture:
    """Latents at random, each with a distribution of every column; some hardly know some codes."""

    def __init__(self, sizes: tuple[int, ...], seed: int) -> None:
        rng = np.random.default_rng(seed)
        blocks = [rng.dirichlet(np.full(size, 0.2), 6) for size in sizes]
        self.sizes, self.table = sizes, np.concatenate(blocks, axis=1)

    def latents(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(0, len(self.table), (n, 1)).astype(np.float32)

    def distributions(self, latents: np.ndarray) -> np.ndarray:
        return self.table[latents[:, 0].astype(int)]

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        from synthkit.generate.posterior import draw_columns

        own = self.latents(n, rng)[:, 0].astype(int)
        return draw_columns(self.table, own, self.sizes, {}, rng)


class OnlySamples:
    """The same model, of which nothing is known but its rows."""

    def __init__(self, inner: RandomMixture) -> None:
        self._inner = inner

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._inner.sample(n, rng)


def table(seed: int = 0) -> pl.DataFrame:
    """Rows that a codec can be made from; the values are nobody's."""
    rng = np.random.default_rng(seed)

    def cells(column) -> list:
        if column.kind == "boolean":
            found = rng.random(ROWS) < 0.5
        elif column.categories:
            found = rng.choice(np.array(column.categories, dtype=object), ROWS)
        elif column.kind == "date":
            found = rng.choice(np.array(DAYS, dtype=object), ROWS)
        else:
            found = np.round(rng.uniform(*column.bounds, ROWS), 1)
        values = [int(v) if column.kind == "integer" else v for v in found.tolist()]
        return [None if column.nullable and rng.random() < 0.2 else v for v in values]

    return pl.DataFrame([pl.Series(c.name, cells(c), dtype=dtype_of(c)) for c in COLUMNS])


def model(rules: tuple[Constraint, ...], seed: int, *, is_mixture: bool = True) -> sk.Model:
    """Makes a model whose rows know nothing of the rules."""
    columns = tuple(dataclasses.replace(c, domain_source="public") for c in COLUMNS)
    schema = Schema(name="t", population="t", columns=columns, constraints=rules)
    codec = encode.fit(table(seed), schema, np.arange(ROWS), sigma=None).codec
    inner = RandomMixture(codec.sizes, seed)
    return sk.Model(
        schema=learned(schema, codec, inner),
        generator="random",
        codec=codec,
        inner=inner if is_mixture else OnlySamples(inner),
        units=float(ROWS),
        privacy=None,
    )
