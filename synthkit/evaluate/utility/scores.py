"""Weighted AUC and R2, and bootstrap weights by person; no measurement of its own."""

from __future__ import annotations

import numpy as np


def auc(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the area under the ROC curve for each row of weights, ties counted half.

    Args:
        positive: Whether each row is of the class, shape (n_rows,).
        scores: Score of each row, higher for the class, shape (n_rows,).
        weights: Shape (n_replicates, n_rows), non-negative.

    Returns:
        Shape (n_replicates,); NaN where a class has no weight.
    """
    _, group = np.unique(scores, return_inverse=True)
    n_groups = int(group.max()) + 1
    found = np.empty(len(weights))
    for i, w in enumerate(weights):
        of_class = np.bincount(group, w * positive, n_groups)
        others = np.bincount(group, w * ~positive, n_groups)
        below = np.cumsum(others) - others / 2
        total = of_class.sum() * others.sum()
        found[i] = (of_class * below).sum() / total if total > 0 else np.nan
    return found


def macro_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the mean one-versus-rest AUC over the classes present among the labels.

    With two classes and scores that add up to 1 this is the usual AUC.

    Args:
        labels: Class of each row, shape (n_rows,), 0 .. n_classes - 1.
        scores: Shape (n_rows, n_classes).
        weights: Shape (n_replicates, n_rows).

    Returns:
        Shape (n_replicates,); a replicate that lacks a class averages over the others.
    """
    present = [k for k in range(scores.shape[1]) if 0 < (labels == k).sum() < len(labels)]
    each = [auc(labels == k, scores[:, k], weights) for k in present]
    return np.asarray(np.nanmean(each, axis=0))


def r_squared(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the weighted coefficient of determination for each row of weights.

    Args:
        truth: Shape (n_rows,).
        predicted: Shape (n_rows,).
        weights: Shape (n_replicates, n_rows).

    Returns:
        Shape (n_replicates,); NaN where the truth does not vary.
    """
    total = weights.sum(axis=1)
    mean = weights @ truth / total
    residual = weights @ (truth - predicted) ** 2
    spread = weights @ truth**2 - total * mean**2
    return np.where(spread > 1e-12 * total, 1 - residual / np.where(spread > 0, spread, 1), np.nan)


def bootstrap_weights(units: np.ndarray, n_replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Draws persons with replacement; a row weighs as often as its person was drawn.

    Args:
        units: Person of each row, shape (n_rows,).
        n_replicates: Number of replicates beside the first.
        rng: Public randomness.

    Returns:
        Shape (1 + n_replicates, n_rows), float32; the first row is all ones, the sample itself.
    """
    _, dense = np.unique(units, return_inverse=True)
    n_units = int(dense.max()) + 1
    weights = np.ones((1 + n_replicates, len(units)), dtype=np.float32)
    for i in range(1, 1 + n_replicates):
        drawn = np.bincount(rng.integers(0, n_units, n_units), minlength=n_units)
        weights[i] = drawn[dense]
    return weights
