import numpy as np
import polars as pl
import pytest

from synthkit.evaluate import build_context
from synthkit.evaluate.fidelity import sdmetrics_quality
from synthkit.schema import Column, Schema
from tests.evaluate.simulated import independent, schema, set_column, tables

QUALITY, SHAPES, TRENDS, DIAGNOSTIC = sdmetrics_quality.names(schema())


def measured(train, holdout, synthetic, of=None):
    context = build_context(train, holdout, synthetic, of or schema(), seed=0)
    return {m.name: m for m in sdmetrics_quality.measure(context)}


@pytest.fixture(scope="module")
def honest():
    return measured(*tables(5))


def test_a_redraw_scores_as_a_holdout_does(honest):
    for name in (QUALITY, SHAPES, TRENDS, DIAGNOSTIC):
        # The noisiest, the trends: .008 (sd .019) over 16 seeds.
        assert honest[name].value == pytest.approx(honest[name].reference, abs=0.1)
        assert honest[name].n == 600
    assert honest[QUALITY].value == pytest.approx((honest[SHAPES].value + honest[TRENDS].value) / 2)
    assert "Column Pair Trends: 28 of 28 scored" in honest[QUALITY].note


def test_the_shape_scores_are_those_of_the_library():
    from sdmetrics.single_column import KSComplement, TVComplement

    train, holdout, synthetic = tables(5, n_train=300, n_holdout=300, n_synthetic=300)
    of = Schema(
        name="s",
        population="s",
        columns=(schema().column("dose"), schema().column("ward")),
    )
    found = measured(train, holdout, synthetic, of)[SHAPES]
    frames = train.to_pandas(), synthetic.to_pandas()
    dose = KSComplement.compute(*(f["dose"] for f in frames))
    ward = TVComplement.compute(*(f["ward"] for f in frames))
    assert found.value == pytest.approx((dose + ward) / 2)


def test_destroyed_associations_lower_the_trends_on_average_and_leave_the_shapes():
    # The score is noisy: at 600 rows two honest redraws differ by sd .023, while destroying every
    # association costs .062 (sd .014 for the same rows). The mean of 8 drops separates them: alpha
    # 4e-7 (.04 is 5 standard errors from 0), power above .9999. One table alone does not.
    drops, shapes = [], []
    for seed in range(8):
        train, holdout, synthetic = tables(200 + seed)
        before = measured(train, holdout, synthetic)
        after = measured(train, holdout, independent(synthetic, seed))
        drops.append(before[TRENDS].value - after[TRENDS].value)
        shapes.append(before[SHAPES].value - after[SHAPES].value)
    assert np.mean(drops) > 0.04
    assert np.mean(shapes) == pytest.approx(0, abs=0.01)  # sd .0056 each


def test_a_column_without_values_counts_as_nothing_kept(honest):
    train, holdout, synthetic = tables(5)
    found = measured(train, holdout, set_column(synthetic, "dose", None))
    for name in (QUALITY, SHAPES, TRENDS):
        assert "without any value in the synthetic table: dose" in found[name].note
    assert "7 of 8 scored; 1 that have a score for the holdout count as 0" in found[SHAPES].note
    assert "25 of 28 scored; 3 that have a score" in found[TRENDS].note  # with the other numbers
    # The other seven columns keep their shapes: what is gone is what dose scored.
    whole, part = honest[SHAPES].value * 8, found[SHAPES].value * 8
    assert 0.8 < whole - part < 1
    assert found[TRENDS].value < honest[TRENDS].value - 0.05
    assert found[QUALITY].value == pytest.approx((found[SHAPES].value + found[TRENDS].value) / 2)
    assert found[QUALITY].value < honest[QUALITY].value - 0.1
    assert found[QUALITY].reference == honest[QUALITY].reference


def test_a_column_with_one_value_loses_its_correlations_and_no_more():
    train, holdout, synthetic = tables(5)
    found = measured(train, holdout, set_column(synthetic, "dose", 0.0))
    assert "Column Shapes: 8 of 8 scored" in found[SHAPES].note
    assert "count as 0, so the score is a lower bound" in found[TRENDS].note
    assert found[TRENDS].value < found[TRENDS].reference - 0.05


def test_gaps_of_the_holdout_do_not_hide_those_of_the_synthetic_table():
    train, holdout, synthetic = tables(5)
    holdout = holdout.with_columns(pl.lit(1.0).alias("lab.value"))  # its pairs have no score
    found = measured(train, holdout, set_column(synthetic, "dose", 0.0))
    # Three pairs of numbers with dose; that with lab.value has no score for the holdout either.
    assert "25 of 28 scored; 2 that have a score for the holdout count as 0" in found[TRENDS].note


def test_a_table_without_any_value_has_kept_nothing():
    train, holdout, synthetic = tables(5)
    empty = synthetic.with_columns(
        pl.lit(None, dtype=t).alias(c) for c, t in synthetic.schema.items()
    )
    found = measured(train, holdout, empty)
    assert found[SHAPES].value == pytest.approx(0, abs=0.01)
    assert found[QUALITY].value < 0.1


def test_a_single_column_has_no_trends_and_no_overall_score():
    train, holdout, synthetic = tables(5)
    one = Schema(name="s", population="s", columns=(Column(name="age in years", kind="integer"),))
    found = measured(train, holdout, synthetic, one)
    assert found[TRENDS].value is None
    assert found[QUALITY].value is None
    assert found[SHAPES].value is not None


def test_the_global_generator_is_left_as_it_was_and_the_answer_repeats(honest):
    before = np.random.get_state()  # noqa: NPY002
    again = measured(*tables(5))
    after = np.random.get_state()  # noqa: NPY002
    assert before[0] == after[0]
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]
    assert again == honest


def test_a_failure_inside_the_library_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    with pytest.raises(ZeroDivisionError), sdmetrics_quality._seeded(1):
        raise ZeroDivisionError
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_nothing_is_printed(capfd, honest):
    train, holdout, synthetic = tables(5, n_train=100, n_holdout=100, n_synthetic=100)
    measured(train, holdout, synthetic)
    out, err = capfd.readouterr()
    assert out == err == ""


def test_large_tables_are_sampled_and_say_so(monkeypatch):
    monkeypatch.setattr(sdmetrics_quality, "MAX_ROWS", 200)
    found = measured(*tables(5))
    assert found[QUALITY].n == 200
    assert found[QUALITY].note.count("200 rows of each table") == 1


def test_columns_missing_everywhere_are_shown_in_the_coverage_only():
    train, holdout, synthetic = (
        t.with_columns(pl.lit(None, dtype=pl.Float64).alias("dose")) for t in tables(5)
    )
    found = measured(train, holdout, synthetic)
    assert found[SHAPES].value is not None
    assert "Column Shapes: 7 of 8 scored" in found[SHAPES].note
