import numpy as np
import polars as pl
import pytest

from synthkit.evaluate import NotMeasurable, build_context
from synthkit.evaluate.utility import tstr
from synthkit.schema import Column, Schema
from tests.evaluate.simulated import independent, large_tables, schema, set_column, tables


def measured(train, holdout, synthetic, of=None):
    context = build_context(train, holdout, synthetic, of or schema(), seed=0)
    return {m.name.removeprefix("utility."): m for m in tstr.measure(context)}


# Margins are at least five standard deviations over 20 seeds at the size of `large_tables`: ratio
# of a redraw 1.00 (sd .014), of independent columns -.01 (.126); AUC of the latter .497 (.042);
# TRTR .830 (.0085); loss by a class that is lacking .133 (.0038).


def test_a_redraw_is_as_useful_as_real_rows():
    found = measured(*large_tables(3))
    assert found["trtr.outcome"].value > 0.75
    assert found["ratio"].value == pytest.approx(1, abs=0.07)
    assert found["ratio"].low < found["ratio"].value < found["ratio"].high
    tested = found["tstr.outcome"]
    assert tested.low < tested.value < tested.high
    assert tested.reference == found["trtr.outcome"].value
    assert tested.n == 3000


def test_destroyed_associations_are_of_no_use():
    train, holdout, synthetic = large_tables(3)
    found = measured(train, holdout, independent(synthetic, 0))
    assert found["tstr.outcome"].value == pytest.approx(0.5, abs=0.21)
    assert found["ratio"].value < 0.65


def test_a_constant_target_teaches_nothing_and_is_named():
    train, holdout, synthetic = tables(3)
    constant = set_column(synthetic, "outcome", "home")
    found = measured(train, holdout, constant)
    assert found["tstr.outcome"].value == 0.5
    assert found["ratio"].value == 0.0
    assert "constant in the synthetic table" in found["tstr.outcome"].note


def test_a_constant_regression_target_is_worth_no_more_than_the_mean():
    train, holdout, synthetic = tables(3)
    constant = set_column(synthetic, "lab.value", 1.0)
    found = measured(train, holdout, constant, schema(targets=("lab.value",)))
    assert found["tstr.lab.value"].value <= 0
    assert found["ratio"].value <= 0


def test_the_ratio_is_that_of_the_worst_target():
    train, holdout, synthetic = large_tables(3)
    mixed = synthetic.with_columns(pl.col("age in years").shuffle(seed=1))
    found = measured(train, holdout, mixed, schema(targets=("severity", "age in years")))
    assert "one-versus-rest AUC" in found["tstr.severity"].note
    assert found["trtr.age in years"].note.startswith("R2")
    assert found["ratio"].note == "worst target: age in years"
    assert found["ratio"].value < 0.2


def test_without_targets_there_is_no_ratio():
    found = measured(*tables(3), schema(targets=()))
    assert set(found) == {"ratio"}
    assert found["ratio"].value is None
    assert found["ratio"].note == "the schema names no target"


def test_a_target_that_real_rows_cannot_predict_gives_no_ratio():
    train, holdout, synthetic = tables(3)
    rng = np.random.default_rng(1)
    train, holdout, synthetic = (
        t.with_columns(pl.Series("outcome", rng.choice(["home", "hospice"], t.height)))
        for t in (train, holdout, synthetic)
    )
    found = measured(train, holdout, synthetic)
    assert found["ratio"].value is None
    assert "no better than chance on outcome" in found["ratio"].note
    assert found["trtr.outcome"].value is not None


def test_a_target_that_is_not_synthesised_or_never_known_gives_no_value():
    train, holdout, synthetic = tables(3)
    found = measured(train, holdout, synthetic, schema(targets=("outcome", "note")))
    assert found["tstr.note"].value is None
    assert "free text" in found["tstr.note"].note
    assert found["ratio"].value is None
    assert found["tstr.outcome"].value is not None
    unknown = set_column(synthetic, "outcome", None)
    found = measured(train, holdout, unknown)
    assert found["tstr.outcome"].value is None
    assert "0 synthetic rows have a value of the target" in found["tstr.outcome"].note


def test_a_class_that_the_synthetic_table_lacks_scores_as_chance():
    train, holdout, synthetic = large_tables(3)
    lacking = synthetic.filter(pl.col("severity") != 4)
    full = measured(train, holdout, synthetic, schema(targets=("severity",)))
    found = measured(train, holdout, lacking, schema(targets=("severity",)))
    assert found["tstr.severity"].value < full["tstr.severity"].value - 0.1


