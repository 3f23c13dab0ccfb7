"""The five numbers: fixed order, plain words, nothing invented where nothing was measured."""

from __future__ import annotations

import dataclasses
import math

import pytest

from synthkit.report import key_numbers
from tests.report import parts, samples

NAMES = [
    "privacy.epsilon",
    "attacks.exact_copies",
    "attacks.membership_inference",
    "fidelity.tvd2",
    "utility.ratio",
]


def test_a_pass_shows_all_five() -> None:
    evidence, _ = samples.reviews_pass()
    five = key_numbers(evidence)
    assert [k.measurement for k in five] == NAMES
    assert [k.text for k in five] == [
        "0.999 at delta 1e-6",
        "0.008% of synthetic rows",
        "at most 0.517 against 0.5",
        "0.0188 against 0.0151 for holdout",
        "97.2% of real-data skill",
    ]
    assert "50% sure that a person is in the table" in five[0].meaning
    assert "at most 73.1% of the time" in five[0].meaning


def test_the_row_as_unit_never_reads_as_a_person() -> None:
    evidence, _ = samples.reviews_pass()
    assert evidence.privacy is not None
    privacy = dataclasses.replace(evidence.privacy, unit="row")
    meaning = key_numbers(dataclasses.replace(evidence, privacy=privacy))[0].meaning
    assert "one particular row" in meaning
    assert "person" not in meaning


def test_a_large_epsilon_is_called_no_limit() -> None:
    evidence, _ = samples.reviews_pass()
    assert evidence.privacy is not None
    privacy = dataclasses.replace(evidence.privacy, epsilon=8.0)
    meaning = key_numbers(dataclasses.replace(evidence, privacy=privacy))[0].meaning
    assert "no useful limit by itself" in meaning
    assert "at most 100%" not in meaning


def test_a_generator_without_guarantee_says_so() -> None:
    evidence, _ = samples.patients_refused()
    assert key_numbers(evidence)[0].text == "no guarantee"


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_was_not_measured_is_said_to_be_missing(value: float | None) -> None:
    evidence, _ = samples.reviews_pass()
    found = {
        name: dataclasses.replace(m, value=value, note="too few rows")
        for name, m in evidence.measurements.items()
    }
    five = key_numbers(dataclasses.replace(evidence, measurements=found))[1:]
    assert {k.text for k in five} == {"not measured"}
    assert {k.meaning for k in five} == {"too few rows"}


def test_nothing_known_gives_five_missing_numbers() -> None:
    assert [k.text for k in key_numbers(samples.bare())] == ["no statement", *["not measured"] * 4]


def test_an_attack_without_interval_shows_no_bound() -> None:
    found = {"attacks.membership_inference": parts.measure("attacks.membership_inference", 0.52)}
    number = key_numbers(samples.bare(measurements=found))[2]
    assert number.text == "0.520 against 0.5"
    assert "No interval was measured" in number.meaning


def test_an_attack_that_errs_reliably_is_turned_round() -> None:
    name = "attacks.membership_inference"
    found = {name: parts.measure(name, 0.43, around=0.01)}
    number = key_numbers(samples.bare(measurements=found))[2]
    assert number.text == "at most 0.580 against 0.5"
    assert "turned round" in number.meaning


def test_all_text_can_be_printed_on_a_plain_terminal() -> None:
    for evidence, _ in (samples.reviews_pass(), samples.patients_refused()):
        for number in key_numbers(evidence):
            assert f"{number.label}{number.text}{number.meaning}".isascii()
