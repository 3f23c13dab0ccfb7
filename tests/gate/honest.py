"""An evidence on which every rule passes, and ways to spoil it."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from synthkit.artifacts import (
    Audit,
    AuditBound,
    AuditCheck,
    EventRecord,
    Evidence,
    ExpectationResult,
    Measurement,
    Outcome,
    PrivacyStatement,
    Validity,
)

TABLES = EventRecord(
    name="one-way tables",
    mechanism="discrete Gaussian",
    covered=True,
    in_release=True,
    parameters={"sigma": 10.0, "tables": 4},
)
EVALUATION = EventRecord(
    name="evaluation",
    mechanism="no noise",
    covered=False,
    in_release=False,
    parameters={},
    note="stays inside",
)
DOMAINS = EventRecord(
    name="domains read from the data",
    mechanism="no noise",
    covered=False,
    in_release=True,
    parameters={},
)
OTHER_LOOK = dataclasses.replace(DOMAINS, name="exact category counts")

MEASUREMENTS = (
    Measurement(name="fidelity.tvd1", value=0.04, reference=0.01, n=2000),
    Measurement(name="fidelity.tvd1_worst", value=0.10, reference=0.03, n=2000),
    Measurement(name="fidelity.tvd2", value=0.10, reference=0.04, n=2000),
    Measurement(name="fidelity.sdmetrics_quality", value=0.90, reference=0.96, n=2000),
    Measurement(name="utility.ratio", value=0.85, n=2000),
    Measurement(
        name="attacks.exact_copies", value=0.0, low=-0.001, high=0.001, confidence=0.95, n=10_000
    ),
    Measurement(
        name="attacks.exact_copies_unique",
        value=0.0,
        low=-0.001,
        high=0.001,
        confidence=0.95,
        n=10_000,
    ),
    Measurement(
        name="attacks.membership_inference",
        value=0.505,
        low=0.49,
        high=0.52,
        confidence=0.95,
        n=3000,
    ),
    Measurement(
        name="attacks.membership_inference_tpr",
        value=0.012,
        low=0.008,
        high=0.017,
        confidence=0.95,
        n=3000,
    ),
)


def statement(**changes: Any) -> PrivacyStatement:
    claim = PrivacyStatement(
        private=True,
        generator="tables",
        epsilon=1.5,
        delta=1e-6,
        target_epsilon=1.5,
        mu=0.4,
        cross_check={},
        unit="person",
        unit_column="patient",
        neighboring_relation="add or remove one person",
        contribution="one row per person",
        accountant="PLD",
        events=(TABLES, EVALUATION),
        public_columns=("age",),
        data_columns=(),
        theorem="Canonne, Kamath, Steinke 2020",
        randomness="OS entropy",
        floating_point="exact",
        population="patients",
        population_epsilon=3.0,
        population_cap=10.0,
        population_releases=2,
    )
    return dataclasses.replace(claim, **changes)


def validity(*outcomes: Outcome, rows: int = 10_000) -> Validity:
    return Validity(
        results=tuple(
            ExpectationResult(
                rule=f"age.check{i}",
                expectation="expect_column_to_exist",
                column="age",
                outcome=outcome,
                unexpected_share=None,
                rows=None,
            )
            for i, outcome in enumerate(outcomes)
        ),
        rows=rows,
        library="great_expectations 1.24.1",
    )


def bounds(
    free: float = 0.3, fit: float = 0.9, delta: float = 1e-6, confidence: float = 0.95
) -> tuple[AuditBound, ...]:
    made = AuditBound(name="one_run", epsilon=free, delta=delta, confidence=confidence)
    return made, dataclasses.replace(made, name="gaussian_fit", epsilon=fit, mu=0.2)


def checks(*outcomes: Outcome) -> tuple[AuditCheck, ...]:
    return tuple(
        AuditCheck(layer="replay", name=f"check {i}", outcome=o, reason="Because.")
        for i, o in enumerate(outcomes)
    )


AUDIT = Audit(
    name="patients 2026",
    generator="tables",
    options={},
    unit="person",
    claim_epsilon=1.5,
    claim_delta=1e-6,
    claim_mu=0.4,
    canaries=1000,
    canaries_inside=507,
    rows=11_000,
    scored=("one-way tables",),
    bounds=bounds(),
    checks=checks("pass", "pass"),
    verdict="pass",
    reasons=("No bound is above the claim.",),
    plan_sha256="a" * 64,
)


def audited(**changes: Any) -> Evidence:
    """Honest, but for the audit."""
    return honest(audit=dataclasses.replace(AUDIT, **changes))


def honest(**changes: Any) -> Evidence:
    evidence = Evidence(
        name="patients 2026",
        measurements={m.name: m for m in MEASUREMENTS},
        rows_synthetic=10_000,
        created=datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC),
        privacy=statement(),
        validity=validity("pass", "pass"),
        audit=AUDIT,
        audit_plan_sha256="a" * 64,
        dictionary=({"column": "patient", "kind": "person_id"}, {"column": "age", "kind": "int"}),
    )
    return dataclasses.replace(evidence, **changes)


def claiming(**changes: Any) -> Evidence:
    """Honest, but for the privacy statement."""
    return honest(privacy=statement(**changes))


def measuring(name: str, **changes: Any) -> Evidence:
    """Honest, but for one measurement."""
    found = dict(honest().measurements)
    found[name] = dataclasses.replace(found[name], **changes)
    return honest(measurements=found)


def without(name: str) -> Evidence:
    """Honest, but one measurement is absent."""
    return honest(measurements={k: m for k, m in honest().measurements.items() if k != name})
