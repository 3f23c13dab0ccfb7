"""Policies are read strictly: all problems at once, nothing assumed, the content hashed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from synthkit import registry
from synthkit.errors import ConfigError, InputError
from synthkit.gate import Policy, PolicyRule, load_policy, policy_names
from synthkit.gate.parameters import Choice, Flag, Number, Unusable, read

GOOD = """\
synthkit: policy/1
id: ours
version: 1.0.0
recipient_class: partner
description: Ours.
valid_days: 90
rules:
  - rule: no_uncovered_look
    allow_data_domains: false
  - rule: max_epsilon
    limit: 3
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "ours.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_policy(write(folder, text))
    return "\n".join(caught.value.details) or str(caught.value)


def test_a_policy_file_is_read(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path, GOOD))
    assert (policy.id, policy.recipient_class, policy.valid_days) == ("ours", "partner", 90)
    assert policy.rules[1] == ("max_epsilon", {"limit": 3.0})
    assert load_policy(str(tmp_path / "ours.yaml")) == policy


def test_the_hash_names_content_and_not_layout(tmp_path: Path) -> None:
    first = load_policy(write(tmp_path, GOOD))
    second = load_policy(write(tmp_path, "# a comment\n" + GOOD.replace("limit: 3", "limit: 3.0")))
    third = load_policy(write(tmp_path, GOOD.replace("limit: 3", "limit: 4")))
    assert first.sha256 == second.sha256 != third.sha256
    assert len(first.sha256) == 64


def test_a_policy_cannot_be_changed_after_it_was_hashed() -> None:
    limits = {"limit": 3.0}
    policy = Policy(
        id="t",
        version="1.0.0",
        recipient_class="internal",
        description="t",
        valid_days=1,
        rules=(PolicyRule("max_epsilon", limits),),
    )
    limits["limit"] = 99.0
    assert policy.rules[0].parameters["limit"] == 3.0
    with pytest.raises(TypeError):
        policy.rules[0].parameters["limit"] = 99.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rule: max_epsilon", "rule: max_epsilonn", "did you mean 'max_epsilon'"),
        ("    limit: 3", "    limitt: 3", "did you mean 'limit'"),
        ("    limit: 3", "    limit: 3\n    min_n: 4", "no parameter 'min_n'"),
        ("    limit: 3\n", "", "'limit' is missing"),
        ("limit: 3", "limit: .nan", "a number from 0 to 100"),
        ("limit: 3", "limit: .inf", "a number from 0 to 100"),
        ("limit: 3", "limit: -1", "a number from 0 to 100"),
        ("limit: 3", "limit: true", "a number from 0 to 100"),
        ("limit: 3", "limit: three", "a number from 0 to 100"),
        ("limit: 3", "limit:", "a number from 0 to 100"),
        ("allow_data_domains: false", "allow_data_domains: 0", "true or false"),
        ("valid_days: 90", "valid_days: 0", "valid_days"),
        ("valid_days: 90", "valid_days: 9999", "valid_days"),
        ("valid_days: 90", "valid_day: 90", "valid_days"),
        ("recipient_class: partner", "recipient_class: parner", "partner"),
        ("version: 1.0.0", "version: one", "version"),
        ("synthkit: policy/1", "synthkit: policy/2", "policy/1"),
        ("synthkit: policy/1\n", "", "synthkit"),
        ("id: ours", "id: ours\nid: theirs", "id"),
        ("  - rule: max_epsilon\n    limit: 3\n", "  - max_epsilon\n", "rules[1]"),
        ("  - rule: max_epsilon", "  - roole: max_epsilon", "rule is missing"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert said in problems(tmp_path, GOOD.replace(old, new))


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("valid_days: 90", "valid_days: 0").replace("limit: 3", "limit: 1000")
    text = text.replace("allow_data_domains", "allow_domains").replace("id: ours", "ids: ours")
    said = problems(tmp_path, text)
    for part in ("valid_days", "from 0 to 100", "allow_data_domains", "ids"):
        assert part in said


def test_no_rules_is_an_error(tmp_path: Path) -> None:
    head = GOOD[: GOOD.index("rules:")]
    assert "rules" in problems(tmp_path, head + "rules: []\n")
    assert "rules" in problems(tmp_path, head)


def test_a_rule_stated_twice_is_an_error(tmp_path: Path) -> None:
    assert "stated twice" in problems(tmp_path, GOOD + "  - rule: max_epsilon\n    limit: 50\n")


def test_a_limit_on_epsilon_needs_the_rule_that_makes_it_mean_something(tmp_path: Path) -> None:
    text = GOOD.replace("  - rule: no_uncovered_look\n    allow_data_domains: false\n", "")
    assert "means nothing without the rule no_uncovered_look" in problems(tmp_path, text)


def test_an_unknown_name_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(InputError) as caught:
        load_policy("publik")
    assert "Did you mean 'public'?" in caught.value.hint


def test_a_packaged_name_is_not_shadowed_by_a_file_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "public").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_policy("public").id == "public"
    assert load_policy("./public").id == "ours"


def test_the_packaged_policies_are_named_as_their_files_and_classes() -> None:
    assert policy_names() == ("internal", "partner", "public")
    for name in policy_names():
        policy = load_policy(name)
        assert (policy.id, policy.recipient_class) == (name, name)


def test_the_packaged_policies_state_every_rule() -> None:
    for name in policy_names():
        stated = {rule.name for rule in load_policy(name).rules}
        assert stated == set(registry.names("synthkit.gate.rules"))


HIGHER_IS_STRICTER = ("min_n", "min_power", "required")
LOOSER_IS_HIGHER = {"utility_ratio": False, "min_rows": False}


def test_wider_recipients_never_get_looser_limits() -> None:
    policies = [load_policy(name) for name in ("internal", "partner", "public")]
    for wide, narrow in itertools.pairwise(policies):
        stricter = dict(narrow.rules)
        for name, parameters in wide.rules:
            for key, value in parameters.items():
                other = stricter[name][key]
                if key in HIGHER_IS_STRICTER or not LOOSER_IS_HIGHER.get(name, True):
                    assert other >= value, (name, key)  # type: ignore[operator]
                elif key == "allowed":
                    assert set(other) <= set(value)  # type: ignore[arg-type]
                else:
                    assert other <= value, (name, key)  # type: ignore[operator]


def test_every_limit_of_the_packaged_policies_has_a_reason_beside_it() -> None:
    folder = Path(__file__).parents[2] / "policies"
    for name in policy_names():
        lines = (folder / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
        for before, line in itertools.pairwise(lines):
            if line.startswith("  - rule:"):
                assert before.startswith("  # "), f"{name}: {line}"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for rule in registry.names("synthkit.gate.rules"):
        assert f"`{rule}`" in readme


def test_parameters_are_normalised() -> None:
    allowed = {
        "limit": Number(low=0, high=10),
        "min_n": Number(low=1, high=9, is_integer=True),
        "flag": Flag(),
        "units": Choice(options=("person", "row")),
    }
    found = read(allowed, {"limit": 3, "min_n": 4, "flag": True, "units": ["row", "person"]})
    assert found == {"limit": 3.0, "min_n": 4, "flag": True, "units": ("person", "row")}
    with pytest.raises(Unusable) as caught:
        read(allowed, {"limit": float("nan"), "min_n": 4.5, "flag": 1, "units": [], "x": 1})
    assert set(caught.value.problems) == {"limit", "min_n", "flag", "units", "x"}
