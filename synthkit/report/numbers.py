"""Numbers as people read them: three significant digits, small ones as 1e-6, never "nan".

Takes numbers that may be missing, gives text. Text is plain ASCII apart from the dash of ranges,
so that the command line can print it as well.
"""

from __future__ import annotations

import datetime
import math

NOT_MEASURED = "not measured"
"""What stands where a number is missing."""


def is_missing(value: float | None) -> bool:
    """Whether there is no finite number to print."""
    return value is None or not math.isfinite(value)


def count(value: int | None) -> str:
    """Returns a whole number with thousands separators."""
    return NOT_MEASURED if value is None else f"{value:,}"


def number(value: float | None) -> str:
    """Returns three significant digits: `1.00`, `0.0123`, `1e-6`, `12,346`."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    if value == 0:
        return "0"
    rounded = float(f"{value:.2e}")
    size = abs(rounded)
    if size >= 1000:
        return f"{value:,.0f}"
    if size < 1e-3:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{rounded:.{_decimals(size)}f}"


def setting(value: float | str | None) -> str:
    """Returns a number somebody chose, without padding: `3`, `0.55`, `1e-6`; text unchanged."""
    if isinstance(value, str):
        return value
    if value is None or not math.isfinite(value):
        return "not stated"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) < 1e-3:
        return number(value)
    text = f"{value:,.6f}" if abs(value) >= 1 else f"{value:.4g}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float | None) -> str:
    """Returns a share as a percentage; a share below 1 never reads as 100%."""
    if share is None or not math.isfinite(share):
        return NOT_MEASURED
    value = share * 100
    if value == 0:
        return "0%"
    if abs(value) < 0.001:
        return "under 0.001%" if value > 0 else "between -0.001% and 0%"
    rounded = float(f"{value:.2e}")
    if rounded == 100 and value != 100:
        return "over 99.99%" if value < 100 and f"{value:.2f}" == "100.00" else f"{value:.2f}%"
    text = f"{rounded:.{_decimals(abs(rounded))}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"


def percent_at_most(share: float) -> str:
    """Returns an upper bound as a percentage, rounded up to one decimal."""
    ceiling = math.ceil(round(share * 1000, 6)) / 1000
    return percent(ceiling if ceiling < 1 else share)


def seconds(value: float | None) -> str:
    """Returns a duration: `0.42 s`, `38 s`, `3 min 12 s`, `2 h 05 min`."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    if value < 10:
        return f"{value:.2g} s"
    whole = round(value)
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 120:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def date(value: datetime.date | None) -> str | None:
    """Returns `20 November 2027`, or None without a date."""
    return None if value is None else f"{value.day} {value:%B %Y}"


def _decimals(size: float) -> int:
    """Returns the decimals that leave three significant digits of a number of this size."""
    return max(0, 2 - math.floor(math.log10(size)))
