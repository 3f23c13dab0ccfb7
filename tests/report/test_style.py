"""Contrast of the style sheet after WCAG 2.2: text 4.5 to 1, parts of drawings 3 to 1."""

from __future__ import annotations

import importlib.resources
import re

import pytest

CSS = (importlib.resources.files("synthkit.report") / "templates" / "report.css").read_text("utf-8")
COLOURS = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", CSS))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # the known near miss


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("ink", "paper"), ("muted", "paper"), ("accent", "paper"), ("ink", "wash"),
        ("muted", "wash"), ("pass", "pass-wash"), ("fail", "fail-wash"),
        ("inconclusive", "inconclusive-wash"), ("pass", "paper"), ("fail", "paper"),
        ("inconclusive", "paper"), ("ink", "pass-wash"), ("ink", "fail-wash"),
        ("ink", "inconclusive-wash"),
    ],
)  # fmt: skip
def test_text_can_be_read(text: str, ground: str) -> None:
    assert contrast(COLOURS[text], COLOURS[ground]) >= 4.5


@pytest.mark.parametrize("part", ["real", "accent", "tick", "faint", "heat3", "heat4", "heat5"])
def test_parts_of_drawings_can_be_told_from_the_page(part: str) -> None:
    assert contrast(COLOURS[part], COLOURS["paper"]) >= 3.0


def test_synthetic_can_be_told_from_train() -> None:
    assert contrast(COLOURS["accent"], COLOURS["real"]) >= 2.5


def test_heat_steps_grow_darker() -> None:
    steps = [luminance(COLOURS[f"heat{i}"]) for i in range(6)]
    assert steps == sorted(steps, reverse=True)
    assert len(set(steps)) == 6


def test_every_colour_in_use_is_declared() -> None:
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", CSS)) <= set(COLOURS)


def test_the_page_prints_on_a4_and_folds_for_a_phone() -> None:
    assert "size: A4" in CSS
    assert "@media (max-width: 600px)" in CSS
