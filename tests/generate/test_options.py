from __future__ import annotations

import math

import pytest

from synthkit.errors import InputError
from synthkit.generate import load_generator
from synthkit.generate.options import Option, check_budget, validate

DECLARED = (
    Option(name="steps", default=10, low=1, high=100, meaning="steps"),
    Option(name="rate", default=0.5, low=0, high=1, above_low=True, meaning="rate"),
)


def test_defaults_are_filled_in() -> None:
    assert validate({"steps": 3}, DECLARED, generator="g") == {"steps": 3, "rate": 0.5}


def test_a_whole_number_serves_as_a_rate() -> None:
    found = validate({"rate": 1}, DECLARED, generator="g")["rate"]
    assert found == 1.0
    assert isinstance(found, float)


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'steps'"):
        validate({"step": 3}, DECLARED, generator="g")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0), ("steps", 101), ("steps", 2.5), ("steps", True), ("steps", "3"),
        ("rate", 0.0), ("rate", 1.1), ("rate", math.nan), ("rate", math.inf), ("rate", -1),
        ("rate", None),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{name} must be"):
        validate({name: value}, DECLARED, generator="g")


def test_all_problems_come_at_once() -> None:
    with pytest.raises(InputError) as caught:
        validate({"steps": 0, "rate": 2, "colour": 1}, DECLARED, generator="g")
    assert len(caught.value.details) == 3


@pytest.mark.parametrize(
    "bad", [{"epsilon": 0}, {"epsilon": math.nan}, {"epsilon": math.inf}, {"epsilon": -1},
            {"delta": 0}, {"delta": 1}, {"delta": math.nan}, {"n_tables": 0}],
)  # fmt: skip
def test_meaningless_budgets_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InputError):
        check_budget(**{"epsilon": 1.0, "delta": 1e-6, "n_tables": 3, **bad})


def test_an_unknown_generator_names_the_nearest() -> None:
    with pytest.raises(InputError, match="no generator named") as caught:
        load_generator("dpctgam")
    assert "dpctgan" in caught.value.hint
