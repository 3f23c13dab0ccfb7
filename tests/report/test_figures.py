"""Drawings: they say what the numbers say, stay inside their frame, and escape what is foreign."""

from __future__ import annotations

import dataclasses
import math
import re
from xml.etree import ElementTree

import pytest

from synthkit.artifacts import AssociationFigure, MarginalFigure
from synthkit.report.figures.associations import STEPS, associations, step_labels, step_of
from synthkit.report.figures.budget import budget
from synthkit.report.figures.dumbbells import Dumbbell, Score, dumbbells
from synthkit.report.figures.intervals import Mark, Strip, intervals
from synthkit.report.figures.marginals import MAX_BINS, bins, marginal
from synthkit.report.numbers import number
from tests.report import parts, samples

NASTY = "<b onload=x>\"'&"


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [e for e in root.iter() if name in e.get("class", "").split()]


def strip(value: float, low: float | None = None, high: float | None = None) -> Strip:
    marks = (
        Mark(value=0.5, text="chance 0.5", style="chance"),
        Mark(value=0.73, text="DP ceiling 0.73", style="ceiling"),
    )
    return Strip(
        label=NASTY, value=value, low=low, high=high, axis=(0.4, 1.0), shown=number, marks=marks
    )


def every_drawing() -> list[str]:
    square = ((0.0, 0.3), (0.3, 0.0))
    few = parts.marginal("few", 1, 3, 0.05)
    return [
        budget("k", spent=2.9, before=1.9, cap=10.0),
        intervals("k", NASTY, [strip(0.52, 0.5, 0.54), strip(0.6)]),
        dumbbells("k", [Dumbbell(target=NASTY, synthetic=Score(value=0.8), real=None)]),
        marginal("k", dataclasses.replace(few, column=NASTY, labels=(NASTY,) * 3)),
        marginal("k", dataclasses.replace(parts.marginal("m", 2, 30, 0.05), column=NASTY)),
        associations(
            "k", AssociationFigure(columns=(NASTY, "b"), synthetic=square, holdout=square)
        ),
    ]


@pytest.mark.parametrize("svg", every_drawing())
def test_a_drawing_is_well_formed_and_described(svg: str) -> None:
    root = parse(svg)
    title, description = root[0], root[1]
    assert (title.tag, description.tag) == ("title", "desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert description.text
    assert not [k for e in root.iter() for k in e.attrib if k.startswith("on")]


@pytest.mark.parametrize("svg", every_drawing())
def test_a_drawing_stays_inside_its_frame(svg: str) -> None:
    root = parse(svg)
    _, _, width, height = (float(v) for v in root.get("viewBox", "").split())
    for element in root.iter():
        for key in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.get(key, "0")) <= width
        for key in ("y", "y1", "y2", "cy"):
            assert 0 <= float(element.get(key, "0")) <= height


def test_the_budget_bar_is_to_scale() -> None:
    root = parse(budget("k", spent=5.0, before=2.0, cap=10.0))
    widths = {
        name: float(of_class(root, name)[0].get("width", ""))
        for name in ("track", "spent-before", "spent-now")
    }
    assert widths["spent-before"] / widths["track"] == pytest.approx(0.2, abs=0.001)
    assert widths["spent-now"] / widths["track"] == pytest.approx(0.3, abs=0.001)
    assert "5.00 left" in "".join(root.itertext())


def test_a_spend_over_the_cap_says_so_and_passes_its_mark() -> None:
    root = parse(budget("k", spent=12.0, before=11.0, cap=10.0))
    assert "over by 2.00" in "".join(root.itertext())
    now = of_class(root, "spent-now")[0]
    cap = float(of_class(root, "limit")[0].get("x1", ""))
    assert float(now.get("x", "")) > cap


def test_an_interval_covers_its_ends_and_nothing_is_drawn_without_one() -> None:
    root = parse(intervals("k", "t", [strip(0.55, 0.5, 0.7)]))
    bar = of_class(root, "whisker")[0]
    chance, top = (float(of_class(root, name)[0].get("x1", "")) for name in ("chance", "ceiling"))
    start = float(bar.get("x", ""))
    assert start == pytest.approx(chance, abs=0.1)  # the interval starts at chance
    assert start + float(bar.get("width", "")) < top
    assert of_class(parse(intervals("k", "t", [strip(0.55)])), "whisker") == []


def test_a_value_beyond_its_axis_is_drawn_at_the_edge() -> None:
    root = parse(intervals("k", "t", [strip(1.7), strip(-3.0)]))
    places = [float(e.get("cx", "")) for e in of_class(root, "point")]
    assert places == [632.0, 8.0]


