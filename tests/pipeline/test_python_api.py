"""The Python interface as the README shows it, on frames and files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import synthkit as sk
from synthkit.errors import BudgetExceeded, ConfigError, InputError, PublishError
from synthkit.privacy.ledger import Ledger
from tests.pipeline.jobs import PATIENT, schema, visits


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory):
    """read -> inspect -> split -> fit -> sample -> evaluate -> decide, once."""
    folder = tmp_path_factory.mktemp("story")
    visits(4_000).drop("visit", "note").write_csv(folder / "visits.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTHKIT_HOME", str(folder / "home"))
        table = sk.read(folder / "visits.csv")
        proposed = sk.inspect(table, name="visits")  # all of it `from: data`: domains are bought
        parts = sk.split(table, proposed, holdout_share=0.3, seed=1)
        model = sk.fit(parts.train, proposed, epsilon=2.0, generator="independent")
        synthetic = model.sample(400, seed=1)
        evidence = sk.evaluate(parts.train, parts.holdout, synthetic, proposed, name="A test")
        yield {
            "table": table, "schema": proposed, "parts": parts, "model": model,
            "synthetic": synthetic, "evidence": evidence, "decision": sk.decide(evidence),
            "history": Ledger().history(proposed.population),
        }  # fmt: skip


def test_inspect_finds_the_person_and_says_that_domains_come_from_the_data(story):
    assert story["schema"].person_id == "patient"
    sources = {c.domain_source for c in story["schema"].encoded if c.kind != "boolean"}
    assert sources == {"data"}
    assert [p for p in sk.check(story["table"], story["schema"]) if p.severity == "error"] == []


@pytest.mark.parametrize("given", ["visits.csv", {"age": [4]}, [1, 2]])
def test_what_is_no_table_is_named_in_every_verb(given):
    table = visits(20)
    for verb in (
        lambda: sk.inspect(given),
        lambda: sk.check(given, schema()),
        lambda: sk.split(given, schema()),
        lambda: sk.fit(given, schema(), epsilon=1.0),
        lambda: sk.evaluate(table, visits(20, first_patient=50), given, schema()),
    ):
        with pytest.raises(InputError, match="must be a polars DataFrame") as error:
            verb()
        assert "synthkit.read" in error.value.hint
    assert Ledger().history("visits-test") == ()


def test_a_model_file_is_replaced_only_where_that_is_said(story, tmp_path):
    path = tmp_path / "m"
    path.write_text("another model, paid for")
    with pytest.raises(PublishError, match="exists already") as error:
        story["model"].save(path)
    assert "replace=True" in error.value.hint
    assert path.read_text() == "another model, paid for"
    story["model"].save(path, replace=True)
    assert sk.Model.load(path).sample(20, seed=1).equals(story["model"].sample(20, seed=1))


def test_split_keeps_every_person_on_one_side(story):
    train, holdout = story["parts"].train, story["parts"].holdout
    assert train.height + holdout.height == 4_000
    assert not set(train["patient"]) & set(holdout["patient"])
    assert 500 <= holdout["patient"].n_unique() <= 700, "about 30 % of 2,000"


def test_the_synthetic_table_has_the_learned_columns_only(story):
    assert story["synthetic"].columns == [c.name for c in story["schema"].encoded]
    assert PATIENT not in story["synthetic"].write_csv()


def test_evidence_of_evaluate_is_measured_and_makes_no_privacy_claim(story):
    evidence = story["evidence"]
    assert evidence.name == "A test"
    assert evidence.privacy is None
    assert evidence.rows_synthetic == 400
    for name in ("fidelity.tvd1", "fidelity.tvd2", "validity.failed", "attacks.exact_copies"):
        assert evidence.measurements[name].value is not None
    assert evidence.measurements["fidelity.tvd1"].value < 0.4


def test_the_evaluation_is_written_into_the_ledger_and_costs_nothing(story):
    reserved = [e for e in story["history"] if e.action == "reserved"]
    assert [e.note for e in reserved] == ["fit independent", "evaluate"]
    assert reserved[0].epsilon > 1.5
    assert reserved[1].epsilon is None


def test_without_a_privacy_statement_the_privacy_rules_are_inconclusive(story):
    outcomes = {r.rule: r.outcome for r in story["decision"].rules}
    for rule in ("no_uncovered_look", "max_epsilon", "max_delta", "privacy_unit"):
        assert outcomes[rule] == "inconclusive"
    assert story["decision"].verdict != "pass"


def test_decide_takes_a_packaged_policy_or_a_file(story, tmp_path):
    root = Path(__file__).parents[2] / "policies"
    by_name = sk.decide(story["evidence"], "public")
    (tmp_path / "own.yaml").write_bytes((root / "public.yaml").read_bytes())
    assert sk.decide(story["evidence"], tmp_path / "own.yaml") == by_name
    with pytest.raises(InputError, match="no policy named 'pubic'"):
        sk.decide(story["evidence"], "pubic")
    (tmp_path / "own.yaml").write_text("synthkit: policy/1\nrules: []\n")
    with pytest.raises(ConfigError):
        sk.decide(story["evidence"], tmp_path / "own.yaml")


def test_evaluate_refuses_tables_whose_comparison_would_say_nothing(story):
    train, holdout, synthetic = (
        story["parts"].train, story["parts"].holdout, story["synthetic"],
    )  # fmt: skip
    with pytest.raises(InputError, match="share people"):
        sk.evaluate(train, train, synthetic, story["schema"])
    with pytest.raises(InputError) as error:
        sk.evaluate(train, holdout, synthetic.drop("ward"), story["schema"])
    assert "ward" in " ".join(error.value.details)
    unreadable = holdout.with_columns(age=pl.lit("old"))
    with pytest.raises(InputError, match="holdout does not fit"):
        sk.evaluate(train, unreadable, synthetic, story["schema"])
    assert Ledger().history(story["schema"].population) == ()


def test_a_synthetic_table_may_carry_more_columns_than_are_needed(story):
    from synthkit.pipeline.tables import checked

    conformed = checked(story["table"], story["schema"], what="table")
    assert conformed.columns == story["table"].columns
    learned = [c.name for c in story["schema"].encoded]
    extra = story["synthetic"].with_columns(comment=pl.lit("x"))
    from synthkit.schema import Schema
    from synthkit.source import conform

    bought = story["model"].schema
    encoded = Schema(**{**vars(bought), "columns": bought.encoded, "unit": "row"})
    assert conform(extra, encoded).columns == learned


def test_fit_of_a_private_generator_needs_an_epsilon_and_costs_nothing_without():
    with pytest.raises(InputError, match="needs an epsilon"):
        sk.fit(visits(), schema(), generator="independent")
    assert Ledger().history("visits-test") == ()


@pytest.mark.parametrize("epsilon", [0, -1, float("nan"), float("inf")])
def test_fit_refuses_an_epsilon_that_is_no_budget(epsilon):
    with pytest.raises(InputError):
        sk.fit(visits(), schema(), epsilon=epsilon, generator="independent")
    assert Ledger().history("visits-test") == ()


def test_fit_over_the_cap_is_refused_and_a_ledger_may_be_given(tmp_path):
    own = Ledger(f"sqlite:///{tmp_path / 'own.sqlite'}")
    own.set_cap("visits-test", 1.0)
    with pytest.raises(BudgetExceeded):
        sk.fit(visits(), schema(), epsilon=1.5, generator="independent", ledger=own)
    assert Ledger().history("visits-test") == ()
    assert [e.action for e in own.history("visits-test")] == ["cap", "refused"]


def test_read_and_verify_name_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv"):
        sk.read(tmp_path / "none.csv")
    with pytest.raises(InputError):
        sk.verify(tmp_path / "none", tmp_path / "none.pem")


def test_every_public_name_resolves_and_an_unknown_one_does_not():
    for name in sk.__all__:
        assert getattr(sk, name).__doc__, name
    assert set(sk.__all__) < set(dir(sk))
    with pytest.raises(AttributeError, match="fitt"):
        sk.fitt  # noqa: B018


def test_importing_synthkit_loads_no_heavy_library():
    code = (
        "import sys, synthkit; heavy = {'polars', 'pandas', 'torch', 'numpy', 'sklearn', "
        "'sqlalchemy', 'pydantic'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
