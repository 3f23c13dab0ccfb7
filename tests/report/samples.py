"""Three releases for the report's tests: a pass, a refusal, and one of which little is known."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

from synthkit.artifacts import (
    Audit,
    AuditBound,
    AuditCheck,
    Decision,
    EventRecord,
    Evidence,
    Omission,
    RuleResult,
    Verdict,
)
from synthkit.canonical import digest
from tests.report.parts import (
    REVIEWS,
    dictionary,
    figures,
    measure,
    measurements,
    pairs,
    provenance,
    statement,
    validity,
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


def audit(free: float = 0.24, fit: float = 0.61, **fields: Any) -> Audit:
    """An audit of the reviews; what is given differs."""
    claim = 0.9994
    found = Audit(
        name="Customer reviews 2026",
        generator="dpctgan",
        options={"table_share": 0.9},
        unit="person",
        claim_epsilon=claim,
        claim_delta=1e-6,
        claim_mu=0.236,
        canaries=1000,
        canaries_inside=507,
        rows=58_412,
        scored=("one-way tables", "two-way tables", "discriminator gradients"),
        bounds=(
            AuditBound(
                name="one_run", epsilon=free, delta=1e-6, confidence=0.95, ceiling=5.42
            ),
            AuditBound(name="gaussian_fit", epsilon=fit, delta=1e-6, confidence=0.95, mu=0.15),
        ),
        checks=(
            AuditCheck(
                layer="replay", name="one person more", outcome="pass",
                reason="Control flow and shapes are equal; the tables moved by 1.00, declared 1.",
            ),
            AuditCheck(
                layer="step", name="a gradient that saturates the clip", outcome="pass",
                reason="It moved the noisy sum by at most 1.00 of the clip norm.",
            ),
        ),
        verdict="pass",
        reasons=(
            "No bound is above the claim: epsilon 0.24 (assumption-free, confidence 95%) and "
            "0.61 (Gaussian-fit, confidence 95%), against 0.999.",
        ),
        population="reviews",
        created=datetime.datetime(2026, 11, 19, 9, 0, tzinfo=datetime.UTC),
        plan_sha256="5e" * 32,
        versions={"dp-accounting": "0.6.0", "opendp": "0.13.0"},
    )  # fmt: skip
    return dataclasses.replace(found, **fields)


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
        warnings=("A retry of an interrupted fit was charged too: the account holds it twice.",),
        audit=audit(),
        audit_plan_sha256="5e" * 32,
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
        statement(columns, from_data=2), private=False, generator="ctgan", epsilon=None,
        delta=None, mu=None, target_epsilon=None, cross_check={}, events=looks,
        population_epsilon=11.2, unit="row", unit_column=None, theorem="", accountant="",
        contribution="",
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
