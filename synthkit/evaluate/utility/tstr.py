"""Train on synthetic, test on real: a LightGBM model per target, beside one trained on real rows.

For every target of the schema, one model learns from n synthetic rows and one from n train rows
(n = the smaller of both tables, at most 50,000); both are tested on the same holdout rows.
Categories, ordinals and booleans: AUC, one class against the rest, mean over classes (chance 0.5).
Numbers and times: R2 (chance 0). Intervals: 95 % bootstrap over holdout persons; the models are
not refitted, so the interval holds for these two models. `utility.ratio` is that of the worst
target: (TSTR - chance) / (TRTR - chance). Esteban et al. 2017 (arXiv:1706.02633) named the test.

Where a class of the target has fewer than 1 % of the rows of either table, both models bound the
step of a leaf (`max_delta_step`): LightGBM divides by a curvature that comes near zero for such a
class, and its steps then overshoot until the model is worse than none (decision 0031).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from synthkit.artifacts import Measurement
from synthkit.evaluate.bins import count_levels, is_ordered, level_codes, ordered_values
from synthkit.evaluate.context import MIN_ROWS, Context, NotMeasurable, Table
from synthkit.evaluate.utility.scores import bootstrap_weights, macro_auc, r_squared
from synthkit.schema import Schema

MAX_ROWS = 50_000
MAX_CLASSES = 20
N_TREES = 100
N_REPLICATES = 200
CONFIDENCE = 0.95
RARE_SHARE = 0.01
MAX_STEP = 1.0
RATIO = "utility.ratio"


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """The scores of one target; the first replicate is the sample itself."""

    tstr: np.ndarray
    """Shape (1 + n_replicates,)."""
    trtr: np.ndarray
    chance: float
    n_tested: int
    note: str


def names(schema: Schema) -> tuple[str, ...]:
    """Returns the measurements that this file gives."""
    per_target = [(f"utility.tstr.{t}", f"utility.trtr.{t}") for t in schema.targets]
    return (RATIO, *(name for pair in per_target for name in pair))


def measure(context: Context) -> tuple[Measurement, ...]:
    """Measures every target; see the module docstring.

    Raises:
        NotMeasurable: If a table has too few rows.
    """
    targets = context.schema.targets
    if not targets:
        note = "the schema names no target"
        return (Measurement(name=RATIO, value=None, goal="maximize", note=note),)
    context.require_rows()
    found: list[Measurement] = []
    outcomes: dict[str, _Outcome | str] = {}
    for target in targets:
        try:
            outcome = _outcome(context, target)
        except NotMeasurable as reason:
            outcomes[target] = str(reason)
            note = f"could not be measured: {reason}"
            found += [
                Measurement(name=f"utility.{kind}.{target}", value=None, note=note)
                for kind in ("tstr", "trtr")
            ]
        else:
            outcomes[target] = outcome
            found += _pair(target, outcome)
    return (_ratio(outcomes), *found)


def _interval(replicates: np.ndarray) -> tuple[float | None, float | None]:
    """Returns the 95 % percentile interval of the replicates after the first."""
    known = replicates[1:][np.isfinite(replicates[1:])]
    if not known.size:
        return None, None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, (tail, 1 - tail))
    return float(low), float(high)


def _pair(target: str, outcome: _Outcome) -> list[Measurement]:
    found = []
    for kind, scores, reference in (
        ("tstr", outcome.tstr, float(outcome.trtr[0])),
        ("trtr", outcome.trtr, None),
    ):
        low, high = _interval(scores)
        found.append(
            Measurement(
                name=f"utility.{kind}.{target}",
                value=float(scores[0]),
                low=low,
                high=high,
                confidence=CONFIDENCE,
                n=outcome.n_tested,
                reference=reference,
                goal="maximize",
                note=outcome.note,
            )
        )
    return found


def _ratio(outcomes: dict[str, _Outcome | str]) -> Measurement:
    """Returns the worst target's ratio; none, if a target failed or none can be learned."""
    failed = [t for t, o in outcomes.items() if isinstance(o, str)]
    if failed:
        note = f"could not be measured: no score for {', '.join(failed)}"
        return Measurement(name=RATIO, value=None, goal="maximize", note=note)
    ratios: dict[str, np.ndarray] = {}
    unlearnable = []
    for target, outcome in outcomes.items():
        assert isinstance(outcome, _Outcome)
        low, _ = _interval(outcome.trtr)
        if low is None or low <= outcome.chance or outcome.trtr[0] <= outcome.chance:
            unlearnable.append(target)
            continue
        ratios[target] = (outcome.tstr - outcome.chance) / (outcome.trtr - outcome.chance)
    left_out = f"real rows do no better than chance on {', '.join(unlearnable)}"
    if not ratios:
        note = f"could not be measured: {left_out}"
        return Measurement(name=RATIO, value=None, goal="maximize", note=note)
    worst = min(ratios, key=lambda t: float(ratios[t][0]))
    low, high = _interval(ratios[worst])
    chosen = outcomes[worst]
    assert isinstance(chosen, _Outcome)
    note = f"worst target: {worst}" + (f"; left out, {left_out}" if unlearnable else "")
    return Measurement(
        name=RATIO,
        value=float(ratios[worst][0]),
        low=low,
        high=high,
        confidence=CONFIDENCE,
        n=chosen.n_tested,
        reference=1.0,
        goal="maximize",
        note=note,
    )


