"""Parts of evidence for the report's tests, built from arithmetic, not from real rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from synthkit.artifacts import (
    AssociationFigure,
    EventRecord,
    ExpectationResult,
    MarginalFigure,
    Measurement,
    PrivacyStatement,
    Provenance,
    Validity,
)

REVIEWS = (
    "rating", "recommended", "verified_purchase", "department", "class", "age", "helpful_votes",
    "words", "price_eur", "returned", "region", "device", "month", "loyalty_years", "channel",
)  # fmt: skip


def marginal(name: str, seed: int, bins: int, error: float) -> MarginalFigure:
    """Shares that differ from train by about `error` in total variation."""
    rng = np.random.default_rng(seed)
    train = rng.dirichlet(np.full(bins, 1.5))
    holdout = train * rng.uniform(0.97, 1.03, bins)
    synthetic = train * rng.uniform(1 - 3 * error, 1 + 3 * error, bins)
    holdout, synthetic = holdout / holdout.sum(), synthetic / synthetic.sum()
    labels = tuple(
        f"{10 * i} to {10 * i + 9}" if bins > 7 else f"{name} {'abcdefg'[i]}" for i in range(bins)
    )
    return MarginalFigure(
        column=name,
        labels=labels,
        train=tuple(train.tolist()),
        holdout=tuple(holdout.tolist()),
        synthetic=tuple(synthetic.tolist()),
        tvd=float(np.abs(synthetic - train).sum() / 2),
    )


def pairs(columns: Sequence[str], seed: int, error: float) -> AssociationFigure:
    """Symmetric matrices of association differences, zero on the diagonal."""

    def matrix(scale: float, salt: int) -> tuple[tuple[float, ...], ...]:
        rng = np.random.default_rng(seed + salt)
        m = np.abs(rng.standard_normal((len(columns), len(columns)))) * scale
        m = np.tril(m, -1) + np.tril(m, -1).T
        return tuple(tuple(row) for row in m.tolist())

    return AssociationFigure(
        columns=tuple(columns), synthetic=matrix(error, 1), holdout=matrix(error / 3, 2)
    )


def figures(columns: Sequence[str], error: float) -> tuple[MarginalFigure, ...]:
    """One marginal per column, of few or many bins in turn."""
    return tuple(
        marginal(c, i, (2, 5, 20, 32, 7)[i % 5], error * (1 + i % 4)) for i, c in enumerate(columns)
    )


def measure(name: str, value: float | None, **fields: object) -> Measurement:
    """A measurement; `around` is half the width of a 95 % interval."""
    around = fields.pop("around", None)
    if value is not None and isinstance(around, float):
        fields |= {"low": value - around, "high": value + around, "confidence": 0.95}
    return Measurement(name=name, value=value, **fields)  # type: ignore[arg-type]


def measurements(targets: Sequence[str], *, auc: float, loss: float) -> Mapping[str, Measurement]:
    """All measurement names that the rooms agreed on."""
    low: dict[str, object] = {"goal": "minimize"}
    high: dict[str, object] = {"goal": "maximize"}
    found = [
        measure("fidelity.tvd1", 0.0043, reference=0.0049, n=18_000, **low),
        measure("fidelity.tvd2", 0.0188, reference=0.0151, n=18_000, **low),
        measure("fidelity.tvd3", 0.0467, reference=0.0352, n=18_000, **low),
        measure("fidelity.tvd1_worst", 0.0212, reference=0.0102, n=18_000, note="price_eur", **low),
        measure("fidelity.sdmetrics_quality", 0.973, reference=0.981, n=18_000, **high),
        measure("fidelity.sdmetrics_column_shapes", 0.985, reference=0.99, **high),
        measure("fidelity.sdmetrics_column_pair_trends", 0.961, reference=0.972, **high),
        measure("fidelity.sdmetrics_diagnostic", 1.0, reference=1.0, **high),
        measure("attacks.exact_copies", 0.00008, around=0.0004, n=20_000, reference=0.0, **low),
        measure("attacks.membership_inference", auc, around=0.011, n=8_000, reference=0.5, **low),
        measure("attacks.membership_inference_tpr", 0.0112, around=0.0031, n=8_000, **low),
        measure("diagnostics.dcr_train_closer_share", 0.504, around=0.007, n=20_000),
        measure("utility.ratio", 1 - loss, around=0.012, note="worst target: returned", **high),
        measure("validity.failed", 0.0, **low),
        measure("validity.inconclusive", 0.0, **low),
        measure("validity.passed_share", 1.0, **high),
        measure("validity.rows", 20_000.0),
    ]
    for i, target in enumerate(targets):
        real = 0.908 - 0.04 * i
        found.append(measure(f"utility.trtr.{target}", real, around=0.006, n=6_000, note="ROC AUC"))
        skill = (real - 0.5) * (1 - loss) + 0.5
        found.append(
            measure(f"utility.tstr.{target}", skill, around=0.008, n=6_000, note="ROC AUC")
        )
    return {m.name: m for m in found}


def statement(
    columns: Sequence[str], *, epsilon: float = 1.0, from_data: int = 0
) -> PrivacyStatement:
    """A statement with every field filled; the domains of the last columns may be data's."""
    n_public = len(columns) - from_data
    return PrivacyStatement(
        private=True,
        generator="dpctgan",
        epsilon=epsilon * 0.9994,
        delta=1e-6,
        target_epsilon=epsilon,
        mu=0.2381 * epsilon,
        cross_check={"opacus_prv": epsilon * 0.9987, "opacus_rdp": epsilon * 1.083},
        unit="person",
        unit_column="reviewer_id",
        neighboring_relation="add or remove one person with all rows",
        contribution="One row per person, drawn at random by a secret generator.",
        accountant="dp-accounting 0.6 PLD, pessimistic, discretisation 1e-4",
        events=(
            EventRecord(
                name="column counts",
                mechanism="discrete Gaussian on 15 one-way tables",
                covered=True,
                in_release=True,
                parameters={"sigma": 41.3, "tables": 15},
            ),
            EventRecord(
                name="training",
                mechanism="DP-SGD, Poisson sampling",
                covered=True,
                in_release=True,
                parameters={"noise_multiplier": 1.84, "sample_rate": 0.0125, "steps": 2400},
            ),
            EventRecord(
                name="evaluation",
                mechanism="exact figures on train and holdout",
                covered=False,
                in_release=False,
                parameters={},
                note="internal edition only",
            ),
        ),
        public_columns=tuple(columns[:n_public]),
        data_columns=tuple(columns[n_public:]),
        theorem="Abadi et al. 2016, theorem 1; Canonne, Kamath, Steinke 2020, theorem 7",
        randomness="Operating system entropy; never stored, no seed reaches it",
        floating_point="Counts: exact discrete sampler. Gradients: secure mode of Opacus.",
        population="shop-reviewers",
        population_epsilon=epsilon * 2.93,
        population_cap=10.0,
        population_releases=3,
    )


