"""Vectorised draws that both simulators need: rows per person, a choice per row, plain texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def persons_of_rows(
    n_rows: int, *, exponent: float, most: int, rng: np.random.Generator
) -> np.ndarray:
    """Returns the person of each row; persons have 1 to `most` rows with a heavy tail.

    The number of rows k has probability proportional to k ** -exponent.

    Returns:
        Shape (n_rows,), int64, 0 .. n_persons - 1, non-decreasing.

    Raises:
        InputError: If `n_rows` is not positive.
    """
    if n_rows < 1:
        raise InputError("An example table needs at least one row.", hint="Ask for more rows.")
    sizes = np.arange(1, most + 1)
    weights = sizes**-exponent
    counts = rng.choice(sizes, size=n_rows, p=weights / weights.sum())  # (n_rows,) more than needed
    n_persons = int(np.searchsorted(np.cumsum(counts), n_rows)) + 1
    return np.repeat(np.arange(min(n_persons, n_rows)), counts[:n_persons])[:n_rows]


def first_row_of_person(persons: np.ndarray) -> np.ndarray:
    """Returns whether each row is its person's first, shape (n_rows,); persons non-decreasing."""
    is_first = np.ones(persons.size, dtype=bool)
    is_first[1:] = persons[1:] != persons[:-1]
    return is_first


def choose(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws one column index per row with probability proportional to its weight.

    Args:
        weights: Non-negative, shape (n_rows, n_choices), each row with a positive sum.
        rng: Public randomness.

    Returns:
        Shape (n_rows,), int64.
    """
    cumulative = np.cumsum(weights, axis=1)  # (n_rows, n_choices)
    points = rng.random(weights.shape[0]) * cumulative[:, -1]  # (n_rows,)
    return np.asarray((points[:, None] >= cumulative).sum(axis=1))


def happens(probability: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws yes or no per row, shape (n_rows,)."""
    return np.asarray(rng.random(probability.shape[0]) < probability)


def logistic(score: np.ndarray) -> np.ndarray:
    """Returns 1 / (1 + exp(-score))."""
    return np.asarray(1.0 / (1.0 + np.exp(-score)))


def label(labels: Sequence[str], index: np.ndarray) -> pl.Series:
    """Returns `labels[index]` as strings."""
    import polars as pl

    return pl.Series(list(labels), dtype=pl.String).gather(pl.Series(index.astype(np.uint32)))


def numbered(prefix: str, index: np.ndarray, digits: int) -> pl.Series:
    """Returns identifiers such as C00042."""
    import polars as pl

    return prefix + pl.Series(index).cast(pl.String).str.zfill(digits)


def written(values: np.ndarray, is_missing: np.ndarray, token: str) -> pl.Series:
    """Returns numbers as a text file holds them, with `token` where they are missing."""
    import polars as pl

    return pl.Series(values).cast(pl.String).set(pl.Series(is_missing), token)


def sentences(parts: Sequence[pl.Series]) -> pl.Series:
    """Joins the parts of each row with spaces, leaving out empty ones."""
    import polars as pl

    frame = pl.DataFrame([p.alias(str(i)) for i, p in enumerate(parts)])
    joined = frame.select(pl.concat_str(pl.all(), separator=" ")).to_series()
    return joined.str.replace_all(" +", " ").str.strip_chars()