def _outcome(context: Context, target: str) -> _Outcome:
    """Fits both models of one target and scores them on the holdout."""
    position = next((i for i, c in enumerate(context.columns) if c.name == target), None)
    if position is None:
        raise NotMeasurable("the target is an identifier or free text, which is not synthesised")
    if len(context.columns) < 2:
        raise NotMeasurable("there is no other column to predict the target from")
    is_regression = is_ordered(context.columns[position])
    # PRIVACY: a model of real rows is trained here outside the budget; it is dropped at once and
    # only its score stays, as an internal figure.
    features = _features(context, position)
    labels = _labels(context, position, is_regression=is_regression)
    rows = _rows(context, target, labels)
    truth = labels["holdout"][rows["holdout"]]
    if np.ptp(truth) == 0:
        raise NotMeasurable("the target has one value in the holdout")
    known = np.concatenate([labels["train"][rows["train"]], truth])
    n_classes = 0 if is_regression else int(known.max()) + 1
    others = [c for i, c in enumerate(context.columns) if i != position]
    # Of whole tables, not of the rows drawn from them: few drawn rows would hide a rare class.
    is_imbalanced = not is_regression and any(
        _rarest_share(labels[name]) < RARE_SHARE for name in ("train", "synthetic")
    )
    weights = bootstrap_weights(
        context.holdout.units[rows["holdout"]], N_REPLICATES, context.rng(f"tstr weights {target}")
    )
    scores = {}
    for name in ("synthetic", "train"):
        predicted = _fit_predict(
            features[name][rows[name]],
            labels[name][rows[name]],
            features["holdout"][rows["holdout"]],
            n_classes=n_classes,
            categorical=[i for i, c in enumerate(others) if not is_ordered(c)],
            is_imbalanced=is_imbalanced,
        )
        score = r_squared if is_regression else macro_auc
        scores[name] = score(truth, predicted, weights)
    metric = "R2" if is_regression else "AUC" if n_classes == 2 else "one-versus-rest AUC"
    note = f"{metric} of LightGBM, trained on {len(rows['train']):,} rows, tested on holdout rows"
    if is_imbalanced:
        note += f"; steps bounded, as a class has fewer than {RARE_SHARE:.0%} of a table's rows"
    if np.ptp(labels["synthetic"][rows["synthetic"]]) == 0:
        note += "; the target is constant in the synthetic table, so nothing can be learned from it"
    return _Outcome(
        tstr=scores["synthetic"],
        trtr=scores["train"],
        chance=0.0 if is_regression else 0.5,
        n_tested=len(truth),
        note=note,
    )


def _rarest_share(labels: np.ndarray) -> float:
    """Returns the share of known labels that the rarest class has; shape (n_rows,), some NaN."""
    _, counts = np.unique(labels[~np.isnan(labels)], return_counts=True)
    return float(counts.min() / counts.sum())


