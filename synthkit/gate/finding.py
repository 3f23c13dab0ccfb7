"""What a rule returns, and how a rule reads numbers out of the evidence.

Takes `Evidence`, gives numbers that are there and finite, or raises `NotMeasured`, which `decide`
turns into an inconclusive rule: a number that is missing can never pass by being forgotten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from synthkit.artifacts import Evidence, Measurement, Outcome, PrivacyStatement

MIN_CONFIDENCE = 0.9
"""Intervals below this level are not used for a decision: they would be narrow for free."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One rule's answer: outcome, the number looked at, its limit, one sentence with both."""

    outcome: Outcome
    value: float | None
    limit: float | None
    reason: str


class NotMeasured(Exception):  # noqa: N818 (named for the situation)
    """The evidence lacks what the rule needs; the message is the rule's reason."""


def finite(value: float | None, what: str) -> float:
    """Returns a number that is there and finite.

    Raises:
        NotMeasured: If it is None, NaN or infinite; `what` opens the sentence.
    """
    if value is None:
        raise NotMeasured(f"{what} is not stated in the evidence.")
    if not math.isfinite(value):
        raise NotMeasured(f"{what} is not a finite number.")
    return float(value)


def statement(evidence: Evidence) -> PrivacyStatement:
    """Returns the privacy statement.

    Raises:
        NotMeasured: If the evidence has none.
    """
    if evidence.privacy is None:
        raise NotMeasured("The evidence carries no privacy statement.")
    return evidence.privacy


def measurement(evidence: Evidence, name: str) -> Measurement:
    """Returns a measurement that has a finite value.

    Raises:
        NotMeasured: If it is absent, or its value is None, NaN or infinite.
    """
    found = evidence.measurements.get(name)
    if found is None:
        raise NotMeasured(f"{name} was not measured.")
    if found.value is None:
        why = found.note.removeprefix("could not be measured").lstrip(": ").rstrip(".")
        raise NotMeasured(f"{name} could not be measured{f': {why}' if why else ''}.")
    finite(found.value, name)
    return found


def amount(evidence: Evidence, name: str, *, low: float, high: float) -> float:
    """Returns the value of a measurement that must lie in low .. high.

    Raises:
        NotMeasured: If it is missing, not finite, or outside what such a number can be.
    """
    value = finite(measurement(evidence, name).value, name)
    if not low <= value <= high:
        raise NotMeasured(f"{name} is {shown(value)}, which such a number cannot be.")
    return value


def reference(evidence: Evidence, name: str, *, low: float, high: float) -> float:
    """Returns the same measurement for a real holdout, which must lie in low .. high.

    Raises:
        NotMeasured: If the measurement or its reference is missing or cannot be.
    """
    value = finite(measurement(evidence, name).reference, f"The holdout reference of {name}")
    if not low <= value <= high:
        raise NotMeasured(
            f"The holdout reference of {name} is {shown(value)}, which such a number cannot be."
        )
    return value


def interval(evidence: Evidence, name: str) -> tuple[float, float]:
    """Returns the interval of a measurement, widened to hold its value.

    Raises:
        NotMeasured: If value, interval or level is missing, reversed, or below `MIN_CONFIDENCE`.
    """
    found = measurement(evidence, name)
    value = finite(found.value, name)
    low = finite(found.low, f"The lower bound of {name}")
    high = finite(found.high, f"The upper bound of {name}")
    level = finite(found.confidence, f"The confidence level of {name}")
    if low > high:
        raise NotMeasured(f"The interval of {name} is reversed.")
    if not MIN_CONFIDENCE <= level < 1:
        raise NotMeasured(f"The interval of {name} has confidence {shown(level)}, which is no use.")
    return min(low, value), max(high, value)


def enough(evidence: Evidence, name: str, min_n: int) -> int:
    """Returns the number of rows (or trials) behind a measurement, at least `min_n`.

    Raises:
        NotMeasured: If it is unknown or too small to decide on.
    """
    n = measurement(evidence, name).n
    if n is None:
        raise NotMeasured(f"The number of rows behind {name} is not stated in the evidence.")
    if not n >= min_n:
        raise NotMeasured(f"{name} rests on {n} rows; at least {min_n} are needed to decide.")
    return n


def shown(value: float, beside: float | None = None) -> str:
    """Writes a number with three digits, or more where it would look equal to `beside`."""
    for digits in range(3, 18):
        text = f"{value:.{digits}g}"
        if beside is None or value == beside or text != f"{beside:.{digits}g}":
            break
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa}e{int(exponent)}"
    return text


def percent(share: float, beside: float | None = None) -> str:
    """Writes a share as a percentage, rounded as `shown` does."""
    return shown(100 * share, None if beside is None else 100 * beside) + "%"


def beside_holdout(opening: str, value: float, real: float, excess: float, limit: float) -> Finding:
    """Compares how much worse than real unseen rows a table is with a limit.

    Args:
        opening: Start of the sentence, up to the number.
        value: What the synthetic table shows.
        real: What a real holdout of equal size shows.
        excess: How much worse `value` is than `real`; negative where it is better.
        limit: Highest allowed excess.
    """
    passes = excess <= limit
    return Finding(
        outcome="pass" if passes else "fail",
        value=excess,
        limit=limit,
        reason=f"{opening} {shown(value)}, for real unseen rows it is {shown(real)}: the "
        f"difference of {shown(excess, limit)} is {'within' if passes else 'above'} the limit of "
        f"{shown(limit)}.",
    )
