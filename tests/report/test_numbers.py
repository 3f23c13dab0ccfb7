"""Numbers on the page: three significant digits, and never a promise that rounding made."""

from __future__ import annotations

import datetime
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthkit.report import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not measured"),
        (math.nan, "not measured"),
        (math.inf, "not measured"),
        (0.0, "0"),
        (1.0, "1.00"),
        (0.5, "0.500"),
        (12.34, "12.3"),
        (123.4, "123"),
        (999.6, "1,000"),
        (12345.6, "12,346"),
        (-0.0214, "-0.0214"),
        (1e-6, "1e-6"),
        (1.23456e-7, "1.23e-7"),
        (0.0009999, "0.00100"),
        (0.001, "0.00100"),
    ],
)
def test_a_number_has_three_significant_digits(value: float | None, text: str) -> None:
    assert numbers.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (0.55, "0.55"), (1e-5, "1e-5"), (2400, "2,400"), (1.84, "1.84"), ("a", "a"),
     (None, "not stated"), (math.nan, "not stated"), (0.0125, "0.0125"), (1234.5, "1,234.5")],
)  # fmt: skip
def test_a_setting_is_not_padded(value: float | str | None, text: str) -> None:
    assert numbers.setting(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (1.0, "100%"), (0.972, "97.2%"), (0.99996, "over 99.99%"), (0.9996, "99.96%"),
     (0.0000001, "under 0.001%"), (-0.0000001, "between -0.001% and 0%"), (0.00008, "0.008%"),
     (None, "not measured"), (1.034, "103%"), (-0.012, "-1.2%")],
)  # fmt: skip
def test_a_share_reads_as_a_percentage(share: float | None, text: str) -> None:
    assert numbers.percent(share) == text


@given(st.floats(0, 0.9999999))
def test_a_share_below_one_never_reads_as_all(share: float) -> None:
    assert numbers.percent(share) != "100%"


@given(st.floats(0.5, 0.999))
def test_an_upper_bound_is_never_rounded_down(share: float) -> None:
    shown = float(numbers.percent_at_most(share).rstrip("%")) / 100
    assert shown >= share - 1e-9
    assert shown <= share + 0.0010001


@given(st.floats(-1e12, 1e12))
def test_a_number_keeps_its_size(value: float) -> None:
    shown = float(numbers.number(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.42, "0.42 s"), (38.2, "38 s"), (192.0, "3 min 12 s"), (7500.0, "2 h 05 min"),
     (None, "not measured")],
)  # fmt: skip
def test_a_duration_is_readable(value: float | None, text: str) -> None:
    assert numbers.seconds(value) == text


def test_a_date_names_its_month() -> None:
    assert numbers.date(datetime.date(2027, 1, 5)) == "5 January 2027"
    assert numbers.date(None) is None
