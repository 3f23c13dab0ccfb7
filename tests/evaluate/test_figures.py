import datetime

import numpy as np
import polars as pl
import pytest

from synthkit.evaluate import build_context
from synthkit.evaluate.fidelity.association import association_figure, associations, cramers_v
from synthkit.evaluate.fidelity.marginals import MIN_REAL_ROWS, marginal_figures
from synthkit.schema import Column, Schema
from tests.evaluate.simulated import CANARY, encoded, independent, schema, tables


def figures_of(train, holdout, synthetic, columns):
    of = Schema(name="s", population="s", columns=tuple(columns))
    context = build_context(train, holdout, synthetic, of, seed=0)
    return {f.column: f for f in marginal_figures(context)}


def test_cramers_v_of_a_hand_counted_table():
    # 2 x 2 with 30/10/10/30: phi2 = 0.25; corrected 0.25 - 1/79; r = 2 - 1/79.
    expected = np.sqrt((0.25 - 1 / 79) / (1 - 1 / 79))
    assert cramers_v(np.array([[30, 10], [10, 30]])) == pytest.approx(expected)


def test_cramers_v_knows_its_ends():
    assert cramers_v(np.diag([50, 50, 50])) == pytest.approx(1.0)
    assert cramers_v(np.full((3, 4), 10)) == 0.0
    assert cramers_v(np.array([[5, 0], [9, 0]])) == 0.0
    assert cramers_v(np.array([[1, 0], [0, 0]])) == 0.0


def test_associations_are_symmetric_and_empty_bins_do_not_matter():
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.integers(0, 3, 800), rng.integers(0, 4, 800)])
    codes = np.column_stack([codes, codes[:, 0]])
    found = associations(codes, (3, 4, 3))
    assert np.array_equal(found, found.T)
    assert found[0, 2] == pytest.approx(1.0)
    np.testing.assert_allclose(associations(codes, (9, 8, 7)), found)


def test_destroyed_associations_show_beside_the_noise_floor():
    train, holdout, synthetic = tables(2)
    context = build_context(train, holdout, independent(synthetic, 0), schema(), seed=0)
    figure = association_figure(context)
    pair = figure.columns.index("severity"), figure.columns.index("outcome")
    assert figure.synthetic[pair[0]][pair[1]] > 0.3
    assert figure.holdout[pair[0]][pair[1]] < 0.12
    assert all(figure.synthetic[i][i] == 0 for i in range(len(figure.columns)))


def test_shares_add_up_and_no_bar_stands_for_a_handful_of_people():
    train, holdout, synthetic = tables(2)
    context = build_context(train, holdout, synthetic, schema(), seed=0)
    figures = marginal_figures(context)
    assert [f.column for f in figures] == encoded(train).columns
    for figure in figures:
        assert 1 < len(figure.labels) <= 26
        assert len(set(figure.labels)) == len(figure.labels)
        for shares, n_rows in ((figure.train, 1200), (figure.holdout, 600)):
            assert sum(shares) == pytest.approx(1, abs=1e-4)
            assert min(shares) * n_rows > MIN_REAL_ROWS - 0.5
        assert sum(figure.synthetic) == pytest.approx(1, abs=1e-4)
        gap = np.abs(np.subtract(figure.train, figure.synthetic)).sum() / 2
        assert figure.tvd == pytest.approx(gap, abs=1e-4)


def test_a_category_that_the_schema_does_not_declare_is_never_named():
    ward = Column(name="w", kind="categorical", categories=("a", "b"))
    train = pl.DataFrame({"w": ["a"] * 50 + ["b"] * 40 + [CANARY] * 60})
    figure = figures_of(train, train, train, [ward])["w"]
    assert figure.labels == ("a", "b", "(other)")
    np.testing.assert_allclose(figure.train, (1 / 3, 4 / 15, 0.4), atol=1e-6)


def test_rare_categories_become_other_and_a_rare_other_joins_a_bar():
    column = Column(name="w", kind="categorical", categories=("a", "b", "c", "d"))
    train = pl.DataFrame({"w": ["a"] * 60 + ["b"] * 40 + ["c"] * 8 + ["d"] * 7})
    assert figures_of(train, train, train, [column])["w"].labels == ("a", "b", "(other)")
    fewer = pl.DataFrame({"w": ["a"] * 60 + ["b"] * 40 + ["c"] * 3})
    figure = figures_of(fewer, fewer, fewer, [column])["w"]
    assert figure.labels == ("a", "b or other")
    assert figure.train == (pytest.approx(60 / 103, abs=1e-6), pytest.approx(43 / 103, abs=1e-6))


