"""What each rule must say: passing, failing, boundary, missing, not finite.

A new rule adds itself here; the law in tests/laws fails until it has.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

from synthkit.artifacts import Evidence, Outcome
from synthkit.gate.parameters import Value
from tests.gate.honest import (
    AUDIT,
    DOMAINS,
    EVALUATION,
    OTHER_LOOK,
    TABLES,
    audited,
    bounds,
    checks,
    claiming,
    honest,
    measuring,
    validity,
    without,
)

NAN, INF = math.nan, math.inf


class Case(NamedTuple):
    what: str
    outcome: Outcome
    evidence: Evidence
    changed: Mapping[str, Value] = {}
    """Parameters that differ from the rule's usual ones below."""


PARAMETERS: dict[str, dict[str, Value]] = {
    "attack_below_dp_ceiling": {"min_n": 1000},
    "audit_below_claim": {"required": True, "min_power": 0.3},
    "exact_copies": {"limit": 0.01, "min_n": 1000},
    "marginal_fidelity": {"limit": 0.06},
    "max_delta": {"limit": 1e-6},
    "max_epsilon": {"limit": 3.0},
    "max_population_epsilon": {"limit": 6.0},
    "membership_inference": {"limit": 0.55, "min_n": 1000},
    "min_rows": {"limit": 1000},
    "no_uncovered_look": {"allow_data_domains": False},
    "pair_fidelity": {"limit": 0.12},
    "privacy_unit": {"allowed": ("person", "row")},
    "schema_validity": {},
    "sdmetrics_quality": {"limit": 0.15},
    "unique_copies": {"limit": 0.005, "min_n": 1000},
    "utility_ratio": {"limit": 0.5},
    "worst_marginal_fidelity": {"limit": 0.3},
}


def distance_cases(name: str, limit: float) -> tuple[Case, ...]:
    """A rule that compares value - reference with a limit."""
    return (
        Case("honest", "pass", honest()),
        Case("at the limit", "pass", measuring(name, value=limit, reference=0.0)),
        Case("above", "fail", measuring(name, value=limit + 1e-9, reference=0.0)),
        Case("better than real rows", "pass", measuring(name, value=0.0, reference=0.1)),
        Case("absent", "inconclusive", without(name)),
        Case("None", "inconclusive", measuring(name, value=None, note="too few rows")),
        Case("NaN", "inconclusive", measuring(name, value=NAN)),
        Case("minus infinity", "inconclusive", measuring(name, value=-INF)),
        Case("no reference", "inconclusive", measuring(name, reference=None)),
        Case("NaN reference", "inconclusive", measuring(name, reference=NAN)),
        Case("infinite reference", "inconclusive", measuring(name, reference=INF)),
        Case("no distance", "inconclusive", measuring(name, value=-3.0)),
        Case("no distance as reference", "inconclusive", measuring(name, reference=7.0)),
    )


def copy_cases(name: str, limit: float) -> tuple[Case, ...]:
    """A rule that compares the upper end of an interval with a limit."""
    return (
        Case("honest", "pass", honest()),
        Case("at the limit", "pass", measuring(name, high=limit)),
        Case("above", "fail", measuring(name, high=limit + 1e-9)),
        Case("value above its own interval", "fail", measuring(name, value=0.4)),
        Case("a full copy", "fail", measuring(name, value=1.0, low=0.99, high=1.0)),
        *interval_cases(name),
    )


def interval_cases(name: str) -> tuple[Case, ...]:
    return (
        Case("absent", "inconclusive", without(name)),
        Case("None", "inconclusive", measuring(name, value=None)),
        Case("NaN", "inconclusive", measuring(name, value=NAN)),
        Case("no upper bound", "inconclusive", measuring(name, high=None)),
        Case("NaN upper bound", "inconclusive", measuring(name, high=NAN)),
        Case("no lower bound", "inconclusive", measuring(name, low=None)),
        Case("NaN lower bound", "inconclusive", measuring(name, low=NAN)),
        Case("reversed", "inconclusive", measuring(name, low=0.9, high=0.0)),
        Case("no confidence", "inconclusive", measuring(name, confidence=None)),
        Case("10 % confidence", "inconclusive", measuring(name, confidence=0.1)),
        Case("certainty", "inconclusive", measuring(name, confidence=1.0)),
        Case("no n", "inconclusive", measuring(name, n=None)),
        Case("too few", "inconclusive", measuring(name, n=999)),
        Case("just enough", "pass", measuring(name, n=1000)),
    )


