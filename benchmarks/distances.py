"""Mean total variation distance of one-, two- and three-way tables: codes in, three numbers out.

TVD of two distributions over the same cells is half the sum of absolute differences. All columns,
all pairs, and `N_TRIPLES` triples count; the triples are drawn once per number of columns by a
public seed, so every generator is judged by the same ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

N_TRIPLES = 30
TRIPLES_SEED = 0


def triples(n_columns: int) -> list[tuple[int, int, int]]:
    """Returns the fixed triples of columns, in order; all of them where there are no more."""
    found = list(itertools.combinations(range(n_columns), 3))
    if len(found) <= N_TRIPLES:
        return found
    picked = np.random.default_rng(TRIPLES_SEED).choice(len(found), N_TRIPLES, replace=False)
    return [found[i] for i in sorted(picked)]


def distance(
    real: np.ndarray, other: np.ndarray, sizes: Sequence[int], columns: Sequence[int]
) -> float:
    """Returns the TVD of the joint table of some columns.

    Args:
        real: Codes, shape (n_rows, n_columns).
        other: Codes, shape (n_other_rows, n_columns).
        sizes: Number of codes of each column.
        columns: Which columns.
    """
    cells = int(np.prod([sizes[c] for c in columns]))
    shares = []
    for codes in (real, other):
        place = np.zeros(len(codes), dtype=np.int64)
        for c in columns:
            place = place * sizes[c] + codes[:, c]
        shares.append(np.bincount(place, minlength=cells) / len(codes))
    return float(0.5 * np.abs(shares[0] - shares[1]).sum())


def mean_distances(real: np.ndarray, other: np.ndarray, sizes: Sequence[int]) -> dict[str, float]:
    """Returns the mean TVD of all columns, all pairs and the fixed triples.

    Args:
        real: Codes of real train, shape (n_rows, n_columns).
        other: Codes of the table that is judged, under the same bins.
        sizes: Number of codes of each column.
    """
    n = len(sizes)
    groups: dict[str, list[tuple[int, ...]]] = {
        "tvd1": [(c,) for c in range(n)],
        "tvd2": list(itertools.combinations(range(n), 2)),
        "tvd3": [*triples(n)],
    }
    return {
        name: float(np.mean([distance(real, other, sizes, g) for g in found]))
        for name, found in groups.items()
        if found
    }
