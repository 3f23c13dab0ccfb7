import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from synthkit import registry
from synthkit.artifacts import Evidence, Measurement
from synthkit.canonical import canonical_json
from synthkit.evaluate import FAMILIES, build_context, evaluate
from synthkit.evaluate import runner as runner_module
from synthkit.evaluate.runner import run_plugin
from synthkit.schema import Column, Schema
from tests.evaluate.simulated import CANARY, WARDS, schema, set_column, tables

EXPECTED = {
    "attacks.exact_copies",
    "attacks.exact_copies_unique",
    "attacks.membership_inference",
    "attacks.membership_inference_tpr",
    "diagnostics.dcr_train_closer_share",
    "fidelity.sdmetrics_column_pair_trends",
    "fidelity.sdmetrics_column_shapes",
    "fidelity.sdmetrics_diagnostic",
    "fidelity.sdmetrics_quality",
    "fidelity.tvd1",
    "fidelity.tvd1_worst",
    "fidelity.tvd2",
    "fidelity.tvd3",
    "utility.ratio",
    "utility.trtr.outcome",
    "utility.tstr.outcome",
}


@pytest.fixture(scope="module")
def honest():
    return evaluate(*tables(6), schema(), seed=0)


def planted(monkeypatch, plugin):
    """Puts one plugin in place of every other."""
    monkeypatch.setattr(registry, "load", lambda package, name: plugin)
    context = build_context(*tables(6, n_train=60, n_holdout=60, n_synthetic=60), schema(), seed=0)
    return {m.name: m for m in run_plugin(context, "fidelity", "planted")}


def test_every_agreed_name_is_measured(honest):
    assert set(honest.measurements) == EXPECTED
    for name, measurement in honest.measurements.items():
        assert measurement.name == name
        assert measurement.value is not None, measurement.note


def test_all_of_it_is_internal_and_goes_into_canonical_json(honest):
    assert {m.disclosure for m in honest.measurements.values()} == {"internal"}
    evidence = Evidence(
        name="e",
        measurements=honest.measurements,
        rows_synthetic=1200,
        marginals=honest.marginals,
        associations=honest.associations,
    )
    text = canonical_json(evidence)
    assert CANARY.encode() not in text
    assert b"p17" not in text


def test_intervals_hold_their_value(honest):
    for m in honest.measurements.values():
        if m.low is not None:
            assert m.low <= m.value <= m.high
            assert m.confidence == 0.95


def test_every_plugin_is_found_by_its_file_and_says_what_it_is():
    found = {(f, n) for f in FAMILIES for n in registry.names(f"synthkit.evaluate.{f}")}
    assert found == {
        ("fidelity", "tvd"),
        ("fidelity", "sdmetrics_quality"),
        ("utility", "tstr"),
        ("attacks", "exact_copies"),
        ("attacks", "membership_inference"),
        ("attacks", "dcr"),
    }
    for family, name in found:
        assert registry.summary(f"synthkit.evaluate.{family}", name)


def test_a_measurement_that_raises_has_no_value_and_tells_no_cell(monkeypatch):
    def measure(context):
        raise ValueError(f"cannot parse {CANARY}")

    found = planted(monkeypatch, SimpleNamespace(names=lambda s: ("a", "b"), measure=measure))
    assert set(found) == {"a", "b"}
    for measurement in found.values():
        assert measurement.value is None
        assert measurement.note == "could not be measured: ValueError"


def test_a_plugin_that_cannot_be_loaded_leaves_a_measurement_without_value(monkeypatch):
    def load(package, name):
        raise ImportError(CANARY)

    context = build_context(*tables(6, n_train=60, n_holdout=60, n_synthetic=60), schema(), seed=0)
    monkeypatch.setattr(registry, "load", load)
    (only,) = run_plugin(context, "attacks", "planted")
    assert (only.name, only.value) == ("attacks.planted", None)
    assert only.note == "could not be measured: ImportError"


def test_a_value_that_is_not_a_number_is_withdrawn(monkeypatch):
    given = (
        Measurement(name="a", value=float("nan"), note="x"),
        Measurement(name="b", value=1.0, low=float("-inf"), reference=float("nan"), note="kept"),
    )
    plugin = SimpleNamespace(names=lambda s: ("a", "b", "c"), measure=lambda c: given)
    found = planted(monkeypatch, plugin)
    assert found["a"].value is None
    assert "not a finite number" in found["a"].note
    assert (found["b"].value, found["b"].low, found["b"].reference) == (1.0, None, None)
    assert found["b"].note.startswith("kept; ")
    assert found["c"].value is None
    assert "no result was given" in found["c"].note


