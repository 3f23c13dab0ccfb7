"""Evidence and decisions for the report's tests, built from arithmetic, not from real rows."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Mapping, Sequence

import numpy as np

from synthkit.artifacts import (
    AssociationFigure,
    Decision,
    EventRecord,
    Evidence,
    ExpectationResult,
    MarginalFigure,
    Measurement,
    Omission,
    PrivacyStatement,
    Provenance,
    RuleResult,
    Validity,
    Verdict,
    digest,
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


def statement(columns: Sequence[str], *, epsilon: float = 1.0) -> PrivacyStatement:
    """A statement with every field filled."""
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
        public_columns=tuple(columns[:-2]),
        data_columns=tuple(columns[-2:]),
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
            "domain_source": "data" if i >= len(columns) - 2 else "public",
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


def rule(
    axis: str, name: str, question: str, outcome: str, value: float | None, limit: float | None,
    reason: str,
) -> RuleResult:  # fmt: skip
    """One decided rule."""
    return RuleResult(
        rule=name, axis=axis, question=question, outcome=outcome, value=value, limit=limit,
        reason=reason,
    )  # type: ignore[arg-type]  # fmt: skip


def decide(evidence: Evidence, verdict: Verdict, rules: Sequence[RuleResult]) -> Decision:
    """A decision on exactly this evidence."""
    return Decision(
        verdict=verdict,
        policy="reviews-partner",
        policy_version="1.0.0",
        policy_sha256="ab12" * 16,
        recipient_class="partner",
        evidence_sha256=digest(evidence),
        rules=tuple(rules),
        valid_until=evidence.created.date().replace(year=2027) if evidence.created else None,
    )


PASSED = (
    rule("privacy", "epsilon", "Is epsilon within the limit?", "pass", 0.9994, 5.0,
         "Epsilon 0.999 is within 5."),
    rule("privacy", "delta", "Is delta small enough?", "pass", 1e-6, 1e-5,
         "Delta 1e-6 is within 1e-5."),
    rule("privacy", "steps_outside_budget", "Is every look that the release depends on charged?",
         "pass", 0.0, 0.0, "No look that the release depends on is outside the budget."),
    rule("privacy", "exact_copies", "Are there no more exact copies than chance gives?", "pass",
         0.00048, 0.002, "The upper bound 0.048% is within 0.2%."),
    rule("privacy", "membership_inference", "Does the membership attack stay near a coin toss?",
         "pass", 0.517, 0.58, "The upper bound 0.517 is within 0.58."),
    rule("validity", "expectations", "Does the table keep every declared constraint?", "pass", 0.0,
         0.0, "No check failed."),
    rule("fidelity", "pair_distance", "Are pairs of columns close to the holdout's distance?",
         "pass", 0.0037, 0.05, "0.0188 is 0.0037 above the holdout's 0.0151."),
    rule("utility", "utility_ratio", "Do models keep their skill?", "pass", 0.972, 0.9,
         "The worst target keeps 97.2%."),
    rule("governance", "dictionary_complete", "Is every column described?", "pass", None, None,
         "All 16 columns have a role."),
)  # fmt: skip


def reviews_pass() -> tuple[Evidence, Decision]:
    """A pass with 15 columns and every part present."""
    evidence = Evidence(
        name="Customer reviews 2026",
        measurements=measurements(("recommended", "returned"), auc=0.506, loss=0.028),
        rows_synthetic=20_000,
        release_id="rel-2026-11-20-8c1f03ab",
        purpose="Training of a rating model by the logistics partner",
        recipient="Nordwind Logistics",
        created=datetime.datetime(2026, 11, 20, 14, 5, tzinfo=datetime.UTC),
        marginals=figures(REVIEWS, 0.01),
        associations=pairs(REVIEWS, 3, 0.012),
        privacy=statement(REVIEWS),
        validity=validity(REVIEWS),
        dictionary=dictionary(REVIEWS),
        omissions=(
            Omission(column="reviewer_id", reason="identifiers are never learned or copied"),
        ),
        provenance=provenance(),
        subject_sha256="9f86d081" * 8,
        warnings=(
            "The bounds or categories of 2 columns were read from the data and are outside the "
            "budget: loyalty_years, channel.",
        ),
    )
    return evidence, decide(evidence, "pass", PASSED)


def wide(n_columns: int) -> tuple[str, ...]:
    """Invented clinical column names."""
    stems = ("systolic_pressure", "icd10_chapter", "lab_creatinine", "ward", "length_of_stay")
    return tuple(f"{stems[i % 5]}_{i + 1}" for i in range(n_columns))


def patients_refused(n_columns: int = 48) -> tuple[Evidence, Decision]:
    """A refusal: non-private generator, copies, a leaking attack, failed checks."""
    columns = wide(n_columns)
    found = dict(
        measurements(("readmitted", "died_in_hospital", "long_stay"), auc=0.683, loss=0.14)
    )
    found["attacks.exact_copies"] = measure(
        "attacks.exact_copies", 0.0413, around=0.0041, n=20_000, reference=0.0, goal="minimize"
    )
    looks = (
        EventRecord(
            name="category frequencies",
            mechanism="exact counts",
            covered=False,
            in_release=True,
            parameters={},
            note="the sampler uses exact frequencies",
        ),
        EventRecord(
            name="training",
            mechanism="GAN without noise",
            covered=False,
            in_release=True,
            parameters={"epochs": 300, "batch_size": 500},
            note="no clipping, no noise",
        ),
    )
    privacy = dataclasses.replace(
        statement(columns), private=False, generator="ctgan", epsilon=None, delta=None, mu=None,
        target_epsilon=None, cross_check={}, events=looks, population_epsilon=11.2,
        unit="row", unit_column=None, theorem="", accountant="", contribution="",
    )  # fmt: skip
    evidence = Evidence(
        name="Hospital stays, public teaching extract",
        measurements=found,
        rows_synthetic=101_766,
        release_id="rel-2026-11-20-0b77",
        purpose="Teaching material on a public web page",
        recipient="",
        created=datetime.datetime(2026, 11, 20, 9, 30, tzinfo=datetime.UTC),
        marginals=figures(columns, 0.03),
        associations=pairs(columns, 5, 0.05),
        privacy=privacy,
        validity=validity(columns, failed=3, unanswered=2),
        dictionary=dictionary(columns),
        omissions=(
            Omission(column="reviewer_id", reason="identifiers are never learned or copied"),
            Omission(column="notes", reason="free text is not synthesised: it may name people"),
        ),
        provenance=provenance(),
        subject_sha256="77aa0d41" * 8,
        warnings=("The privacy unit is the row: a person with several rows is protected less.",),
    )
    failed = (
        rule("privacy", "epsilon", "Is epsilon within the limit?", "fail", None, 3.0,
             "The generator gives no guarantee, and the limit is epsilon 3."),
        rule("privacy", "exact_copies", "Are there no more exact copies than chance gives?", "fail",
             0.0454, 0.0, "Up to 4.54% of the synthetic rows copy a training row beyond chance."),
        rule("privacy", "membership_inference", "Does the membership attack stay near a coin toss?",
             "fail", 0.694, 0.55, "The upper bound 0.694 is above 0.55."),
        rule("validity", "expectations", "Does the table keep every declared constraint?", "fail",
             3.0, 0.0, "3 checks failed."),
        rule("utility", "utility_ratio", "Do models keep their skill?", "fail", 0.86, 0.95,
             "The worst target keeps 86%, and 95% is asked for."),
    )  # fmt: skip
    decision = decide(evidence, "refused", (*PASSED[6:7], *failed, *PASSED[8:]))
    return evidence, dataclasses.replace(
        decision, recipient_class="public", policy="patients-public"
    )


def outside_inconclusive() -> tuple[Evidence, Decision]:
    """A table from elsewhere: hardly anything is known."""
    evidence = Evidence(
        name="Accounts by another tool",
        measurements={
            "fidelity.tvd2": measure("fidelity.tvd2", 0.0522, goal="minimize"),
            "attacks.membership_inference": measure(
                "attacks.membership_inference", None, note="the holdout has only 40 rows"
            ),
        },
        rows_synthetic=1_000,
    )
    rules = (
        rule("privacy", "epsilon", "Is epsilon within the limit?", "inconclusive", None, 3.0,
             "The evidence holds no privacy statement."),
        rule("privacy", "membership_inference", "Does the membership attack stay near a coin toss?",
             "inconclusive", None, 0.55, "Not measured: the holdout has only 40 rows."),
        *PASSED[6:7],
    )  # fmt: skip
    return evidence, decide(evidence, "inconclusive", rules)


def bare(**fields: object) -> Evidence:
    """The least evidence there can be, with `fields` on top."""
    base: dict[str, object] = {"name": "bare", "measurements": {}, "rows_synthetic": 1}
    return Evidence(**(base | fields))  # type: ignore[arg-type]


def bell(bins: int) -> tuple[float, ...]:
    """Shares of a bell-shaped column."""
    raw = [math.exp(-(((i - bins / 2) / (bins / 6)) ** 2)) for i in range(bins)]
    return tuple(r / sum(raw) for r in raw)
