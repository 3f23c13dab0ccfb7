"""Laws of the evaluation: same inputs and seed, same answer; row order is nothing; copies show."""

import pytest

from synthkit.evaluate import FAMILIES, build_context, evaluate
from synthkit.evaluate.runner import run_plugin
from synthkit.registry import load, names
from tests.evaluate.simulated import schema, tables, with_copies

PLUGINS = [(f, n) for f in FAMILIES for n in names(f"synthkit.evaluate.{f}")]
SIZES = {"n_train": 400, "n_holdout": 300, "n_synthetic": 350}


@pytest.fixture(scope="module")
def found():
    return evaluate(*tables(7, **SIZES), schema(), seed=11)


def test_same_inputs_and_seed_same_evidence(found):
    assert evaluate(*tables(7, **SIZES), schema(), seed=11) == found


def test_shuffled_rows_same_evidence(found):
    mixed = [t.sample(fraction=1.0, shuffle=True, seed=i) for i, t in enumerate(tables(7, **SIZES))]
    assert evaluate(*mixed, schema(), seed=11) == found


def test_reordered_and_extra_columns_same_evidence(found):
    train, holdout, synthetic = tables(7, **SIZES)
    extra = synthetic.with_row_index("not in the schema")
    again = evaluate(
        train.select(train.columns[::-1]),
        holdout,
        extra.select(extra.columns[::-1]),
        schema(),
        seed=11,
    )
    assert again == found


@pytest.mark.parametrize(("family", "name"), PLUGINS)
def test_every_plugin_gives_what_it_promises_and_nothing_public(family, name):
    context = build_context(*tables(7, **SIZES), schema(), seed=1)
    given = run_plugin(context, family, name)
    plugin = load(f"synthkit.evaluate.{family}", name)
    assert sorted(m.name for m in given) == sorted(plugin.names(schema()))
    for measurement in given:
        assert measurement.disclosure == "internal"
        assert measurement.value is not None or measurement.note


@pytest.mark.parametrize(("family", "name"), PLUGINS)
def test_every_plugin_refuses_tables_too_small_to_measure(family, name):
    context = build_context(*tables(7, n_train=20, n_holdout=20, n_synthetic=20), schema(), seed=1)
    given = run_plugin(context, family, name)
    assert [m.value for m in given] == [None] * len(given)
    assert all("could not be measured" in m.note for m in given)


def test_more_copies_never_look_safer():
    train, holdout, synthetic = tables(7, **SIZES)
    shares = (0.0, 0.01, 0.1, 0.5, 1.0)
    copies, auc = [], []
    for share in shares:
        table = with_copies(synthetic, train, share)
        context = build_context(train, holdout, table, schema(), seed=1)
        copies.append(run_plugin(context, "attacks", "exact_copies")[0].value)
        auc.append(run_plugin(context, "attacks", "membership_inference")[0].value)
    assert copies == sorted(copies)
    assert copies[1] > copies[0] == 0
    # Below one half the steps are smaller than the attack's own chance (sd .024 with 300 members).
    assert auc[0] + 0.1 < auc[3] < auc[4] - 0.1
