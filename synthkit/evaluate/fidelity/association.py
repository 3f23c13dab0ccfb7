"""Figure: absolute difference of pair association to train, for synthetic and for holdout.

Association is the bias-corrected Cramer's V (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002) on the
shared bins, so that numbers and categories are on one scale. The holdout's difference, at the
same number of rows as the synthetic one, is the noise floor.
"""

from __future__ import annotations

import numpy as np

from synthkit.artifacts import AssociationFigure
from synthkit.evaluate.context import Context

MAX_ROWS = 50_000


def cramers_v(table: np.ndarray) -> float:
    """Returns the bias-corrected Cramer's V of a table of counts, in 0 .. 1.

    A table with fewer than two non-empty rows or columns has no association: 0.

    Args:
        table: Counts, shape (n_levels_1, n_levels_2).
    """
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].astype(np.float64)
    n_first, n_second = table.shape
    n = table.sum()
    if min(n_first, n_second) < 2 or n < 2:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi_squared = float(((table - expected) ** 2 / expected).sum() / n)
    corrected = max(0.0, phi_squared - (n_first - 1) * (n_second - 1) / (n - 1))
    first = n_first - (n_first - 1) ** 2 / (n - 1)
    second = n_second - (n_second - 1) ** 2 / (n - 1)
    smaller = min(first, second) - 1
    return float(min(1.0, np.sqrt(corrected / smaller))) if smaller > 0 else 0.0


def associations(codes: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Returns Cramer's V of all pairs.

    Args:
        codes: Shape (n_rows, n_columns).
        sizes: Number of codes of each column.

    Returns:
        Symmetric, shape (n_columns, n_columns), ones on the diagonal.
    """
    columns = [codes[:, i].astype(np.int64) for i in range(len(sizes))]
    found = np.eye(len(sizes))
    for i, first in enumerate(columns):
        base = first * 1
        for j in range(i + 1, len(sizes)):
            cells = base * sizes[j] + columns[j]
            counts = np.bincount(cells, minlength=sizes[i] * sizes[j])
            found[i, j] = found[j, i] = cramers_v(counts.reshape(sizes[i], sizes[j]))
    return found


def association_figure(context: Context) -> AssociationFigure:
    """Draws the figure; see the module docstring.

    Raises:
        NotMeasurable: If a table has too few rows.
    """
    context.require_rows()
    n_rows = min(context.holdout.n_rows, context.synthetic.n_rows, MAX_ROWS)
    # PRIVACY: counts of real rows without noise; internal.
    train, holdout, synthetic = (
        associations(table.codes[context.draw(table, n, f"association {name}")], context.sizes)
        for name, table, n in (
            ("train", context.train, MAX_ROWS),
            ("holdout", context.holdout, n_rows),
            ("synthetic", context.synthetic, n_rows),
        )
    )

    def rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(round(float(v), 6) for v in row) for row in matrix)

    return AssociationFigure(
        columns=tuple(c.name for c in context.columns),
        synthetic=rows(np.abs(synthetic - train)),
        holdout=rows(np.abs(holdout - train)),
    )
