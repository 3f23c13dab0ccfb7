"""The verdict: worst rule, fail closed, bound to evidence and policy, the same bytes each time."""

from __future__ import annotations

import dataclasses
import datetime
import math
import subprocess
import sys
import textwrap
from types import ModuleType
from typing import Any

import pytest

from synthkit import artifacts, canonical
from synthkit.artifacts import Decision, Evidence
from synthkit.gate import Policy, PolicyRule, decide, exit_code, load_policy, policy_names
from synthkit.gate import decision as decision_module
from synthkit.gate.finding import Finding
from tests.gate.honest import claiming, honest, measuring, validity, without


def policy(*rules: tuple[str, dict[str, Any]], **changes: Any) -> Policy:
    content: dict[str, Any] = {
        "id": "t",
        "version": "1.0.0",
        "recipient_class": "internal",
        "description": "t",
        "valid_days": 30,
        "rules": tuple(PolicyRule(name, parameters) for name, parameters in rules),
    }
    return Policy(**{**content, **changes})


ROWS = ("min_rows", {"limit": 1000})
EPSILON = ("max_epsilon", {"limit": 3.0})


def test_an_honest_release_passes_every_packaged_policy() -> None:
    for name in policy_names():
        decision = decide(honest(), load_policy(name))
        assert decision.verdict == "pass", [r.reason for r in decision.rules if r.outcome != "pass"]


def test_the_worst_rule_is_the_verdict() -> None:
    both = policy(ROWS, EPSILON)
    assert decide(honest(), both).verdict == "pass"
    assert decide(claiming(epsilon=None), both).verdict == "inconclusive"
    assert decide(claiming(epsilon=4.0), both).verdict == "refused"
    mixed = dataclasses.replace(claiming(epsilon=None), rows_synthetic=1)
    assert decide(mixed, both).verdict == "refused"


def test_exit_codes_follow_the_verdict() -> None:
    codes = [
        exit_code(decide(evidence, policy(EPSILON)))
        for evidence in (honest(), claiming(epsilon=9.0), claiming(epsilon=None))
    ]
    assert codes == [0, 1, 2]


def test_a_policy_without_rules_refuses() -> None:
    decision = decide(honest(), policy())
    assert decision.verdict == "refused"
    assert decision.rules[0].reason == "The policy states no rule."


def test_the_decision_names_evidence_and_policy() -> None:
    stated = policy(ROWS)
    decision = decide(honest(), stated)
    assert decision.evidence_sha256 == canonical.digest(honest())
    assert decision.policy_sha256 == stated.sha256
    assert decision.valid_until == datetime.date(2026, 12, 20)
    assert decide(honest(created=None), stated).valid_until is None


def test_a_decision_survives_json() -> None:
    decision = decide(honest(), load_policy("public"))
    raw = canonical.canonical_json(decision)
    assert canonical.read_json(Decision, raw) == decision


def test_the_same_evidence_and_policy_give_the_same_bytes() -> None:
    def once() -> bytes:
        return canonical.canonical_json(decide(honest(), load_policy("partner")))

    assert once() == once()


def test_evidence_with_nan_has_no_digest_and_never_passes() -> None:
    spoiled = measuring("utility.ratio", reference=math.nan)
    decision = decide(spoiled, policy(ROWS))
    assert decision.evidence_sha256 == ""
    assert decision.verdict == "inconclusive"
    assert canonical.canonical_json(decision)


