"""Total variation distance of 1-way, 2-way and 3-way tables to the real train table.

What is compared with what: the value is the mean distance of n synthetic rows to the train rows,
the reference that of n holdout rows to the same train rows, with the same n = min(holdout rows,
synthetic rows), so both carry the same sampling noise. The reference is the floor: a redraw from
the same population cannot be expected to do better, and a value below it hints at copying.

Distance: half the sum of absolute differences of cell shares, over the shared bins of
`synthkit.evaluate.bins` (missing cells have their own). Means are over all columns, all pairs,
and 30 triples that are fixed for a number of columns (all, if there are fewer).
The k-marginal idea follows NIST's SDNist and McKenna et al. 2021 (arXiv:2108.04978).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from synthkit.artifacts import Measurement
from synthkit.evaluate.context import Context
from synthkit.schema import Schema

N_TRIPLES = 30
MAX_TRAIN_ROWS = 200_000
MAX_COMPARED_ROWS = 100_000


def names(schema: Schema) -> tuple[str, ...]:
    """Returns the measurements that this file gives."""
    return ("fidelity.tvd1", "fidelity.tvd1_worst", "fidelity.tvd2", "fidelity.tvd3")


def triples(n_columns: int) -> list[tuple[int, ...]]:
    """Returns the triples of columns that are compared: the same ones for every table and seed."""
    every: list[tuple[int, ...]] = list(itertools.combinations(range(n_columns), 3))
    if len(every) <= N_TRIPLES:
        return every
    picked = np.random.default_rng(n_columns).choice(len(every), N_TRIPLES, replace=False)
    return [every[i] for i in sorted(picked)]


def cell_shares(
    columns: Sequence[np.ndarray], sizes: Sequence[int], combination: Sequence[int]
) -> np.ndarray:
    """Returns the share of rows in each cell of one marginal table.

    Args:
        columns: Codes per column, shape (n_rows,) each.
        sizes: Number of codes of each column.
        combination: Which columns the table crosses.

    Returns:
        Shape (product of sizes,), summing to 1.
    """
    cells = columns[combination[0]]
    n_cells = sizes[combination[0]]
    for i in combination[1:]:
        cells = cells * sizes[i] + columns[i]
        n_cells *= sizes[i]
    return np.bincount(cells, minlength=n_cells) / len(cells)


def distances(
    train: np.ndarray,
    others: Sequence[np.ndarray],
    sizes: Sequence[int],
    combinations: Sequence[Sequence[int]],
) -> np.ndarray:
    """Returns the total variation distance of each other table to train, per marginal table.

    Args:
        train: Codes, shape (n_train, n_columns).
        others: Codes of the tables to compare, shape (n_other, n_columns) each.
        sizes: Number of codes of each column.
        combinations: Column positions of each marginal table.

    Returns:
        Shape (n_combinations, n_others), each in 0 .. 1.
    """
    split = [[t[:, i].astype(np.int64) for i in range(len(sizes))] for t in (train, *others)]
    found = np.empty((len(combinations), len(others)))
    for row, combination in enumerate(combinations):
        base = cell_shares(split[0], sizes, combination)
        for column, other in enumerate(split[1:]):
            found[row, column] = np.abs(cell_shares(other, sizes, combination) - base).sum() / 2
    return found


def measure(context: Context) -> tuple[Measurement, ...]:
    """Measures the four distances; see the module docstring.

    Raises:
        NotMeasurable: If a table has too few rows.
    """
    context.require_rows()
    n_rows = min(context.holdout.n_rows, context.synthetic.n_rows, MAX_COMPARED_ROWS)
    # PRIVACY: counts of real rows without noise; internal.
    train, holdout, synthetic = (
        table.codes[context.draw(table, n, f"tvd {name}")]
        for name, table, n in (
            ("train", context.train, MAX_TRAIN_ROWS),
            ("holdout", context.holdout, n_rows),
            ("synthetic", context.synthetic, n_rows),
        )
    )
    about = f"{n_rows:,} synthetic rows against {len(train):,} train rows; reference: holdout rows"
    d = len(context.columns)

    def of(combinations: Sequence[Sequence[int]]) -> np.ndarray:
        return distances(train, (synthetic, holdout), context.sizes, combinations)

    def mean(name: str, found: np.ndarray, what: str) -> Measurement:
        if not len(found):
            note = f"could not be measured: no {what} among {d}"
            return Measurement(name=name, value=None, goal="minimize", note=note)
        return Measurement(
            name=name,
            value=float(found[:, 0].mean()),
            reference=float(found[:, 1].mean()),
            n=n_rows,
            goal="minimize",
            note=f"mean of {len(found):,} {what}; {about}",
        )

    one = of([(i,) for i in range(d)])
    worst = int(one[:, 0].argmax())
    return (
        mean("fidelity.tvd1", one, "columns"),
        Measurement(
            name="fidelity.tvd1_worst",
            value=float(one[worst, 0]),
            reference=float(one[:, 1].max()),
            n=n_rows,
            goal="minimize",
            note=f"worst column: {context.columns[worst].name}; reference: the holdout's worst",
        ),
        mean("fidelity.tvd2", of(list(itertools.combinations(range(d), 2))), "pairs of columns"),
        mean("fidelity.tvd3", of(triples(d)), "triples of columns"),
    )
