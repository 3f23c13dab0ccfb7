"""The theorems of a claim: those of the looks that were taken, and no others."""

from __future__ import annotations

import pytest

from synthkit.privacy import theorems
from synthkit.privacy.event import (
    Event,
    NoisyGradients,
    NoisyTables,
    ThresholdedTables,
    UncoveredLook,
)
from synthkit.privacy.gaussian import squared_mu

TABLES = NoisyTables(name="t", sigma=4.0, tables=8)
NAMES = ThresholdedTables(name="n", sigma=10.0, tables=3, delta=1e-7)
STEPS = NoisyGradients(name="g", noise_multiplier=2.0, sample_rate=0.01, steps=100)
LOOK = UncoveredLook(name="u", reason="r", in_release=True)

WORDS = {
    "Dwork and Roth 2014, theorem": (TABLES, NAMES),
    "Korolova": (NAMES,),
    "Poisson-subsampled": (STEPS,),
    "privacy loss distribution": (TABLES, NAMES, STEPS),
}


@pytest.mark.parametrize("unit", ["person", "row"])
@pytest.mark.parametrize(
    "events", [(TABLES,), (NAMES,), (STEPS,), (TABLES, NAMES, STEPS), (TABLES, LOOK)]
)
def test_each_kind_of_look_names_its_theorem_and_no_other_is_named(
    events: tuple[Event, ...], unit: str
) -> None:
    text = theorems.of_looks(events, unit=unit)
    for word, of in WORDS.items():
        assert (word in text) == any(e in of for e in events), word
    assert ("joint convexity" in text) == (unit == "person")
    assert "{" not in text


def test_a_look_without_noise_has_no_theorem() -> None:
    assert theorems.of_looks([LOOK], unit="person") == theorems.of_looks([], unit="row") == ""


def test_the_square_of_mu_is_that_of_each_kind_of_noise() -> None:
    assert squared_mu(TABLES) == 0.5
    assert squared_mu(NAMES) == pytest.approx(0.03)
    assert squared_mu(STEPS) == pytest.approx(0.01 * (2.718281828459045**0.25 - 1))
    assert squared_mu(LOOK) == 0.0
