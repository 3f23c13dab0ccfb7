"""Share of synthetic rows that equal a train row, minus the share that equal a holdout row.

Rows are equal if all encoded columns are (floats exactly, missing equals missing). Low-cardinality
tables match by chance; an honest generator matches train and holdout alike, so the difference is
0 but for chance, and what is above 0 was copied. Train and holdout are compared at equal size:
for the larger table each match counts with its probability of surviving a random subset of the
smaller one's size (hypergeometric), so no copy is lost to a draw. `attacks.exact_copies_unique`
counts only matches with rows that occur once in their table: rarer by chance, more telling.

Interval (95 %): the wider of Newcombe's for independent rows and a normal one that takes all
copies of one row as a single cluster, for a common row may match thousands of times at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from synthkit.artifacts import Measurement
from synthkit.evaluate.attacks.intervals import Z_95, newcombe
from synthkit.evaluate.context import Context
from synthkit.schema import Schema


def names(schema: Schema) -> tuple[str, ...]:
    """Returns the measurements that this file gives."""
    return ("attacks.exact_copies", "attacks.exact_copies_unique")


def present(counts: np.ndarray, n_rows: int, n_kept: int) -> np.ndarray:
    """Returns the probability that a row seen `counts` times is in a random subset at all.

    Args:
        counts: How often each distinct row occurs, shape (n_keys,).
        n_rows: Rows of the table.
        n_kept: Rows of the subset.
    """
    from scipy.stats import hypergeom

    distinct, at = np.unique(counts, return_inverse=True)
    return np.asarray(hypergeom.sf(0, n_rows, distinct, n_kept))[at]


def present_once(counts: np.ndarray, n_rows: int, n_kept: int) -> np.ndarray:
    """Returns the probability that a row seen `counts` times is in a random subset once."""
    from scipy.stats import hypergeom

    distinct, at = np.unique(counts, return_inverse=True)
    return np.asarray(hypergeom.pmf(1, n_rows, distinct, n_kept))[at]


def measure(context: Context) -> tuple[Measurement, ...]:
    """Measures both shares; see the module docstring.

    Raises:
        NotMeasurable: If a table has too few rows, or train and holdout share persons.
    """
    context.require_rows()
    context.require_strangers()
    # PRIVACY: counts of real rows; only shares of synthetic rows come out, internal.
    keys = context.keys
    n_keys = max(int(k.max()) for k in keys) + 1
    train, holdout, synthetic = (np.bincount(k, minlength=n_keys) for k in keys)
    emitted = np.flatnonzero(synthetic)
    shares = synthetic[emitted] / context.synthetic.n_rows  # (n_emitted_keys,)
    unique = float(shares[train[emitted] == 1].sum())
    every = float(shares[train[emitted] > 0].sum())
    return (
        _excess(
            context,
            "attacks.exact_copies",
            train[emitted],
            holdout[emitted],
            shares,
            present,
            note=f"{every:.4%} of the synthetic rows equal a row of the whole train table",
        ),
        _excess(
            context,
            "attacks.exact_copies_unique",
            train[emitted],
            holdout[emitted],
            shares,
            present_once,
            note=f"{unique:.4%} of the synthetic rows equal a row that train has once",
        ),
    )


def _excess(
    context: Context,
    name: str,
    train: np.ndarray,
    holdout: np.ndarray,
    shares: np.ndarray,
    matches: Callable[[np.ndarray, int, int], np.ndarray],
    *,
    note: str,
) -> Measurement:
    """Compares the matches with train and with holdout, key by key.

    Args:
        context: The tables.
        name: Name of the measurement.
        train: How often each emitted row occurs in train, shape (n_emitted_keys,).
        holdout: The same for the holdout.
        shares: Share of the synthetic rows that have each key.
        matches: `present` or `present_once`.
        note: What to say about the whole train table.
    """
    n_synthetic = context.synthetic.n_rows
    n_kept = min(context.train.n_rows, context.holdout.n_rows)
    in_train = matches(train, context.train.n_rows, n_kept)
    in_holdout = matches(holdout, context.holdout.n_rows, n_kept)
    first, second = float(shares @ in_train), float(shares @ in_holdout)
    low, high = newcombe(min(first, 1.0), n_synthetic, min(second, 1.0), n_synthetic)
    half = Z_95 * math.sqrt(float(((shares * (in_train - in_holdout)) ** 2).sum()))
    value = first - second
    return Measurement(
        name=name,
        value=value,
        low=max(-1.0, min(low, value - half)),
        high=min(1.0, max(high, value + half)),
        confidence=0.95,
        n=n_synthetic,
        reference=0.0,
        goal="minimize",
        note=f"train {first:.4%}, holdout {second:.4%} at {n_kept:,} rows each; {note}",
    )
