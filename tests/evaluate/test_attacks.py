import re

import numpy as np
import polars as pl
import pytest

from synthkit.evaluate import NotMeasurable, build_context
from synthkit.evaluate.attacks import dcr, exact_copies, membership_inference, nearest
from synthkit.evaluate.attacks.intervals import newcombe
from synthkit.schema import Column, Schema
from tests.evaluate.simulated import encoded, rows, schema, tables, with_copies

LOW = Schema(
    name="low",
    population="low",
    columns=tuple(
        Column(name=n, kind="categorical", categories=tuple(range(9))) for n in ("a", "b", "c")
    ),
)


def low_cardinality(n, seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, n)
    return pl.DataFrame(
        {
            "a": first,
            "b": (first + rng.integers(0, 3, n)) % 5,
            "c": rng.geometric(0.5, n).clip(0, 8),
        }
    )


def measured(plugin, train, holdout, synthetic, of=None, seed=0):
    context = build_context(train, holdout, synthetic, of or schema(), seed=seed)
    return {m.name.partition(".")[2]: m for m in plugin.measure(context)}


# --- exact copies -------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [1.0, 0.1, 0.01])
def test_verbatim_copies_are_caught(share):
    train, holdout, synthetic = tables(4)
    found = measured(exact_copies, train, holdout, with_copies(synthetic, train, share))
    for name in ("exact_copies", "exact_copies_unique"):
        # Half of train stands for itself at the holdout's size, so half of the copies count.
        assert found[name].value == pytest.approx(share / 2, rel=0.02)
        assert found[name].low > 0
        assert f"{share:.4%} of the synthetic rows equal a row" in found[name].note


def test_three_copies_in_a_table_show_in_the_value():
    train, holdout, synthetic = tables(4)
    found = measured(exact_copies, train, holdout, with_copies(synthetic, train, 3 / 1200))
    assert found["exact_copies_unique"].value == pytest.approx(1.5 / 1200)


def test_a_redraw_has_no_copies():
    found = measured(exact_copies, *tables(4))
    assert found["exact_copies"].value == 0
    assert found["exact_copies"].low < 0 < found["exact_copies"].high


def test_chance_matches_of_a_small_domain_cancel():
    # 40 honest tables. More than 11 misses at 95 % coverage: alpha 4e-7. Newcombe's interval alone,
    # which takes synthetic rows as independent, misses about half: the fault this guards against.
    # Values: 0 (sd .017 over 120 seeds); their mean within five standard errors. About 90 % of the
    # synthetic rows match train, so a holdout that were not subtracted would put the mean there.
    misses = misses_of_newcombe = 0
    values = []
    for seed in range(40):
        drawn = [low_cardinality(n, 3 * seed + k) for k, n in enumerate((600, 200, 6000))]
        found = measured(exact_copies, *drawn, LOW)["exact_copies"]
        in_train, in_holdout = (float(p) / 100 for p in re.findall(r"([\d.]+)%", found.note)[:2])
        assert in_train > 0.8
        low, high = newcombe(in_train, 6000, in_holdout, 6000)
        values.append(found.value)
        assert found.low <= found.value <= found.high
        misses += not found.low <= 0 <= found.high
        misses_of_newcombe += not low <= 0 <= high
    assert misses <= 11 < misses_of_newcombe
    assert np.mean(values) == pytest.approx(0, abs=0.0135)


def test_a_copied_table_of_a_small_domain_is_still_caught():
    train, holdout = low_cardinality(600, 1), low_cardinality(600, 2)
    found = measured(exact_copies, train, holdout, train, LOW)
    assert found["exact_copies"].value > 0
    assert found["exact_copies"].low > 0


def test_survival_probabilities_agree_with_random_subsets():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), [1, 2, 5, 12])
    kept = [np.bincount(rng.choice(labels, 8, replace=False), minlength=4) for _ in range(20_000)]
    counts = np.array([1, 2, 5, 12])
    np.testing.assert_allclose(
        exact_copies.present(counts, 20, 8), (np.array(kept) > 0).mean(axis=0), atol=0.02
    )
    np.testing.assert_allclose(
        exact_copies.present_once(counts, 20, 8), (np.array(kept) == 1).mean(axis=0), atol=0.02
    )


def test_missing_cells_and_floats_must_match_exactly():
    train, holdout, _ = tables(4)
    near = encoded(train).with_columns(pl.col("lab.value") * (1 + 1e-12))
    found = measured(exact_copies, train, holdout, near)
    share_without_lab = train["lab.value"].null_count() / train.height
    assert found["exact_copies"].value == pytest.approx(share_without_lab / 2, rel=0.02)


# --- membership inference -----------------------------------------------------------------------


def test_a_copied_table_gives_its_members_away():
    train, holdout, _ = tables(4)
    found = measured(membership_inference, train, holdout, encoded(train))
    assert found["membership_inference"].value > 0.99
    assert found["membership_inference_tpr"].low > 0.9
    assert found["membership_inference"].n == 600


def test_partly_copied_tables_show_in_the_rate_at_few_false_positives():
    train, holdout, synthetic = tables(4)
    found = measured(membership_inference, train, holdout, with_copies(synthetic, train, 0.1))
    # Lower bound over 30 seeds: .079 (sd .010). The AUC (.549, sd .017) cannot tell at this size.
    assert found["membership_inference_tpr"].low > 0.02


def test_noisy_copies_are_caught_as_well():
    train, holdout, _ = tables(4)
    rng = np.random.default_rng(0)
    noisy = encoded(train).with_columns(
        pl.col("lab.value") * pl.Series(np.exp(0.02 * rng.normal(size=train.height))),
        pl.col("age in years") + pl.Series(rng.integers(-1, 2, train.height)),
    )
    found = measured(membership_inference, train, holdout, noisy)
    assert found["membership_inference"].low > 0.8


