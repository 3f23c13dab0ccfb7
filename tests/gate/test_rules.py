"""Each rule alone: it passes, fails and stays open where it should, and says why."""

from __future__ import annotations

import math

import pytest

from synthkit import registry
from synthkit.artifacts import RuleResult
from synthkit.gate import Policy, PolicyRule, decide
from synthkit.gate.finding import percent, shown
from synthkit.gate.rules.attack_below_dp_ceiling import ceiling
from tests.gate.cases import CASES, PARAMETERS, Case
from tests.gate.honest import claiming, honest, measuring

EVERY = [(rule, case) for rule, cases in CASES.items() for case in cases]


def apply(rule: str, case: Case) -> RuleResult:
    policy = Policy(
        id="t",
        version="1.0.0",
        recipient_class="internal",
        description="t",
        valid_days=1,
        rules=(PolicyRule(rule, {**PARAMETERS[rule], **case.changed}),),
    )
    return decide(case.evidence, policy).rules[0]


@pytest.mark.parametrize(("rule", "case"), EVERY, ids=[f"{r}-{c.what}" for r, c in EVERY])
def test_a_rule_decides(rule: str, case: Case) -> None:
    result = apply(rule, case)
    assert result.rule == rule
    assert result.outcome == case.outcome, result.reason
    assert result.reason.endswith(".")
    assert "The rule could not be evaluated" not in result.reason
    assert "\n" not in result.reason
    if result.outcome != "inconclusive":
        assert result.value is None or math.isfinite(result.value)


@pytest.mark.parametrize("rule", registry.names("synthkit.gate.rules"))
def test_a_rule_file_has_what_the_gate_and_the_report_need(rule: str) -> None:
    module = registry.load("synthkit.gate.rules", rule)
    assert module.AXIS in ("privacy", "validity", "fidelity", "utility", "governance")
    question = (module.__doc__ or "").partition("\n")[0]
    assert question == registry.summary("synthkit.gate.rules", rule)
    assert question.endswith(".")
    assert apply(rule, CASES[rule][0]).question == question


def test_reasons_carry_the_numbers() -> None:
    said = apply("max_epsilon", Case("", "fail", claiming(epsilon=3.00004))).reason
    assert said == "Epsilon is 3.00004, above the limit of 3."
    said = apply(
        "membership_inference",
        Case("", "fail", measuring("attacks.membership_inference", high=0.6123)),
    ).reason
    assert "0.612" in said
    assert "n = 3000" in said
    assert "0.55" in said
    said = apply("marginal_fidelity", Case("", "pass", honest())).reason
    assert "0.04" in said
    assert "0.03" in said
    assert "0.06" in said


def test_a_number_above_its_limit_never_looks_equal_to_it() -> None:
    assert shown(0.0600001, 0.06) != shown(0.06)
    assert shown(0.06, 0.06) == "0.06"
    assert shown(2.5e-07) == "2.5e-7"
    assert percent(0.0123456) == "1.23%"


def test_the_ceiling_is_the_bound_of_the_theorem() -> None:
    assert ceiling(1.0, 0.0, false_positive_rate=0.01) == pytest.approx(math.e / 100)
    assert ceiling(0.0, 0.0, false_positive_rate=0.01) == pytest.approx(0.01)
    # Epsilon 5: e^5 a > 1, but the reversed test still bounds it below 1.
    assert ceiling(5.0, 0.0, false_positive_rate=0.01) == pytest.approx(1 - math.exp(-5) * 0.99)
    assert ceiling(1e9, 0.0, false_positive_rate=0.01) == 1.0
    assert ceiling(0.0, 1.0, false_positive_rate=0.01) == 1.0


def test_randomised_response_meets_the_ceiling_and_does_not_pass_it() -> None:
    # The best test of (epsilon, 0)-randomised response at false positive rate 1/(1 + e^epsilon)
    # has true positive rate e^epsilon/(1 + e^epsilon): the bound is attained there.
    for epsilon in (0.1, 1.0, 3.0):
        rate = 1 / (1 + math.exp(epsilon))
        best = math.exp(epsilon) / (1 + math.exp(epsilon))
        assert ceiling(epsilon, 0.0, false_positive_rate=rate) == pytest.approx(best)


def test_a_missing_number_is_said_to_be_missing_once() -> None:
    absent = measuring("fidelity.tvd2", value=None, note="could not be measured: one column")
    said = apply("pair_fidelity", Case("", "inconclusive", absent)).reason
    assert said == "fidelity.tvd2 could not be measured: one column."