def dictionary(columns: Sequence[str]) -> tuple[Mapping[str, str], ...]:
    """One row per column, and one identifier that is left out."""
    kinds = ("categorical", "boolean", "integer", "float", "ordinal")
    learned = tuple(
        {
            "column": c,
            "kind": kinds[i % 5],
            "role": ("other", "quasi_identifier", "sensitive")[i % 3],
            "domain": ("a, b, c, d, e", "true, false", "0 to 120", "0 to 999.99", "low < high")[
                i % 5
            ],
            "domain_source": "public",
            "treatment": "learned",
        }
        for i, c in enumerate(columns)
    )
    identifier = {
        "column": "reviewer_id",
        "kind": "person_id",
        "role": "identifier",
        "domain": "",
        "domain_source": "data",
        "treatment": "left out",
    }
    return (*learned, identifier)


def validity(columns: Sequence[str], *, failed: int = 0, unanswered: int = 0) -> Validity:
    """Three checks per column; the first ones fail or have no answer."""
    kinds = ("to_exist", "values_to_not_be_null", "values_to_be_in_set")
    results = [
        ExpectationResult(
            rule=f"{c}.{k}",
            expectation=f"expect_column_{k}",
            column=c,
            outcome="pass",
            unexpected_share=0.0,
            rows=20_000,
        )
        for c in columns
        for k in kinds
    ]
    for i in range(failed + unanswered):
        results[7 * i + 1] = dataclasses.replace(
            results[7 * i + 1],
            outcome="fail" if i < failed else "inconclusive",
            unexpected_share=0.0125 if i < failed else None,
            note="" if i < failed else "the check raised an error",
        )
    table = ExpectationResult(
        rule="table.row_count",
        expectation="expect_table_row_count_to_be_between",
        column=None,
        outcome="pass",
        unexpected_share=None,
        rows=20_000,
    )
    return Validity(results=(table, *results), rows=20_000, library="great_expectations 1.24.1")


def provenance() -> Provenance:
    """Where an invented table came from."""
    return Provenance(
        source_name="reviews.parquet",
        source_fingerprint="5d0c3ab1" * 8,
        split="30% of persons drawn by seed 7 are the holdout; no person is on both sides.",
        seed=7,
        rows_requested=20_000,
        versions={"synthkit": "0.1.0", "torch": "2.13.0", "opacus": "1.6.0", "python": "3.11.7"},
        device="cpu",
        seconds={"read": 0.42, "fit": 188.2, "sample": 3.1, "evaluate": 64.0},
    )


def bell(bins: int) -> tuple[float, ...]:
    """Shares of a bell-shaped column."""
    raw = [math.exp(-(((i - bins / 2) / (bins / 6)) ** 2)) for i in range(bins)]
    return tuple(r / sum(raw) for r in raw)
