"""A run that buys its domains: nothing of what was written, and nothing only one person has."""

from __future__ import annotations

import dataclasses
import json

import polars as pl
import pytest

import synthkit as sk
from synthkit.pipeline.model import Model
from tests.pipeline.jobs import ENCODED, PLAN, SCHEMA, visits, write_job

WRITTEN, LONE = "WrittenSentinel", "LoneSentinel"
SHARED = ("values that many share", "roundness of numbers")
EXTREME = 8_642_097_531_864
"""An age that only one person has; too long to come up among the digits of a file by chance."""

BOUGHT = (
    SCHEMA.replace("from: public", "from: data")
    .replace("bounds: [0, 120]", f"bounds: [0, {EXTREME}]")
    .replace("[north, south, east]", f"[north, south, east, {WRITTEN}, {LONE}]")
    .replace("bounds: [30, 150], decimals: 1", "bounds: [-313131313131, 313131313131], decimals: 4")
    .replace("targets:", "missing: [TokenSentinel]\ntargets:")
)


def with_sentinels(n_rows: int, **more) -> pl.DataFrame:
    """The visits, in which the last row has a ward and an age of its own."""
    is_last = pl.int_range(pl.len()) == pl.len() - 1
    return visits(n_rows, **more).with_columns(
        ward=pl.when(is_last).then(pl.lit(LONE)).otherwise("ward"),
        age=pl.when(is_last).then(EXTREME).otherwise("age"),
    )


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("bought")
    path = write_job(folder / "job", PLAN + "holdout: later.csv\n", BOUGHT)
    with_sentinels(3_000).write_csv(path.parent / "visits.csv")
    visits(400, seed=5, first_patient=9_000).write_csv(path.parent / "later.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTHKIT_HOME", str(folder / "home"))
        yield sk.run(sk.load_plan(path))


def test_the_run_has_a_guarantee_end_to_end_and_says_what_was_bought(result):
    privacy = result.evidence.privacy
    assert privacy.private
    assert privacy.bought_columns == tuple(ENCODED)
    assert not any("read from the data" in w for w in result.evidence.warnings)
    page = (result.bundle / "report.html").read_text()
    assert "Domains of 6 columns were bought with noise, inside epsilon." in page
    rule = next(r for r in result.decision.rules if r.rule == "no_uncovered_look")
    assert rule.outcome == "pass"
    assert "domains of 6 columns bought with noise among them" in rule.reason


def test_schema_and_suite_may_leave_the_house(result):
    manifest = json.loads((result.bundle / "manifest.json").read_text())
    found = {f["path"]: f["audience"] for f in manifest["files"]}
    assert found["schema.yaml"] == found["suite.json"] == "release"


def test_no_file_that_may_leave_holds_a_written_domain_or_what_one_person_has(result):
    manifest = json.loads((result.bundle / "manifest.json").read_text())
    released = {f["path"] for f in manifest["files"] if f["audience"] == "release"}
    assert {"schema.yaml", "suite.json", "synthetic.csv"} <= released
    for path in sorted(result.bundle.iterdir()):
        if path.name == "synthetic.parquet":
            text = pl.read_parquet(path).write_csv()
        else:
            text = path.read_text(errors="replace")
        for sentinel in (WRITTEN, LONE, str(EXTREME), "313131313131", "TokenSentinel"):
            assert sentinel not in text, (path.name, sentinel)


def test_the_model_file_holds_none_of_it_either(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path / "home"))
    from synthkit.schema import parse

    table = with_sentinels(3_000)
    model = sk.fit(table, parse(BOUGHT), epsilon=2.0, generator="independent")
    model.save(tmp_path / "m.safetensors")
    data = (tmp_path / "m.safetensors").read_bytes()
    for sentinel in (WRITTEN, LONE, str(EXTREME), "313131313131", "TokenSentinel"):
        assert sentinel.encode() not in data
    as_written = sk.fit(
        table, parse(BOUGHT), epsilon=2.0, generator="independent", domains="as_written"
    )
    as_written.save(tmp_path / "w.safetensors")
    assert WRITTEN.encode() in (tmp_path / "w.safetensors").read_bytes(), "the search can find it"
    again = Model.load(tmp_path / "m.safetensors")
    assert again.schema == model.schema
    assert {c.domain_source for c in again.schema.encoded} == {"noisy"}
    assert again.sample(50, seed=1).equals(model.sample(50, seed=1))


def test_the_synthetic_table_obeys_the_bought_schema_and_real_rows_were_not_clamped(result):
    assert {r.outcome for r in result.evidence.validity.results} == {"pass"}
    words = {row["domain_source"] for row in result.evidence.dictionary if row["domain_source"]}
    assert words == {"noisy"}