def test_at_most_fifteen_categories_are_shown():
    names = tuple(f"k{i:02d}" for i in range(30))
    train = pl.DataFrame({"w": [n for i, n in enumerate(names) for _ in range(60 - i)]})
    column = Column(name="w", kind="categorical", categories=names)
    figure = figures_of(train, train, train, [column])["w"]
    assert figure.labels == (*names[:15], "(other)")


@pytest.mark.parametrize("scale", [1e-6, 0.013, 1.0, 37.0, 1e7])
def test_number_labels_are_round_edges_at_any_scale(scale):
    values = np.random.default_rng(0).normal(size=3000) * scale
    frame = pl.DataFrame({"x": values})
    figure = figures_of(frame, frame, frame, [Column(name="x", kind="float")])["x"]
    assert 6 <= len(figure.labels) <= 23
    inner = [label.split(" to < ") for label in figure.labels if " to < " in label]
    edges = [float(e.replace(",", "")) for pair in inner for e in pair]
    assert all(float(f"{e:.2g}") == pytest.approx(e, rel=1e-9) for e in edges)
    for label, share in zip(figure.labels, figure.train, strict=True):
        low, high = -np.inf, np.inf
        if " to < " in label:
            low, high = (float(e.replace(",", "")) for e in label.split(" to < "))
        elif label.startswith("< "):
            high = float(label[2:].replace(",", ""))
        else:
            low = float(label[3:].replace(",", ""))
        assert share == pytest.approx(((values >= low) & (values < high)).mean(), abs=1e-6)


def test_a_skewed_spike_and_missing_cells_are_drawn():
    values = [0.0] * 900 + list(np.linspace(1, 50, 60)) + [None] * 40
    frame = pl.DataFrame({"x": values})
    figure = figures_of(frame, frame, frame, [Column(name="x", kind="float")])["x"]
    assert figure.labels[-1] == "(missing)"
    assert figure.train[-1] == pytest.approx(0.04)
    few = pl.DataFrame({"x": [*values[:960], None]})
    labels = figures_of(few, few, few, [Column(name="x", kind="float")])["x"].labels
    assert "(missing)" not in labels
    assert sum(label.endswith(" or missing") for label in labels) == 1


@pytest.mark.parametrize(
    ("days", "expected"),
    [(40, 10), (200, 10), (900, 7), (4000, 4), (40_000, 4)],
)
def test_dates_are_cut_at_calendar_steps(days, expected):
    rng = np.random.default_rng(0)
    start = datetime.date(1900, 1, 3)
    values = [start + datetime.timedelta(days=int(d)) for d in rng.integers(0, days, 3000)]
    frame = pl.DataFrame({"x": values})
    figure = figures_of(frame, frame, frame, [Column(name="x", kind="date")])["x"]
    assert len(figure.labels) >= 6
    # The last edge has the length of its calendar step: a year, a month or a day.
    assert len(figure.labels[-1].removeprefix(">= ")) == expected
    assert sum(figure.train) == pytest.approx(1, abs=1e-4)


def test_datetimes_within_a_day_are_cut_by_the_hour():
    start = datetime.datetime(2020, 5, 4, 1, 0, 0)
    frame = pl.DataFrame({"x": [start + datetime.timedelta(seconds=40 * i) for i in range(1500)]})
    figure = figures_of(frame, frame, frame, [Column(name="x", kind="datetime")])["x"]
    assert "2020-05-04 05 to < 2020-05-04 06" in figure.labels


def test_a_constant_number_and_an_empty_column_have_one_bar():
    frame = pl.DataFrame({"x": [7.3] * 100, "y": pl.Series([None] * 100, dtype=pl.Float64)})
    columns = [Column(name="x", kind="float"), Column(name="y", kind="float")]
    found = figures_of(frame, frame, frame, columns)
    assert found["x"].train == (1.0,)
    assert "7.3" not in found["x"].labels[0]
    assert found["y"].train == (1.0,)