@pytest.fixture
def one_off(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A rule that a test fills in, found under the name `one_off`."""
    module = ModuleType("one_off", "A rule of the test.")
    module.AXIS = "privacy"  # type: ignore[attr-defined]
    module.PARAMETERS = {}  # type: ignore[attr-defined]
    find = decision_module.rule_module
    monkeypatch.setattr(
        decision_module, "rule_module", lambda name: module if name == "one_off" else find(name)
    )
    return module


def test_a_rule_that_raises_is_inconclusive_and_its_message_is_not_printed(
    one_off: ModuleType,
) -> None:
    def check(evidence: Evidence) -> Finding:
        raise KeyError("secret cell")

    one_off.check = check  # type: ignore[attr-defined]
    decision = decide(honest(), policy(ROWS, ("one_off", {})))
    assert decision.verdict == "inconclusive"
    assert "KeyError" in decision.rules[1].reason
    assert "secret" not in decision.rules[1].reason


@pytest.mark.parametrize(
    "returned",
    [
        Finding(outcome="pass", value=math.nan, limit=1.0, reason="x."),
        Finding(outcome="pass", value=0.0, limit=math.inf, reason="x."),
        Finding(outcome="ok", value=0.0, limit=1.0, reason="x."),  # type: ignore[arg-type]
        True,
        None,
    ],
)
def test_a_careless_rule_cannot_pass(one_off: ModuleType, returned: Any) -> None:
    one_off.check = lambda evidence: returned  # type: ignore[attr-defined]
    decision = decide(honest(), policy(("one_off", {})))
    assert decision.verdict == "inconclusive"
    assert canonical.canonical_json(decision)


def test_a_policy_made_by_hand_is_checked_all_the_same() -> None:
    for rule in (
        ("max_epsilon", {"limit": "3"}),
        ("max_epsilon", {}),
        ("max_epsilon", {"limit": 3.0, "unless": True}),
        ("max_epsilon", {"limit": 1e9}),
        ("no_such_rule", {}),
    ):
        assert decide(honest(), policy(rule)).verdict == "inconclusive"
    with pytest.raises(ValueError, match="NaN"):
        policy(("max_epsilon", {"limit": math.nan}))


# Planted leaks of the acceptance suite that reach the gate through the evidence.
LEAKS: dict[str, Evidence] = {
    "full copy": measuring("attacks.exact_copies", value=1.0, low=0.99, high=1.0),
    "some verbatim copies": measuring("attacks.exact_copies_unique", value=0.05, high=0.06),
    "membership plainly visible": measuring("attacks.membership_inference", value=0.9, high=0.92),
    "membership visible in reverse": measuring(
        "attacks.membership_inference", value=0.1, low=0.08, high=0.12
    ),
    "noise left out": measuring("attacks.membership_inference_tpr", value=0.6, low=0.55, high=0.65),
    "column 90 % null": measuring("fidelity.tvd1_worst", value=0.9),
    "column times 100": measuring("fidelity.tvd1_worst", value=1.0),
    "all associations destroyed": measuring("fidelity.tvd2", value=0.4),
    "empty frame": honest(rows_synthetic=0, validity=validity("fail", "inconclusive", rows=0)),
    "missing column": honest(validity=validity("fail", "pass")),
    "all-null column": honest(validity=validity("inconclusive", "pass")),
    "NaN measurement": measuring("fidelity.tvd1", value=math.nan),
    "infinite measurement": measuring("fidelity.tvd1", value=-math.inf),
    "unmeasured attack": without("attacks.membership_inference"),
    "epsilon over the limit": claiming(epsilon=20.5, population_epsilon=20.5),
    "ledger bypassed": claiming(population_epsilon=0.0, population_releases=0),
    "second release over the lifetime limit": claiming(population_epsilon=20.5),
    "row level on people": claiming(unit="row", unit_column=None),
    "exact frequencies in the release": claiming(
        private=False,
        events=(
            *honest().privacy.events,  # type: ignore[union-attr]
            artifacts.EventRecord(
                name="category frequencies",
                mechanism="no noise",
                covered=False,
                in_release=True,
                parameters={},
            ),
        ),
    ),
    "no privacy statement": honest(privacy=None),
}


@pytest.mark.parametrize("name", policy_names())
@pytest.mark.parametrize("leak", LEAKS)
def test_no_packaged_policy_passes_a_planted_leak(leak: str, name: str) -> None:
    assert decide(LEAKS[leak], load_policy(name)).verdict != "pass"


def test_an_edited_evidence_has_another_digest() -> None:
    stated = load_policy("internal")
    before = decide(honest(), stated).evidence_sha256
    assert decide(measuring("utility.ratio", value=0.86), stated).evidence_sha256 != before


def test_the_gate_loads_no_table_library_and_opens_no_socket() -> None:
    script = """
        import socket, sys

        def blocked(*args, **kwargs):
            raise AssertionError("the gate opened a socket")

        socket.socket.__init__ = blocked
        socket.getaddrinfo = socket.create_connection = blocked
        from synthkit import gate
        from synthkit.artifacts import Evidence
        for name in gate.policy_names():
            decision = gate.decide(
                Evidence(name="x", measurements={}, rows_synthetic=1), gate.load_policy(name)
            )
            assert decision.verdict == "refused", decision.verdict
        banned = {"polars", "pandas", "pyarrow", "torch", "sqlalchemy", "great_expectations",
                  "sdmetrics", "sklearn", "scipy", "ctgan", "opacus"}
        assert not banned & set(sys.modules), banned & set(sys.modules)
        print("pure")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "pure\n", done.stderr