def test_domains_need_not_be_written_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path / "home"))
    text = BOUGHT
    for domain in (
        f"bounds: [0, {EXTREME}], ", "bounds: [-313131313131, 313131313131], decimals: 4, ",
        f"categories: [north, south, east, {WRITTEN}, {LONE}], ", "categories: [1, 2, 3], ",
        "bounds: [2020-01-01, 2020-03-31], ",
    ):  # fmt: skip
        assert domain in text
        text = text.replace(domain, "")
    from synthkit.schema import parse

    table = visits(3_000)
    model = sk.fit(table, parse(text), epsilon=4.0, generator="independent")
    assert model.schema.column("ward").categories[:3] == ("east", "north", "south")
    assert model.schema.column("grade").categories == (1, 2, 3)
    parts = sk.split(table, parse(text))
    synthetic = model.sample(500, seed=1)
    for schema in (parse(text), model.schema):
        evidence = sk.evaluate(parts.train, parts.holdout, synthetic, schema)
        assert evidence.measurements["fidelity.tvd1"].value < 0.2
        assert {r.outcome for r in evidence.validity.results} == {"pass"}


def test_a_bought_schema_serves_the_next_fit_at_no_further_cost(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path / "home"))
    from synthkit.schema import parse

    first = sk.fit(visits(2_000), parse(BOUGHT), epsilon=2.0, generator="independent")
    second = sk.fit(with_sentinels(2_000), first.schema, epsilon=1.0, generator="independent")
    # Whether a bought domain leaves shared values to be found depends on how wide it was bought.
    assert [e.name for e in second.privacy.events if e.name not in SHARED] == ["one-way tables"]
    assert second.privacy.private
    assert second.privacy.bought_columns == tuple(ENCODED)
    assert second.schema == first.schema


def test_what_a_fit_without_a_guarantee_wrote_into_rules_is_not_bought(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path / "home"))
    from synthkit.schema import Follows, dump, parse

    rule = Follows(column="grade", of=("ward",))
    written = dataclasses.replace(parse(BOUGHT), constraints=(rule,))
    exact = {"generator": "independent", "domains": "as_written"}
    first = sk.fit(with_sentinels(2_000), written, epsilon=2.0, **exact)
    assert not first.privacy.private
    given = parse(dump(first.schema))
    assert LONE in str(given.constraints)
    second = sk.fit(with_sentinels(2_000), given, epsilon=2.0, generator="independent")
    assert second.privacy.private
    assert LONE not in dump(second.schema)
    assert WRITTEN not in dump(second.schema)


def test_a_domain_marked_as_bought_that_nobody_bought_is_refused_before_the_charge(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path / "home"))
    from synthkit.errors import InputError
    from synthkit.privacy.ledger import Ledger
    from synthkit.schema import parse

    forged = parse(SCHEMA.replace("from: public", "from: noisy"))
    with pytest.raises(InputError, match=r"never bought .* 'age', 'weight'"):
        sk.fit(visits(2_000), forged, epsilon=1.0, generator="independent")
    bought = sk.fit(visits(2_000), parse(BOUGHT), epsilon=2.0, generator="independent").schema
    with pytest.raises(InputError, match="never bought"):  # paid by others is not paid
        sk.fit(visits(2_000), bought, epsilon=1.0, generator="independent", population="other")
    wider = dataclasses.replace(
        bought,
        columns=tuple(
            dataclasses.replace(c, bounds=(0, 119)) if c.name == "age" else c
            for c in bought.columns
        ),
    )
    with pytest.raises(InputError, match=r"never bought .*: 'age'"):
        sk.fit(visits(2_000), wider, epsilon=1.0, generator="independent")
    assert Ledger().spent(bought.population).releases == 1


def test_a_schema_that_nobody_has_reviewed_carries_no_guarantee(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path / "home"))
    table = visits(3_000).drop("note")
    proposed = sk.inspect(table)
    assert proposed.proposed
    model = sk.fit(table, proposed, epsilon=2.0, generator="independent")
    assert not model.privacy.private
    assert [e.name for e in model.privacy.events if not e.covered] == [
        "schema as proposed from the data"
    ]
    reviewed = dataclasses.replace(proposed, proposed=False)
    assert sk.fit(table, reviewed, epsilon=2.0, generator="independent").privacy.private


def test_what_a_schema_says_of_left_out_cells_is_in_no_release():
    from synthkit.pipeline.model import without_unlearned_domains
    from synthkit.schema import dump, parse

    told = SCHEMA.replace("kind: id}", "kind: id, nullable: true, missing: [TokenSentinel]}")
    told = told.replace("kind: text}", "kind: text, nullable: true}")
    texts = {dump(without_unlearned_domains(parse(text))) for text in (SCHEMA, told)}
    assert len(texts) == 1