NO_STATEMENT = Case("no statement", "inconclusive", honest(privacy=None))
OPTIONAL: dict[str, Value] = {"required": False}
AUC, RATE = "attacks.membership_inference", "attacks.membership_inference_tpr"

CASES: dict[str, tuple[Case, ...]] = {
    "attack_below_dp_ceiling": (
        Case("honest", "pass", honest()),
        Case("broken noise", "fail", measuring(RATE, value=0.5, low=0.45, high=0.55)),
        # e^1.5 * 0.01 + 1e-6 = 0.0448179
        Case("just below", "pass", measuring(RATE, value=0.05, low=0.0448, high=0.06)),
        Case("just above", "fail", measuring(RATE, value=0.05, low=0.0449, high=0.06)),
        Case("epsilon 0", "pass", claiming(epsilon=0.0, population_epsilon=0.0)),
        Case("huge epsilon", "pass", claiming(epsilon=1e6)),
        Case("no epsilon", "inconclusive", claiming(epsilon=None)),
        Case("NaN epsilon", "inconclusive", claiming(epsilon=NAN)),
        Case("infinite epsilon", "inconclusive", claiming(epsilon=INF)),
        Case("negative epsilon", "inconclusive", claiming(epsilon=-1.0)),
        Case("no delta", "inconclusive", claiming(delta=None)),
        Case("NaN delta", "inconclusive", claiming(delta=NAN)),
        Case("no probability", "inconclusive", claiming(delta=1.5)),
        Case("no rate", "inconclusive", measuring(RATE, high=1.2)),
        NO_STATEMENT,
        *interval_cases(RATE),
    ),
    "audit_below_claim": (
        Case("honest", "pass", honest()),
        Case("at the claim", "pass", audited(bounds=bounds(fit=1.5))),
        Case("Gaussian fit above", "fail", audited(bounds=bounds(fit=1.5001))),
        Case("assumption-free above", "fail", audited(bounds=bounds(free=1.5001))),
        Case(
            "above, claimed less than audited",
            "fail",
            audited(claim_epsilon=50.0, bounds=bounds(fit=2.0)),
        ),
        Case("above what was audited", "fail", audited(claim_epsilon=0.5, bounds=bounds(fit=0.6))),
        Case("a failed check", "fail", audited(checks=checks("pass", "fail"))),
        Case("refused for another reason", "fail", audited(verdict="refused")),
        Case("above and not required", "fail", audited(bounds=bounds(fit=2.0)), OPTIONAL),
        Case("failed and not required", "fail", audited(checks=checks("fail")), OPTIONAL),
        Case("no audit", "inconclusive", honest(audit=None)),
        Case("no audit, none required", "pass", honest(audit=None), OPTIONAL),
        Case("of another release", "inconclusive", honest(audit_plan_sha256="b" * 64)),
        Case(
            "of another release, none required",
            "pass",
            honest(audit_plan_sha256="b" * 64),
            OPTIONAL,
        ),
        Case(
            "accuses another release",
            "pass",
            honest(audit=dataclasses.replace(AUDIT, plan_sha256="c", bounds=bounds(fit=9.0))),
            OPTIONAL,
        ),
        Case(
            "no digests",
            "inconclusive",
            honest(audit=dataclasses.replace(AUDIT, plan_sha256=""), audit_plan_sha256=""),
        ),
        Case("weak", "inconclusive", audited(bounds=bounds(fit=0.449))),
        Case("just strong enough", "pass", audited(bounds=bounds(fit=0.451))),
        Case("weak, none required", "pass", audited(bounds=bounds(fit=0.1)), OPTIONAL),
        Case("no fit", "inconclusive", audited(bounds=bounds()[:1])),
        Case("an open check", "inconclusive", audited(checks=checks("pass", "inconclusive"))),
        Case("no bound", "inconclusive", audited(bounds=())),
        Case("no bound, none required", "inconclusive", audited(bounds=()), OPTIONAL),
        Case("NaN bound", "inconclusive", audited(bounds=bounds(fit=NAN))),
        Case("infinite bound", "inconclusive", audited(bounds=bounds(free=INF))),
        Case("another delta", "inconclusive", audited(bounds=bounds(delta=1e-3))),
        Case("no confidence", "inconclusive", audited(bounds=bounds(confidence=0.5))),
        Case("NaN claim", "inconclusive", audited(claim_epsilon=NAN)),
        Case("no claim", "inconclusive", claiming(epsilon=None)),
        Case("claim of nothing", "inconclusive", claiming(epsilon=0.0)),
        NO_STATEMENT,
    ),
    "exact_copies": copy_cases("attacks.exact_copies", 0.01),
    "unique_copies": copy_cases("attacks.exact_copies_unique", 0.005),
    "marginal_fidelity": distance_cases("fidelity.tvd1", 0.06),
    "worst_marginal_fidelity": distance_cases("fidelity.tvd1_worst", 0.3),
    "pair_fidelity": distance_cases("fidelity.tvd2", 0.12),
    "sdmetrics_quality": (
        Case("honest", "pass", honest()),
        Case(
            "at the limit",
            "pass",
            measuring("fidelity.sdmetrics_quality", value=0.5, reference=0.625),
            {"limit": 0.125},
        ),
        Case("below", "fail", measuring("fidelity.sdmetrics_quality", value=0.8)),
        Case("better", "pass", measuring("fidelity.sdmetrics_quality", value=1.0)),
        Case("absent", "inconclusive", without("fidelity.sdmetrics_quality")),
        Case("None", "inconclusive", measuring("fidelity.sdmetrics_quality", value=None)),
        Case("NaN", "inconclusive", measuring("fidelity.sdmetrics_quality", value=NAN)),
        Case("in percent", "inconclusive", measuring("fidelity.sdmetrics_quality", value=90.0)),
        Case(
            "no reference", "inconclusive", measuring("fidelity.sdmetrics_quality", reference=None)
        ),
    ),
    "max_delta": (
        Case("honest", "pass", honest()),
        Case("pure", "pass", claiming(delta=0.0)),
        Case("above", "fail", claiming(delta=1.01e-6)),
        Case("None", "inconclusive", claiming(delta=None)),
        Case("NaN", "inconclusive", claiming(delta=NAN)),
        Case("negative", "inconclusive", claiming(delta=-1e-9)),
        Case("above one", "inconclusive", claiming(delta=2.0)),
        NO_STATEMENT,
    ),
    "max_epsilon": (
        Case("honest", "pass", honest()),
        Case("at the limit", "pass", claiming(epsilon=3.0)),
        Case("above", "fail", claiming(epsilon=3.0000001)),
        Case("None", "inconclusive", claiming(epsilon=None)),
        Case("NaN", "inconclusive", claiming(epsilon=NAN)),
        Case("infinite", "inconclusive", claiming(epsilon=INF)),
        Case("negative", "inconclusive", claiming(epsilon=-1.0)),
        NO_STATEMENT,
    ),
    "max_population_epsilon": (
        Case("honest", "pass", honest()),
        Case("at the limit", "pass", claiming(population_epsilon=6.0)),
        Case("above", "fail", claiming(population_epsilon=6.1)),
        Case("None", "inconclusive", claiming(population_epsilon=None)),
        Case("NaN", "inconclusive", claiming(population_epsilon=NAN)),
        Case("infinite", "inconclusive", claiming(population_epsilon=INF)),
        Case("ledger bypassed", "inconclusive", claiming(population_epsilon=1.0)),
        Case("empty ledger", "inconclusive", claiming(population_releases=0)),
        Case("own epsilon unknown", "inconclusive", claiming(epsilon=None)),
        Case("rounding of the accountant", "pass", claiming(population_epsilon=1.499)),
        Case(
            "a larger delta, where the release costs less",
            "pass",
            claiming(population_epsilon=1.4, epsilon_at_population_delta=1.4),
        ),
        Case(
            "bypassed at that delta too",
            "inconclusive",
            claiming(population_epsilon=1.3, epsilon_at_population_delta=1.4),
        ),
        Case(
            "at a smaller delta",
            "inconclusive",
            claiming(population_epsilon=1.5, epsilon_at_population_delta=1.6),
        ),
        Case("NaN there", "inconclusive", claiming(epsilon_at_population_delta=NAN)),
        NO_STATEMENT,
    ),
    "membership_inference": (
        Case("honest", "pass", honest()),
        Case("at the limit", "pass", measuring(AUC, high=0.55)),
        Case("above", "fail", measuring(AUC, high=0.5501)),
        Case("reversed attack", "fail", measuring(AUC, value=0.3, low=0.28, high=0.32)),
        Case("no AUC", "inconclusive", measuring(AUC, high=1.5)),
        *interval_cases(AUC),
    ),
    "min_rows": (
        Case("honest", "pass", honest()),
        Case("at the limit", "pass", honest(rows_synthetic=1000)),
        Case("below", "fail", honest(rows_synthetic=999)),
        Case("empty", "fail", honest(rows_synthetic=0)),
    ),
    "no_uncovered_look": (
        Case("honest", "pass", honest()),
        Case("not private", "fail", claiming(private=False)),
        Case("no claim", "fail", claiming(private=False, epsilon=None, delta=None)),
        Case("a look outside", "fail", claiming(events=(TABLES, OTHER_LOOK))),
        Case("a look outside, and private all the same", "fail", claiming(events=(OTHER_LOOK,))),
        Case("domains from the data", "fail", claiming(data_columns=("age",))),
        Case("their event", "fail", claiming(private=False, events=(TABLES, DOMAINS))),
        Case("no event", "inconclusive", claiming(events=())),
        Case("evaluation stays inside", "pass", claiming(events=(TABLES, EVALUATION))),
        Case(
            "domains from the data, allowed",
            "pass",
            claiming(private=False, events=(TABLES, DOMAINS), data_columns=("age",)),
            {"allow_data_domains": True},
        ),
        Case(
            "domains twice",
            "fail",
            claiming(private=False, events=(TABLES, DOMAINS, DOMAINS), data_columns=("age",)),
            {"allow_data_domains": True},
        ),
        Case(
            "domains allowed, another look is not",
            "fail",
            claiming(private=False, events=(TABLES, DOMAINS, OTHER_LOOK), data_columns=("age",)),
            {"allow_data_domains": True},
        ),
        Case(
            "domains allowed, no epsilon",
            "fail",
            claiming(private=False, epsilon=None, events=(DOMAINS,), data_columns=("age",)),
            {"allow_data_domains": True},
        ),
        Case(
            "not private for no stated reason",
            "fail",
            claiming(private=False),
            {"allow_data_domains": True},
        ),
        NO_STATEMENT,
    ),
    "privacy_unit": (
        Case("person", "pass", honest()),
        Case("person without id", "inconclusive", claiming(unit_column=None)),
        Case("row beside a person id", "fail", claiming(unit="row", unit_column=None)),
        Case(
            "row",
            "pass",
            honest(privacy=claiming(unit="row").privacy, dictionary=({"kind": "integer"},)),
        ),
        Case(
            "row where people are wanted",
            "fail",
            honest(privacy=claiming(unit="row").privacy, dictionary=({"kind": "integer"},)),
            {"allowed": ("person",)},
        ),
        Case(
            "row without dictionary",
            "inconclusive",
            honest(privacy=claiming(unit="row").privacy, dictionary=()),
        ),
        NO_STATEMENT,
    ),
    "schema_validity": (
        Case("honest", "pass", honest()),
        Case("one failed", "fail", honest(validity=validity("pass", "fail", "pass"))),
        Case("failed and open", "fail", honest(validity=validity("inconclusive", "fail"))),
        Case("one open", "inconclusive", honest(validity=validity("pass", "inconclusive"))),
        Case("not checked", "inconclusive", honest(validity=None)),
        Case("no checks", "inconclusive", honest(validity=validity())),
        Case("another table", "inconclusive", honest(validity=validity("pass", rows=9_999))),
    ),
    "utility_ratio": (
        Case("honest", "pass", honest()),
        Case("at the limit", "pass", measuring("utility.ratio", value=0.5)),
        Case("below", "fail", measuring("utility.ratio", value=0.4999)),
        Case("worse than chance", "fail", measuring("utility.ratio", value=-0.2)),
        Case("absent", "inconclusive", without("utility.ratio")),
        Case("None", "inconclusive", measuring("utility.ratio", value=None, note="no target")),
        Case("NaN", "inconclusive", measuring("utility.ratio", value=NAN)),
        Case("infinite", "inconclusive", measuring("utility.ratio", value=INF)),
    ),
}