def test_intervals_widen_when_rows_share_a_person():
    # Width with 75 similar rows a person over width with one: 2.26 (sd .24 over 12 seeds).
    train, holdout, synthetic = tables(3, n_train=3000, n_holdout=1500, n_synthetic=1500)
    of_few = holdout.sort("age in years").with_columns(
        (pl.lit("q") + (pl.int_range(pl.len()) // 75).cast(pl.String)).alias("pid")
    )
    own, shared = (measured(train, h, synthetic)["trtr.outcome"] for h in (holdout, of_few))
    assert own.value == pytest.approx(shared.value)
    assert shared.high - shared.low > 1.05 * (own.high - own.low)


def test_tables_too_small_to_learn_from_are_not_measured():
    train, holdout, synthetic = tables(3)
    with pytest.raises(NotMeasurable, match="holdout has 5 rows"):
        measured(train, holdout[:5], synthetic)


def test_a_table_of_the_target_alone_has_nothing_to_learn_from():
    alone = Schema(
        name="s",
        population="s",
        columns=(Column(name="y", kind="categorical", categories=("a", "b")),),
        targets=("y",),
    )
    frame = pl.DataFrame({"y": ["a", "b"] * 50})
    found = measured(frame, frame, frame, alone)
    assert found["tstr.y"].value is None
    assert "no other column" in found["tstr.y"].note


LOG = Schema(
    name="log",
    population="log",
    columns=(
        Column(name="bytes", kind="float"),
        Column(name="service", kind="categorical", categories=tuple(f"s{i}" for i in range(20))),
        Column(name="label", kind="categorical", categories=("normal", "flood", "scan", "theft")),
    ),
    targets=("label",),
)


RARE = (0.6, 0.397, 0.002, 0.001)
COMMON = (0.5, 0.4, 0.06, 0.04)


def log_lines(n_rows, rng, shares=RARE):
    """Draws lines of a log whose service tells the label; shares of the four classes."""
    label = rng.choice(4, n_rows, p=shares)
    service = label * 5 + rng.integers(0, 5, n_rows)
    return pl.DataFrame(
        {
            "bytes": np.exp(3 * label + rng.normal(size=n_rows)),
            "service": [f"s{i}" for i in service],
            "label": np.array(LOG.columns[-1].categories)[label],
        }
    )


def measured_log(seed, real=RARE, synthetic=RARE, n_synthetic=10_000):
    rng = np.random.default_rng(seed)
    kinds = ((10_000, real), (5_000, real), (n_synthetic, synthetic))
    return measured(*(log_lines(n, rng, shares) for n, shares in kinds), LOG)


@pytest.mark.parametrize("seed", range(3))
def test_rare_classes_do_not_upset_the_models(seed):
    found = measured_log(seed)
    assert found["trtr.label"].value > 0.99
    assert found["ratio"].value == pytest.approx(1, abs=0.02)
    assert "steps bounded" in found["tstr.label"].note


def test_without_bounded_steps_rare_classes_upset_them(monkeypatch):
    monkeypatch.setattr(tstr, "RARE_SHARE", 0.0)
    worst = min(measured_log(seed)["trtr.label"].value for seed in range(3))
    assert worst < 0.9


@pytest.mark.parametrize("seed", range(3))
def test_a_class_that_is_rare_in_the_synthetic_table_alone_upsets_nothing_either(seed):
    found = measured_log(seed, real=COMMON)
    assert found["ratio"].value == pytest.approx(1, abs=0.02)
    assert "steps bounded" in found["tstr.label"].note


def test_both_models_are_bounded_or_none(monkeypatch):
    import lightgbm

    given = []
    train = lightgbm.train

    def spy(parameters, *rest):
        given.append(parameters.get("max_delta_step"))
        return train(parameters, *rest)

    monkeypatch.setattr(lightgbm, "train", spy)
    two_in_a_hundred = (0.5, 0.4, 0.08, 0.02)
    for real, synthetic, bound in (
        (RARE, RARE, 1.0),
        (RARE, COMMON, 1.0),
        (COMMON, RARE, 1.0),
        (COMMON, COMMON, None),
        (two_in_a_hundred, two_in_a_hundred, None),
        ((0.5, 0.4, 0.094, 0.006), COMMON, 1.0),
    ):
        given.clear()
        found = measured_log(1, real, synthetic)
        assert given == [bound, bound]
        assert ("steps bounded" in found["tstr.label"].note) == (bound is not None)


def test_a_short_synthetic_table_does_not_hide_a_rare_class():
    # Of 60 rows one is more than 1 %: the share is that of the whole tables.
    found = measured_log(0, synthetic=COMMON, n_synthetic=60)
    assert "steps bounded" in found["tstr.label"].note


def test_steps_are_not_bounded_where_no_class_is_rare():
    found = measured(*tables(3), schema(targets=("severity", "lab.value")))
    assert "bounded" not in found["tstr.severity"].note
    assert "bounded" not in found["tstr.lab.value"].note
