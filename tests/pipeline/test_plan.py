"""What a plan says, what it leaves to defaults, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

import synthkit as sk
from synthkit.errors import ConfigError, InputError

MINIMAL = """\
synthkit: plan/1
name: Visits
table: visits.csv
schema: schemas/visits.yaml
output: out/bundle
epsilon: 1
"""
FULL = """\
synthkit: plan/1
name: Visits of 2024
table: visits.csv
schema: visits.yaml
output: /somewhere/bundle
epsilon: 2.5
delta: 1.0e-7
generator: dpctgan
options: {sample_rate: 0.1, critic_steps: 20}
policy: policies/own.yaml
purpose: development
recipient: the data team
holdout: later.csv
holdout_share: 0.3
population: visits-2024
rows: 5000
seed: 11
device: cpu
signing_key: keys/team.key.pem
audit: audit/audit.json
invalid_values: clamp
replace: true
"""


@pytest.fixture
def load(tmp_path: Path):
    def write_and_load(text: str) -> sk.Plan:
        (tmp_path / "plan.yaml").write_text(text)
        return sk.load_plan(tmp_path / "plan.yaml")

    return write_and_load


def test_a_plan_of_six_lines_is_enough_and_the_rest_has_defaults(load, tmp_path):
    assert load(MINIMAL) == sk.Plan(
        name="Visits",
        table=tmp_path / "visits.csv",
        schema=tmp_path / "schemas" / "visits.yaml",
        output=tmp_path / "out" / "bundle",
        epsilon=1.0,
        delta=None,
        generator="dpctgan",
        options=(),
        policy="internal",
        purpose="",
        recipient="",
        holdout=None,
        holdout_share=0.2,
        population=None,
        rows=None,
        seed=0,
        device="auto",
        signing_key=None,
        audit=None,
        invalid_values="refuse",
        replace=False,
    )


def test_every_key_arrives_where_it_belongs(load, tmp_path):
    assert load(FULL) == sk.Plan(
        name="Visits of 2024",
        table=tmp_path / "visits.csv",
        schema=tmp_path / "visits.yaml",
        output=Path("/somewhere/bundle"),
        epsilon=2.5,
        delta=1e-7,
        generator="dpctgan",
        options=(("critic_steps", 20), ("sample_rate", 0.1)),
        policy=str(tmp_path / "policies" / "own.yaml"),
        purpose="development",
        recipient="the data team",
        holdout=tmp_path / "later.csv",
        holdout_share=0.3,
        population="visits-2024",
        rows=5000,
        seed=11,
        device="cpu",
        signing_key=tmp_path / "keys" / "team.key.pem",
        audit=tmp_path / "audit" / "audit.json",
        invalid_values="clamp",
        replace=True,
    )


def test_paths_are_relative_to_the_plan_not_to_the_working_folder(load, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    load(MINIMAL)
    monkeypatch.chdir(elsewhere)
    plan = sk.load_plan("../plan.yaml")
    assert plan.table == tmp_path / "visits.csv"


def test_a_tilde_means_the_home_folder(load, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    plan = load(MINIMAL.replace("visits.csv", "~/visits.csv") + "policy: ~/own.yaml\n")
    assert plan.table == Path("/home/someone/visits.csv")
    assert plan.policy == "/home/someone/own.yaml"


@pytest.mark.parametrize("policy", ["own.yaml", "own.yml", "folder/own"])
def test_a_policy_that_looks_like_a_file_is_one(load, tmp_path, policy):
    assert load(MINIMAL + f"policy: {policy}\n").policy == str(tmp_path / policy)


def test_a_policy_that_is_a_word_is_a_packaged_one_whatever_lies_beside_the_plan(load, tmp_path):
    (tmp_path / "public").write_text("not this one")
    assert load(MINIMAL + "policy: public\n").policy == "public"


def test_options_keep_the_types_that_they_are_written_in(load):
    options = dict(load(MINIMAL + "options: {a: 1, b: 0.5, c: true, d: word}\n").options)
    assert [(v, type(v)) for v in options.values()] == [
        (1, int), (0.5, float), (True, bool), ("word", str),
    ]  # fmt: skip


def test_an_option_that_is_a_list_is_refused(load):
    with pytest.raises(ConfigError) as error:
        load(MINIMAL + "options: {a: [1, 2]}\n")
    assert "options" in " ".join(error.value.details)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("epsilom", "epsilon"), ("generater", "generator"), ("hold_out", "holdout"),
     ("Seed", "seed"), ("populaton", "population"), ("outptu", "output")],
)  # fmt: skip
def test_an_unknown_key_is_told_with_the_nearest_known_one(load, wrong, right):
    with pytest.raises(ConfigError) as error:
        load(MINIMAL + f"{wrong}: 1\n")
    assert any(wrong in d and right in d for d in error.value.details), error.value.details


@pytest.mark.parametrize("key", ["synthkit", "name", "table", "schema", "output"])
def test_what_has_no_default_must_be_there(load, key):
    lines = [line for line in MINIMAL.splitlines() if not line.startswith(f"{key}:")]
    with pytest.raises(ConfigError) as error:
        load("\n".join(lines))
    assert any(key in d for d in error.value.details)


@pytest.mark.parametrize(
    "line",
    ["delta: 0", "delta: 1", "delta: .nan", "holdout_share: 0", "holdout_share: 0.6", "rows: 0",
     "rows: 10.5", "seed: -1", "seed: true", "device: gpu", "invalid_values: ignore",
     "replace: maybe", "population: Two Words", "name: ''", "generator: 3", "synthkit: plan/2"],
)  # fmt: skip
def test_a_value_out_of_its_range_is_refused_at_its_key(load, line):
    key = line.partition(":")[0]
    text = "\n".join(x for x in MINIMAL.splitlines() if not x.startswith(f"{key}:"))
    with pytest.raises(ConfigError) as error:
        load(f"{text}\n{line}\n")
    assert len(error.value.details) == 1
    assert key in error.value.details[0]


def test_a_private_generator_without_an_epsilon_is_refused(load):
    with pytest.raises(ConfigError, match="dpctgan is private and needs an epsilon"):
        load(MINIMAL.replace("epsilon: 1\n", ""))


def test_a_generator_without_privacy_needs_no_epsilon(load):
    plan = load(MINIMAL.replace("epsilon: 1\n", "generator: ctgan\n"))
    assert plan.epsilon is None


@pytest.mark.parametrize("epsilon", ["epsilon: 1", ""])
def test_an_unknown_generator_is_refused_when_the_plan_is_read(load, epsilon):
    with pytest.raises(InputError, match="independant") as error:
        load(MINIMAL.replace("epsilon: 1", epsilon) + "generator: independant\n")
    assert "Did you mean 'independent'?" in error.value.hint


def test_reading_a_plan_opens_neither_table_nor_schema(load, tmp_path):
    load(MINIMAL)
    assert [p.name for p in tmp_path.iterdir()] == ["plan.yaml"]
