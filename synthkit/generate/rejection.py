"""Conditions any model by rejection: rows are drawn, and kept with the condition's probability.

For models that are no product mixture (`ProductMixture`). Exact, and needs nothing of the model
but `sample`; a rare condition costs time, so there is a limit and never an endless search.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from synthkit.errors import InputError
from synthkit.generate import Model
from synthkit.generate.batches import Batch
from synthkit.generate.layout import code_dtype
from synthkit.generate.posterior import Support

MAX_ROWS_PER_ACCEPTED_ROW = 2_000
"""Rejection gives up when fewer rows than one in this many satisfy the condition."""
_PILOT_ROWS = 50_000
_MOST_ROWS = 100_000


class Rejection:
    """Draws rows that satisfy a condition; the interface of `posterior.Posterior`.

    Args:
        model: Any model.
        sizes: Number of codes of each column.
        evidence: Probability of the condition given each code, by the column's place.
        n: About how many rows will be drawn.
        rng: Source of all draws.

    Raises:
        InputError: If fewer than one in 2,000 of 50,000 rows satisfy the condition.
    """

    def __init__(
        self,
        model: Model,
        sizes: Sequence[int],
        evidence: Mapping[int, np.ndarray],
        *,
        n: int,
        rng: np.random.Generator,
    ) -> None:
        self._model, self._evidence = model, dict(evidence)
        self._kept = np.empty((0, len(sizes)), dtype=code_dtype(sizes))
        self._drawn = self._accepted = 0
        while self._accepted < min(n, 100) and self._drawn < _PILOT_ROWS:
            self._look(min(max(2 * n, 1_000), 10_000), rng)
        self._require()

    @property
    def support(self) -> Support:
        """How many rows satisfied the condition so far."""
        return Support.of_rows(self._accepted, self._drawn)

    def _look(self, n: int, rng: np.random.Generator) -> None:
        values = self._model.sample(n, rng)
        accepted = np.ones(n)
        for column, evidence in self._evidence.items():
            accepted *= evidence[values[:, column]]
        values = values[rng.random(n) < accepted]
        self._kept = np.concatenate([self._kept, values])
        self._drawn += n
        self._accepted += len(values)

    def _require(self) -> None:
        if self._accepted * MAX_ROWS_PER_ACCEPTED_ROW < self._drawn:
            raise InputError(
                f"The condition has next to no mass: {self._accepted:,} of {self._drawn:,} "
                "sampled rows satisfy it.",
                hint="Loosen the condition; rows made to order from nothing would not follow "
                "the model.",
            )

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws `n` rows of codes that satisfy the condition, shape (n, n_columns)."""
        while len(self._kept) < n:
            share = self._accepted / self._drawn
            size = int(min(_MOST_ROWS, max((n - len(self._kept)) / share * 1.1, 1_000)))
            self._look(size, rng)
            if self._drawn >= _PILOT_ROWS:
                self._require()
        values, self._kept = self._kept[:n], self._kept[n:]
        return values

    def batches(self, n: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yields the same rows in batches; nothing is known of what they were drawn from."""
        for start in range(0, n, _MOST_ROWS):
            yield Batch(self.draw(min(_MOST_ROWS, n - start), rng))
