"""Distance to closest record: share of synthetic rows closer to train than to holdout.

A diagnostic, never a proof: generators that leak pass it (Yao et al. 2025, "The DCR Delusion",
arXiv:2505.01524). Train and holdout are taken at equal size, ties count half, 0.5 is expected of
an honest generator. Wilson's 95 % interval takes the synthetic rows as independent.
"""

from __future__ import annotations

import numpy as np

from synthkit.artifacts import Measurement
from synthkit.evaluate.attacks.intervals import wilson
from synthkit.evaluate.attacks.nearest import embed, nearest_distance
from synthkit.evaluate.context import Context
from synthkit.schema import Schema

NAME = "diagnostics.dcr_train_closer_share"
MAX_SYNTHETIC_ROWS = 4_000
MAX_REAL_ROWS = 20_000


def names(schema: Schema) -> tuple[str, ...]:
    """Returns the measurements that this file gives."""
    return (NAME,)


def measure(context: Context) -> tuple[Measurement, ...]:
    """Measures the share; see the module docstring.

    Raises:
        NotMeasurable: If a table has too few rows, or train and holdout share persons.
    """
    context.require_rows()
    context.require_strangers()
    n_real = min(context.train.n_rows, context.holdout.n_rows, MAX_REAL_ROWS)
    # PRIVACY: distances to real rows; only the share comes out, internal.
    train, holdout, queries = embed(
        context,
        context.draw(context.train, n_real, "dcr train"),
        context.draw(context.holdout, n_real, "dcr holdout"),
        context.draw(context.synthetic, MAX_SYNTHETIC_ROWS, "dcr synthetic"),
    )
    # Distances are exact up to rounding; closer than 1e-9 is a tie.
    gap = nearest_distance(queries, holdout) - nearest_distance(queries, train)
    closer = float((gap > 1e-9).sum() + (np.abs(gap) <= 1e-9).sum() / 2)
    low, high = wilson(closer, len(queries))
    return (
        Measurement(
            name=NAME,
            value=closer / len(queries),
            low=low,
            high=high,
            confidence=0.95,
            n=len(queries),
            reference=0.5,
            goal="minimize",
            note=f"diagnostic, not a privacy proof (Yao et al. 2025); {n_real:,} real rows each",
        ),
    )
