"""Laws of the gate, for every rule there is and every one to come."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit import canonical, registry
from synthkit.artifacts import Evidence
from synthkit.gate import Policy, PolicyRule, decide
from synthkit.gate.parameters import Choice, Flag, Number
from tests.gate.cases import CASES, PARAMETERS
from tests.gate.honest import claiming, honest

RULES = registry.names("synthkit.gate.rules")
BADNESS = {"pass": 0, "inconclusive": 1, "refused": 2}
LAW = settings(max_examples=150, deadline=None)

any_float = st.floats(allow_nan=True, allow_infinity=True, width=64)
maybe_float = st.none() | any_float
evidences = st.sampled_from([case.evidence for cases in CASES.values() for case in cases])
rules = st.sampled_from([PolicyRule(name, PARAMETERS[name]) for name in PARAMETERS])


def policy(*stated: PolicyRule) -> Policy:
    return Policy(
        id="t",
        version="1.0.0",
        recipient_class="internal",
        description="t",
        valid_days=365,
        rules=stated,
    )


def test_every_rule_file_is_exercised() -> None:
    assert set(CASES) == set(PARAMETERS) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_seen_to_pass_and_to_refuse(rule: str) -> None:
    outcomes = {case.outcome for case in CASES[rule]}
    assert {"pass", "fail"} <= outcomes
    # Only the number of synthetic rows is always there.
    assert "inconclusive" in outcomes or rule == "min_rows"


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_open_or_failing_on_an_evidence_that_holds_nothing(rule: str) -> None:
    nothing = Evidence(name="x", measurements={}, rows_synthetic=0)
    assert decide(nothing, policy(PolicyRule(rule, PARAMETERS[rule]))).verdict != "pass"


@LAW
@given(epsilon=any_float, limit=st.floats(0, 100))
def test_no_epsilon_above_the_limit_ever_passes(epsilon: float, limit: float) -> None:
    verdict = decide(
        claiming(epsilon=epsilon, population_epsilon=epsilon),
        policy(PolicyRule("max_epsilon", {"limit": limit})),
    ).verdict
    assert (verdict == "pass") == (0 <= epsilon <= limit)


@LAW
@given(total=any_float, own=any_float, limit=st.floats(0, 100))
def test_no_total_above_the_limit_ever_passes(total: float, own: float, limit: float) -> None:
    verdict = decide(
        claiming(epsilon=own, population_epsilon=total),
        policy(PolicyRule("max_population_epsilon", {"limit": limit})),
    ).verdict
    assert verdict != "pass" or (0 <= total <= limit and math.isfinite(own))


def measured(rule: str) -> list[str]:
    module = registry.load("synthkit.gate.rules", rule)
    return [module.NAME] if hasattr(module, "NAME") else []


WITH_NUMBER = [rule for rule in RULES if measured(rule)]


@LAW
@given(data=st.data(), rule=st.sampled_from(WITH_NUMBER))
def test_a_rule_passes_only_on_finite_numbers(data: st.DataObject, rule: str) -> None:
    name = measured(rule)[0]
    found = dict(honest().measurements)
    changes = {k: data.draw(maybe_float, k) for k in ("value", "low", "high", "reference")}
    found[name] = dataclasses.replace(found[name], **changes)  # type: ignore[arg-type]
    decision = decide(honest(measurements=found), policy(PolicyRule(rule, PARAMETERS[rule])))
    assert canonical.canonical_json(decision)
    if decision.verdict == "pass":
        assert changes["value"] is not None
        assert math.isfinite(changes["value"])
        assert decision.rules[0].value is not None


@LAW
@given(evidence=evidences, stated=st.lists(rules, min_size=0, max_size=6))
def test_the_verdict_is_the_worst_rule(evidence: Evidence, stated: list[PolicyRule]) -> None:
    decision = decide(evidence, policy(*stated))
    outcomes = [r.outcome for r in decision.rules]
    if not stated or "fail" in outcomes:
        assert decision.verdict == "refused"
    elif "inconclusive" in outcomes:
        assert decision.verdict == "inconclusive"
    else:
        assert decision.verdict == "pass"


@LAW
@given(evidence=evidences, stated=st.lists(rules, min_size=1, max_size=5), more=rules)
def test_adding_a_rule_never_improves_the_verdict(
    evidence: Evidence, stated: list[PolicyRule], more: PolicyRule
) -> None:
    before = decide(evidence, policy(*stated)).verdict
    after = decide(evidence, policy(*stated, more)).verdict
    assert BADNESS[after] >= BADNESS[before]


@LAW
@given(evidence=evidences, stated=st.lists(rules, max_size=6), data=st.data())
def test_the_order_of_rules_does_not_change_the_verdict(
    evidence: Evidence, stated: list[PolicyRule], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(stated))
    assert decide(evidence, policy(*stated)).verdict == decide(evidence, policy(*shuffled)).verdict


@LAW
@given(evidence=evidences, stated=st.lists(rules, max_size=6))
def test_the_same_evidence_and_policy_give_the_same_bytes(
    evidence: Evidence, stated: list[PolicyRule]
) -> None:
    first, second = (decide(evidence, policy(*stated)) for _ in range(2))
    assert canonical.canonical_json(first) == canonical.canonical_json(second)


junk = (
    st.none()
    | st.booleans()
    | st.integers()
    | any_float
    | st.text(max_size=5)
    | st.lists(st.text(max_size=5), max_size=2)
)


@LAW
@given(rule=st.sampled_from(RULES), value=junk, data=st.data())
def test_no_junk_parameter_passes(rule: str, value: Any, data: st.DataObject) -> None:
    allowed = registry.load("synthkit.gate.rules", rule).PARAMETERS
    if not allowed:
        return
    name = data.draw(st.sampled_from(sorted(allowed)))
    parameter = allowed[name]
    assert isinstance(parameter, Number | Flag | Choice)
    try:
        parameter.read(value)
    except ValueError:
        given_ = {**PARAMETERS[rule], name: value}
        try:
            stated = policy(PolicyRule(rule, given_))
        except (ValueError, TypeError):
            return  # not even a policy: it has no hash
        assert decide(honest(), stated).verdict != "pass"