def test_a_redraw_gives_nobody_away():
    # 30 honest tables of 400 members. More than 10 misses at 95 % coverage: alpha 1e-7. A
    # non-member that calibrated itself would be at distance 0 and move the mean towards 1.
    misses, values = 0, []
    for seed in range(30):
        drawn = tables(100 + seed, n_train=400, n_holdout=400, n_synthetic=400)
        auc = measured(membership_inference, *drawn)["membership_inference"]
        misses += not auc.low <= 0.5 <= auc.high
        values.append(auc.value)
    assert misses <= 10
    assert np.mean(values) == pytest.approx(0.5, abs=5 * 0.021 / np.sqrt(30))


def test_people_in_both_tables_stop_every_attack():
    train, holdout, synthetic = tables(4)
    mixed = pl.concat([holdout, train[:1]])
    for plugin in (exact_copies, membership_inference, dcr):
        with pytest.raises(NotMeasurable, match="1 persons"):
            measured(plugin, train, mixed, synthetic)


def test_equal_scores_are_no_evidence_of_safety():
    one = Schema(name="s", population="s", columns=(Column(name="x", kind="integer"),))
    frame = pl.DataFrame({"x": [3] * 200})
    with pytest.raises(NotMeasurable, match="same score"):
        measured(membership_inference, frame, frame, frame, one)


def test_few_people_give_no_rate_and_fewer_give_no_attack():
    drawn = tables(4, n_train=80, n_holdout=80)
    found = measured(membership_inference, *drawn)
    assert found["membership_inference"].value is not None
    assert found["membership_inference_tpr"].value is None
    rng = np.random.default_rng(0)
    few = [
        rows(200, rng, first_person=start).with_columns(
            (pl.lit(f"{start}-") + (pl.int_range(pl.len()) // 20).cast(pl.String)).alias("pid")
        )
        for start in (0, 1000)
    ]
    with pytest.raises(NotMeasurable, match="10 persons"):
        measured(membership_inference, *few, drawn[2])


def test_every_person_is_attacked_once():
    train, holdout, synthetic = tables(4)
    doubled = pl.concat([train, train])
    found = measured(membership_inference, doubled, pl.concat([holdout, holdout]), synthetic)
    assert found["membership_inference"].n == 600


def test_large_tables_are_searched_in_part_and_say_so(monkeypatch):
    monkeypatch.setattr(membership_inference, "MAX_SYNTHETIC_ROWS", 500)
    monkeypatch.setattr(membership_inference, "MAX_PAIRS", 200_000)
    found = measured(membership_inference, *tables(4))["membership_inference"]
    assert found.n == 200
    assert "500 of 1,200 synthetic rows used" in found.note


# --- distances ----------------------------------------------------------------------------------


def test_nearest_distances_agree_with_all_pairs_whatever_the_chunks(monkeypatch):
    rng = np.random.default_rng(0)
    queries, points = (rng.normal(size=(n, 7)).astype(np.float32) for n in (60, 90))
    points[5] = queries[3]
    slow = np.linalg.norm(queries[:, None].astype(float) - points, axis=2).min(axis=1)
    np.testing.assert_allclose(nearest.nearest_distance(queries, points), slow, atol=1e-5)
    assert nearest.nearest_distance(queries, points)[3] == 0
    monkeypatch.setattr(nearest, "CHUNK_CELLS", 500)
    np.testing.assert_allclose(nearest.nearest_distance(queries, points), slow, atol=1e-5)


def test_the_space_puts_equal_rows_together_and_one_changed_category_one_apart():
    names = tuple(f"k{i}" for i in range(50))
    of = Schema(
        name="s",
        population="s",
        columns=(
            Column(name="few", kind="categorical", categories=("a", "b")),
            Column(name="many", kind="categorical", categories=names),
            Column(name="x", kind="float", nullable=True),
        ),
    )
    train = pl.DataFrame(
        {"few": ["a", "b"] * 25, "many": names, "x": [*np.linspace(0, 1, 49), None]}
    )
    context = build_context(train, train, train, of, seed=0)
    every = np.arange(50)
    first, second, third = nearest.embed(context, every, every, every)
    assert np.array_equal(first, second)
    assert np.array_equal(first, third)
    assert len(nearest.embed(context, every[:3], every, every)[0]) == 3
    few = nearest._levels(context, (context.train,), "c0")[0]
    many = nearest._levels(context, (context.train,), "c1")[0]
    assert ((few[0] - few[1]) ** 2).sum() in (0.0, pytest.approx(1.0))
    gaps = ((many[:, None] - many) ** 2).sum(axis=2)[~np.eye(50, dtype=bool)]
    assert gaps.mean() == pytest.approx(1.0, abs=0.1)
    assert gaps.min() > 0.3


def test_the_share_closer_to_train_is_half_for_a_redraw_and_more_for_copies():
    train, holdout, synthetic = tables(4)
    name = "dcr_train_closer_share"
    honest = measured(dcr, train, holdout, synthetic)[name]
    assert honest.value == pytest.approx(0.5, abs=0.11)  # sd .021 over 30 seeds
    assert "not a privacy proof" in honest.note
    copied = measured(dcr, train, holdout, encoded(train))[name]
    assert copied.low > 0.65


def test_ties_count_half():
    frame = low_cardinality(300, 1)
    found = measured(dcr, frame, frame, frame, LOW)["dcr_train_closer_share"]
    assert found.value == 0.5
