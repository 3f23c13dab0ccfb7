"""All tiny tables and all their neighbours: every way in which one person can be in or out.

Gives codes of two columns with two codes each (four cells), for up to four rows of up to three
persons, one of whom is in question. That person's rows come last, so that everybody else's draws
can be frozen: row i keeps its key whether or not the person is there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SIZES = (2, 2)
CELLS = tuple(itertools.product(range(2), range(2)))


@dataclass(frozen=True)
class Pair:
    """A table with one person more, and how many of its first rows are other people's."""

    values: np.ndarray
    """Codes, uint8, shape (n_rows, 2)."""
    units: np.ndarray
    """int64, shape (n_rows,); the person in question has the largest."""
    n_others: int


def pairs(most_rows: int) -> Iterator[Pair]:
    """Gives every pair of up to `most_rows` rows; two other people at most."""
    rows_of_others = [(unit, cell) for unit in (0, 1) for cell in CELLS]
    for n_others in range(most_rows):
        for others in itertools.combinations_with_replacement(rows_of_others, n_others):
            for n_own in range(1, most_rows - n_others + 1):
                for own in itertools.combinations_with_replacement(CELLS, n_own):
                    units = [unit for unit, _ in others] + [2] * n_own
                    yield Pair(
                        values=np.array([*(cell for _, cell in others), *own], dtype=np.uint8),
                        units=np.unique(units, return_inverse=True)[1].astype(np.int64),
                        n_others=n_others,
                    )


def keys(n_rows: int) -> Iterator[np.ndarray]:
    """Gives secret keys of the rows in increasing, decreasing and mixed order."""
    order = np.arange(1, n_rows + 1, dtype=np.uint64)
    yield order
    yield order[::-1].copy()
    yield np.concatenate([order[::2], order[1::2][::-1]])


@dataclass
class Frozen:
    """Answers every draw as if it had been fixed beforehand; keeps the exact counts it was asked.

    Rows get their own keys whatever other rows there are; noisy counts are always the same, so
    nothing later can depend on the table.
    """

    keys: np.ndarray
    asked: list[np.ndarray] = field(default_factory=list)
    """Exact counts that went into the noise, flat, one array per draw."""

    def answer(self, kind: str, asked: Mapping[str, Any], make: Any) -> Any:
        if kind == "rows_of_units":
            return self.keys[: asked["rows"]].tobytes()
        assert kind == "noisy_counts", kind
        self.asked.append(np.asarray(asked["counts"]).reshape(-1).astype(np.int64))
        return np.full(np.shape(asked["counts"]), 3, dtype=np.int64)
