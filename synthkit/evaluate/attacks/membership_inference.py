"""Membership inference: can an outsider with the synthetic table tell members from strangers?

Members are train rows, non-members holdout rows, one row per person, equally many. The score of a
row is a density ratio in the manner of DOMIAS (van Breugel et al. 2023, arXiv:2302.12580): how
close the nearest synthetic row is, against how close the nearest row of a reference sample from
the same population is, plus the same ratio for exact matches (which decides in tables of few
distinct rows). The holdout is cut in two halves by person; rows of one half (and of one half of
the members) are calibrated with the other half, so no row and no person calibrates itself.

Given are the AUC with DeLong's 95 % interval (0.5: chance) and the true positive rate at 1 % false
positives with Wilson's (widened by the square root of 2 for the chance in the threshold), which
shows a few exposed people that an AUC hides (Carlini et al. 2022,
arXiv:2112.03570). One attack bounds the risk from below; others may do better.
"""

from __future__ import annotations

import math

import numpy as np

from synthkit.artifacts import Measurement
from synthkit.evaluate.attacks.intervals import Z_95, delong, wilson
from synthkit.evaluate.attacks.nearest import embed, nearest_distance
from synthkit.evaluate.context import Context, NotMeasurable
from synthkit.schema import Schema

MAX_PERSONS = 5_000
"""Members, and non-members, that are attacked."""
MAX_PAIRS = 400_000_000
"""Distances to synthetic rows computed at most; fewer persons are attacked in larger tables."""
MAX_SYNTHETIC_ROWS = 100_000
MAX_REFERENCE_ROWS = 20_000
MIN_PERSONS = 25
MIN_PERSONS_RATE = 100
FALSE_POSITIVE_RATE = 0.01

AUC = "attacks.membership_inference"
RATE = "attacks.membership_inference_tpr"


def names(schema: Schema) -> tuple[str, ...]:
    """Returns the measurements that this file gives."""
    return (AUC, RATE)


def measure(context: Context) -> tuple[Measurement, ...]:
    """Runs the attack; see the module docstring.

    Raises:
        NotMeasurable: If there are too few persons, train and holdout share some, or every row
            gets the same score.
    """
    context.require_rows()
    context.require_strangers()
    members, others, n_synthetic = attack(context)
    n = len(members)
    if np.ptp(np.concatenate([members, others])) == 0:
        raise NotMeasurable("the attack gives every row the same score")
    auc, error = delong(members, others)
    about = f"{n:,} members and {n:,} non-members, one row per person"
    if n_synthetic < context.synthetic.n_rows:
        about += f"; {n_synthetic:,} of {context.synthetic.n_rows:,} synthetic rows used"
    return (
        Measurement(
            name=AUC,
            value=auc,
            low=max(0.0, auc - Z_95 * error),
            high=min(1.0, auc + Z_95 * error),
            confidence=0.95,
            n=n,
            reference=0.5,
            goal="minimize",
            note=f"AUC of a calibrated nearest-neighbour attack; {about}",
        ),
        _rate(members, others, about),
    )


def _rate(members: np.ndarray, others: np.ndarray, about: str) -> Measurement:
    """Returns the share of members above the threshold that at most 1 % of the others pass."""
    n = len(members)
    if n < MIN_PERSONS_RATE:
        note = f"could not be measured: {n} non-members cannot show a rate of 1 %"
        return Measurement(name=RATE, value=None, n=n, goal="minimize", note=note)
    allowed = int(FALSE_POSITIVE_RATE * n)
    threshold = np.sort(others)[::-1][allowed]
    hits = int((members > threshold).sum())
    # The threshold is estimated from as many rows as the rate: at chance, twice the variance.
    low, high = wilson(hits, n, Z_95 * math.sqrt(2))
    return Measurement(
        name=RATE,
        value=hits / n,
        low=low,
        high=high,
        confidence=0.95,
        n=n,
        reference=FALSE_POSITIVE_RATE,
        goal="minimize",
        note=f"true positive rate at 1 % false positives; {about}",
    )


def attack(context: Context) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores members and non-members; higher means "more like a member".

    Returns:
        Scores of members and of non-members, shape (n_persons,) each, and how many synthetic
        rows were searched.

    Raises:
        NotMeasurable: If train or holdout have too few persons.
    """
    # PRIVACY: the attack looks at real rows on both sides; only pooled scores leave this file.
    synthetic_rows = context.draw(context.synthetic, MAX_SYNTHETIC_ROWS, "mia synthetic")
    train_rows = context.one_row_per_person(context.train, "mia members")
    holdout_rows = context.one_row_per_person(context.holdout, "mia non-members")
    n = min(len(train_rows), len(holdout_rows), MAX_PERSONS, MAX_PAIRS // (2 * len(synthetic_rows)))
    if n < MIN_PERSONS:
        raise NotMeasurable(f"{n} persons on either side, fewer than {MIN_PERSONS}")
    every_holdout_row = np.arange(context.holdout.n_rows)
    members, holdout, points = embed(context, train_rows[:n], every_holdout_row, synthetic_rows)
    train_keys, holdout_keys, synthetic_keys = context.keys
    point_keys = synthetic_keys[synthetic_rows]
    # Halves of all holdout persons, so that persons beyond the attacked ones calibrate as well.
    half_of_person = context.rng("mia halves").permutation(int(context.holdout.units.max()) + 1) % 2
    half = half_of_person[context.holdout.units]  # (n_holdout,)
    attacked = {
        "members": (members, train_keys[train_rows[:n]], np.arange(n) % 2),
        "others": (
            holdout[holdout_rows[:n]],
            holdout_keys[holdout_rows[:n]],
            half[holdout_rows[:n]],
        ),
    }
    scores = {}
    for name, (queries, keys, halves) in attacked.items():
        close = _closeness(queries, keys, points, point_keys)
        calibration = np.empty(n)
        for side in (0, 1):
            reference = np.flatnonzero(half != side)[:MAX_REFERENCE_ROWS]
            mine = halves == side
            calibration[mine] = _closeness(
                queries[mine], keys[mine], holdout[reference], holdout_keys[reference]
            )
        scores[name] = close - calibration
    return scores["members"], scores["others"], len(points)


def _closeness(
    queries: np.ndarray, query_keys: np.ndarray, points: np.ndarray, point_keys: np.ndarray
) -> np.ndarray:
    """Returns the log density of points around each query, up to a constant.

    Args:
        queries: Shape (n_queries, n_axes).
        query_keys: Row keys of the queries, shape (n_queries,).
        points: Shape (n_points, n_axes).
        point_keys: Row keys of the points, shape (n_points,).

    Returns:
        Shape (n_queries,): minus the log distance, plus the log count of exact matches.
    """
    distinct, counts = np.unique(point_keys, return_counts=True)
    at = np.searchsorted(distinct, query_keys).clip(max=len(distinct) - 1)
    matches = np.where(distinct[at] == query_keys, counts[at], 0)
    distance = nearest_distance(queries, points)
    distance[matches > 0] = 0.0
    # One thousandth of a fully different category: below it, a near copy is as good as a copy.
    return np.asarray(np.log1p(matches / len(points) * 1e4) - np.log(distance + 1e-3))