def _rows(context: Context, target: str, labels: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Draws the rows to learn from, equally many, and those to test on; all with a target."""
    rows = {name: np.flatnonzero(~np.isnan(values)) for name, values in labels.items()}
    for name, found in rows.items():
        if len(found) < MIN_ROWS:
            raise NotMeasurable(
                f"{len(found)} {name} rows have a value of the target, fewer than {MIN_ROWS}"
            )
    n_rows = min(len(rows["train"]), len(rows["synthetic"]), MAX_ROWS)
    for name, limit in {"train": n_rows, "synthetic": n_rows, "holdout": MAX_ROWS}.items():
        if len(rows[name]) > limit:
            picked = context.rng(f"tstr {name} {target}").choice(rows[name], limit, replace=False)
            rows[name] = np.sort(picked)
    return rows


def _features(context: Context, position: int) -> dict[str, np.ndarray]:
    """Returns all columns but the target, numbers as they are, categories as shared codes."""
    tables: dict[str, Table] = {
        "train": context.train,
        "holdout": context.holdout,
        "synthetic": context.synthetic,
    }
    columns: dict[str, list[np.ndarray]] = {name: [] for name in tables}
    for i, column in enumerate(context.columns):
        if i == position:
            continue
        name = f"c{i}"
        if is_ordered(column):
            for key, table in tables.items():
                columns[key].append(ordered_values(table.frame[name]))
            continue
        levels = sorted(
            {level for t in tables.values() for level, _ in count_levels(t.frame[name])}
        )
        for key, table in tables.items():
            codes = level_codes(table.frame[name], tuple(levels)).astype(np.float64)
            codes[codes == len(levels)] = np.nan
            columns[key].append(codes)
    return {key: np.column_stack(found) for key, found in columns.items()}


def _labels(context: Context, position: int, *, is_regression: bool) -> dict[str, np.ndarray]:
    """Returns the target of each table, NaN where missing; rare classes share one label."""
    tables = {
        "train": context.train,
        "holdout": context.holdout,
        "synthetic": context.synthetic,
    }
    name = f"c{position}"
    if is_regression:
        return {key: ordered_values(t.frame[name]) for key, t in tables.items()}
    levels = tuple(level for level, _ in count_levels(context.train.frame[name]))
    shown = levels if len(levels) <= MAX_CLASSES else levels[: MAX_CLASSES - 1]
    found = {}
    for key, table in tables.items():
        codes = level_codes(table.frame[name], shown).astype(np.float64)
        codes[table.frame[name].is_null().to_numpy()] = np.nan
        found[key] = codes
    return found


def _fit_predict(
    features: np.ndarray,
    labels: np.ndarray,
    tested: np.ndarray,
    *,
    n_classes: int,
    categorical: list[int],
    is_imbalanced: bool,
) -> np.ndarray:
    """Fits one model and predicts; a constant target gives a constant prediction.

    Args:
        features: Shape (n_rows, n_features).
        labels: Shape (n_rows,); class numbers, or values if `n_classes` is 0.
        tested: Shape (n_tested, n_features).
        n_classes: 0 for regression.
        categorical: Positions of the features that hold codes.
        is_imbalanced: Whether to bound the steps, see the module docstring.

    Returns:
        Values, shape (n_tested,), or class scores, shape (n_tested, n_classes).
    """
    import lightgbm

    if n_classes == 0 and np.ptp(labels) == 0:
        return np.full(len(tested), labels[0])
    parameters: dict[str, Any] = {
        "verbose": -1,
        "num_threads": 1,  # trees this small lose more to waiting threads than they gain
        "deterministic": True,
        "force_row_wise": True,
        "seed": 0,
    }
    if n_classes == 0:
        present, target = np.empty(0, dtype=np.int64), labels
        parameters["objective"] = "regression"
    else:
        # Only classes that this table has can be learned; the others score 0, alike for all rows.
        present, target = np.unique(labels.astype(np.int64), return_inverse=True)
        if len(present) == 1:
            return np.zeros((len(tested), n_classes))
        parameters["objective"] = "binary" if len(present) == 2 else "multiclass"
        if len(present) > 2:
            parameters["num_class"] = len(present)
        if is_imbalanced:
            parameters["max_delta_step"] = MAX_STEP
    data = lightgbm.Dataset(features, target, categorical_feature=categorical, free_raw_data=True)
    predicted = np.asarray(lightgbm.train(parameters, data, N_TREES).predict(tested))
    if n_classes == 0:
        return predicted
    if len(present) == 2:
        predicted = np.column_stack([1 - predicted, predicted])
    scores = np.zeros((len(tested), n_classes))
    for at, k in enumerate(present):
        if k < n_classes:
            scores[:, k] = predicted[:, at]
    return scores