def test_dumbbells_share_one_axis() -> None:
    rows = [
        Dumbbell(
            target="a", synthetic=Score(value=0.8, low=0.78, high=0.82), real=Score(value=0.9)
        ),
        Dumbbell(target="b", synthetic=Score(value=0.9), real=None),
    ]
    root = parse(dumbbells("k", rows))
    discs = [float(e.get("cx", "")) for e in root.iter("circle")]
    bridge = of_class(root, "bridge")
    assert len(bridge) == 1
    assert float(bridge[0].get("x1", "")) == discs[1]  # both stand at 0.9
    assert "trained on real not measured" in "".join(root.itertext())


@pytest.mark.parametrize("value", [0.5, 0.0, -0.3, 1e-9, 1e6])
def test_one_score_alone_still_has_an_axis(value: float) -> None:
    svg = dumbbells("k", [Dumbbell(target="a", synthetic=Score(value=value), real=None)])
    x = float(next(parse(svg).iter("circle")).get("cx", ""))
    assert 180 <= x <= 616


def test_bars_are_as_long_as_their_shares() -> None:
    figure = MarginalFigure(
        column="c",
        labels=("a", "b"),
        train=(0.25, 0.75),
        holdout=(0.25, 0.75),
        synthetic=(0.5, 0.5),
        tvd=0.25,
    )
    root = parse(marginal("k", figure))
    first, second = (float(e.get("width", "")) for e in of_class(root, "bar-real"))
    assert second / first == pytest.approx(3, abs=0.01)
    discs = {e.get("cx") for e in root.iter("circle")}
    assert len(discs) == 1
    assert "Largest difference at a: train 25%, synthetic 50%" in "".join(root.itertext())


def test_a_histogram_is_as_high_as_its_shares() -> None:
    shares = (0.05,) * 8 + (0.6,)
    figure = MarginalFigure(
        column="c",
        labels=tuple("abcdefghi"),
        train=shares,
        holdout=shares,
        synthetic=shares,
        tvd=0.0,
    )
    bars = of_class(parse(marginal("k", figure)), "bar-real")[0].get("d", "")
    heights = [float(h) for h in re.findall(r"v-([\d.]+)h", bars)]
    assert len(heights) == 9
    assert heights[-1] / heights[0] == pytest.approx(12, rel=0.02)


def test_too_many_bins_are_added_up_without_loss() -> None:
    figure = parts.marginal("c", 3, 500, 0.05)
    shown = bins(figure)
    assert len(shown) == MAX_BINS
    assert shown[-1][0] == "other (441 bins)"
    for place in (1, 2, 3):
        assert sum(b[place] for b in shown) == pytest.approx(1.0)
    kept = [figure.labels.index(b[0]) for b in shown[:-1]]
    assert kept == sorted(kept)


def test_a_column_without_bins_is_drawn_as_such() -> None:
    empty = MarginalFigure(column="c", labels=(), train=(), holdout=(), synthetic=(), tvd=0.0)
    assert "no bins" in "".join(parse(marginal("k", empty)).itertext())


def test_shares_of_unequal_length_are_refused() -> None:
    figure = parts.marginal("c", 1, 3, 0.05)
    with pytest.raises(ValueError, match="shorter"):
        bins(dataclasses.replace(figure, holdout=(1.0,)))


@pytest.mark.parametrize(
    ("value", "step"),
    [(0.0, 0), (0.00999, 0), (0.01, 1), (0.05, 3), (0.2, 5), (1.0, 5), (-0.3, 5), (math.nan, -1)],
)
def test_colours_have_fixed_steps(value: float, step: int) -> None:
    assert step_of(value) == step
    assert len(step_labels()) == len(STEPS) + 1


def test_the_heat_map_puts_synthetic_below_and_holdout_above() -> None:
    synthetic = ((0.0, 0.3), (0.3, 0.0))
    holdout = ((0.0, 0.015), (0.015, 0.0))
    figure = AssociationFigure(columns=("a", "b"), synthetic=synthetic, holdout=holdout)
    root = parse(associations("k", figure))
    below, above = (of_class(root, name)[0].get("d", "") for name in ("heat5", "heat1"))
    x_below, y_below = (float(v) for v in re.findall(r"[\d.]+", below)[:2])
    x_above, y_above = (float(v) for v in re.findall(r"[\d.]+", above)[:2])
    assert x_below < x_above
    assert y_below > y_above


def test_every_pair_is_drawn_once_in_each_half() -> None:
    columns = samples.wide(48)
    root = parse(associations("k", parts.pairs(columns, 1, 0.05)))
    cells = sum(e.get("d", "").count("M") for e in root.iter("path"))
    assert cells == 48 * 47