def test_figures_that_cannot_be_drawn_are_told(monkeypatch):
    def fail(context):
        raise ArithmeticError(CANARY)

    monkeypatch.setattr("synthkit.evaluate.fidelity.association.association_figure", fail)
    monkeypatch.setattr(registry, "names", lambda package: ())
    found = evaluate(*tables(6), schema(), seed=0)
    assert found.associations is None
    assert found.measurements["fidelity.figures"].note == "could not be measured: ArithmeticError"


@pytest.mark.parametrize("short", ["train", "holdout", "synthetic"])
@pytest.mark.parametrize("n_rows", [0, 5])
def test_tiny_tables_are_not_measured_and_say_why(short, n_rows):
    drawn = dict(zip(("train", "holdout", "synthetic"), tables(6), strict=True))
    drawn[short] = drawn[short][:n_rows]
    found = evaluate(**drawn, schema=schema(), seed=0)
    assert set(found.measurements) == {*EXPECTED, "fidelity.figures"}
    for measurement in found.measurements.values():
        assert measurement.value is None
        assert f"{short} has {n_rows} rows, fewer than 50" in measurement.note
    assert found.marginals == ()


def test_one_distinct_synthetic_row_is_measured_or_named(honest):
    train, holdout, synthetic = tables(6)
    row = pl.concat([synthetic[:1]] * 300)
    found = evaluate(train, holdout, row, schema(), seed=0).measurements
    assert found["fidelity.tvd2"].value > 0.5
    assert found["utility.tstr.outcome"].value == 0.5
    assert found["fidelity.sdmetrics_quality"].value < 0.3
    for measurement in found.values():
        assert measurement.value is not None or "could not be measured" in measurement.note


def test_a_constant_column_does_not_hide_behind_an_average():
    train, holdout, synthetic = tables(6)
    found = evaluate(train, holdout, set_column(synthetic, "dose", 0.0), schema(), seed=0)
    worst = found.measurements["fidelity.tvd1_worst"]
    assert worst.value > worst.reference + 0.2
    trends = found.measurements["fidelity.sdmetrics_column_pair_trends"]
    assert trends.value < trends.reference - 0.05
    assert "3 that have a score for the holdout count as 0" in trends.note


def test_real_tables_of_one_distinct_row_do_not_crash():
    of = Schema(
        name="s",
        population="s",
        columns=(
            Column(name="a b", kind="integer"),
            Column(name="c.d", kind="categorical", categories=WARDS),
        ),
        targets=("c.d",),
    )
    frame = pl.DataFrame({"a b": [3] * 80, "c.d": ["icu"] * 80})
    found = evaluate(frame, frame, frame, of, seed=0).measurements
    assert found["fidelity.tvd2"].value == 0
    for name in ("attacks.membership_inference", "utility.ratio", "utility.tstr.c.d"):
        assert found[name].value is None
        assert found[name].note.startswith("could not be measured: ")


def test_names_of_columns_cannot_clash_with_inner_names():
    hostile = ("c1", "c0", "row", "key", "person", "level", "count", "", "<b>", "x" * 200)
    of = Schema(
        name="s",
        population="s",
        columns=tuple(Column(name=n, kind="integer") for n in hostile),
        targets=("row",),
    )
    rng = np.random.default_rng(0)
    frames = [pl.DataFrame({n: rng.integers(0, 9, 200) for n in hostile}) for _ in range(3)]
    found = evaluate(*frames, of, seed=0)
    assert found.associations.columns == hostile
    assert tuple(f.column for f in found.marginals) == hostile
    assert found.measurements["attacks.exact_copies"].value == 0
    assert found.measurements["utility.trtr.row"].value is not None


def test_progress_counts_up_to_the_figures(monkeypatch):
    seen = []
    monkeypatch.setattr(runner_module, "run_plugin", lambda c, f, n: ())
    evaluate(*tables(6), schema(), seed=0, progress=seen.append)
    assert [s.step for s in seen] == list(range(7))
    assert {s.steps for s in seen} == {7}
    assert seen[-1].name == "figures"
    assert seen[0].seconds_left is None
    assert seen[-1].seconds_left >= 0


def test_importing_the_room_is_quick():
    code = (
        "import numpy, time; t = time.process_time(); import synthkit.evaluate; "
        "print(time.process_time() - t)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.3
