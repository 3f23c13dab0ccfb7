"""Adult: the figures of `benchmarks` that do not depend on this package's choices."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthkit.evaluate import build_context
from synthkit.evaluate.attacks import exact_copies, membership_inference
from synthkit.evaluate.fidelity import tvd
from synthkit.evaluate.utility import tstr
from synthkit.schema import Column, Schema
from tests.conftest import ROOT

pytestmark = [pytest.mark.realdata, pytest.mark.slow]


@pytest.fixture(scope="module")
def adult():
    folder = Path(os.environ.get("SYNTHKIT_DATA", ROOT / ".." / "shared" / "data")) / "adult"
    if not (folder / "data.parquet").exists():
        pytest.skip("the public table adult is not at SYNTHKIT_DATA")
    train, holdout = (pl.read_parquet(folder / f) for f in ("data.parquet", "test.parquet"))
    text = [n for n, t in train.schema.items() if t == pl.String]
    train, holdout = (
        t.with_columns(pl.when(pl.col(n) != "?").then(pl.col(n)).alias(n) for n in text)
        for t in (train, holdout)
    )
    columns = tuple(
        Column(name=n, kind="categorical", categories=tuple(train[n].drop_nulls().unique().sort()))
        if n in text
        else Column(name=n, kind="integer")
        for n in train.columns
    )
    of = Schema(name="adult", population="adult", columns=columns, targets=("income",))
    rng = np.random.default_rng(1)
    n = train.height
    bootstrap = pl.DataFrame([train[c].gather(rng.integers(0, n, n)) for c in train.columns])
    return build_context(train, holdout, bootstrap, of, seed=0)


def test_distances_agree_with_the_benchmark(adult):
    found = {m.name: m for m in tvd.measure(adult)}
    # Benchmark: holdout .008 and .022, independent columns .080. The synthetic rows are cut to the
    # holdout's 16,281, which adds sampling noise to the latter: .084 here, .0805 with all rows.
    assert found["fidelity.tvd1"].reference == pytest.approx(0.008, abs=0.0015)
    assert found["fidelity.tvd2"].reference == pytest.approx(0.022, abs=0.002)
    assert found["fidelity.tvd2"].value == pytest.approx(0.080, abs=0.006)
    # Triples are this package's own thirty. Others give .12 to .26 and .037 to .071 on this table,
    # so only the order of size can agree with the benchmark's .196 and .049.
    assert 0.12 < found["fidelity.tvd3"].value < 0.26
    assert 0.037 < found["fidelity.tvd3"].reference < 0.071


def test_utility_agrees_with_the_benchmark(adult):
    found = {m.name: m for m in tstr.measure(adult)}
    assert found["utility.trtr.income"].value == pytest.approx(0.928, abs=0.003)
    # Independent columns teach nothing (benchmark .451); the ratio is far from useful.
    assert found["utility.tstr.income"].value == pytest.approx(0.5, abs=0.1)
    assert found["utility.ratio"].value < 0.25


def test_independent_columns_reveal_nobody(adult):
    found = {
        m.name: m for m in (*exact_copies.measure(adult), *membership_inference.measure(adult))
    }
    assert found["attacks.exact_copies"].value == pytest.approx(0, abs=1e-4)
    # Standard error .0058 at 5,000 members; five of them.
    assert found["attacks.membership_inference"].value == pytest.approx(0.5, abs=0.029)
    assert found["attacks.membership_inference"].n == 5000
