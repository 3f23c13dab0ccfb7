"""The five numbers that decide, each with a line in plain language.

Takes the evidence, gives five `KeyNumber`s in fixed order: epsilon, exact copies, membership
inference, pair fidelity against the holdout, utility. A missing number is said to be missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from synthkit.artifacts import Evidence, Measurement, PrivacyStatement
from synthkit.report import measured
from synthkit.report.guarantee import best_guess, has_guarantee, is_priced, uncovered
from synthkit.report.numbers import is_missing, number, percent, percent_at_most
from synthkit.report.wording import plural

_MISSING = "The evidence does not hold this number."


@dataclass(frozen=True, kw_only=True)
class KeyNumber:
    """One of the five numbers of the first screen."""

    label: str
    """What it measures, in a few words."""
    figure: str
    """The number itself, or that it is missing."""
    measurement: str
    """Name in `Evidence.measurements`; `privacy.epsilon` for the privacy statement's."""
    beside: str = ""
    """What the number stands beside, for example `against 0.5`; may be empty."""
    meaning: str = ""
    """One sentence for a reader who is no statistician."""

    @property
    def text(self) -> str:
        """The number with what it stands beside, on one line."""
        return f"{self.figure} {self.beside}".strip()


def key_numbers(evidence: Evidence) -> tuple[KeyNumber, ...]:
    """Returns the five numbers that decide, in fixed order."""
    found = evidence.measurements
    return (
        _epsilon(evidence.privacy),
        _copies(found.get("attacks.exact_copies")),
        _membership(found.get("attacks.membership_inference")),
        _pairs(found.get("fidelity.tvd2")),
        _utility(found.get("utility.ratio")),
    )


def plain_guarantee(privacy: PrivacyStatement) -> str:
    """Says what epsilon and delta mean for an attacker with even odds.

    The bound is on the success rate, (e^epsilon + delta) / (1 + e^epsilon): with a delta above
    zero no single posterior is bounded, so "sure" would claim too much.
    """
    if privacy.epsilon is None or privacy.delta is None:
        return _MISSING
    whom = "a person" if privacy.unit == "person" else "one particular row"
    guess = best_guess(privacy.epsilon, privacy.delta)
    sentence = (
        f"An attacker who is 50% sure that {whom} is in the table guesses right "
        f"at most {percent_at_most(guess)} of the time after seeing the release."
    )
    if guess >= 0.99:
        sentence += " That is no useful limit by itself: read the attacks."
    return sentence


def _epsilon(privacy: PrivacyStatement | None) -> KeyNumber:
    """Returns epsilon at delta with its plain-language line."""
    name, label = "privacy.epsilon", "Privacy loss, epsilon"
    if privacy is None:
        return KeyNumber(
            label=label,
            figure="no statement",
            measurement=name,
            meaning="Nothing is known about how the generator treated the real rows.",
        )
    outside = uncovered(privacy)
    if outside and is_priced(privacy):
        return KeyNumber(
            label=label,
            figure="no guarantee",
            beside=f"end to end: epsilon {number(privacy.epsilon)} leaves a look out",
            measurement=name,
            meaning=f"Epsilon {number(privacy.epsilon)} at delta {number(privacy.delta)} covers "
            f"every look but: {', '.join(outside)}.",
        )
    if not has_guarantee(privacy):
        return KeyNumber(
            label=label,
            figure="no guarantee",
            measurement=name,
            meaning="No bound holds on what the release reveals about any one person.",
        )
    meaning = plain_guarantee(privacy)
    if privacy.data_columns:
        domains = plural(len(privacy.data_columns), "column")
        meaning += f" Domains of {domains} are outside the bound."
    elif privacy.bought_columns:
        domains = plural(len(privacy.bought_columns), "column")
        meaning += f" Domains of {domains} were bought with noise, inside epsilon."
    return KeyNumber(
        label=label,
        figure=number(privacy.epsilon),
        beside=f"at delta {number(privacy.delta)}",
        measurement=name,
        meaning=meaning,
    )


def _copies(found: Measurement | None) -> KeyNumber:
    """Returns the excess of exact copies of training rows."""
    name, label = "attacks.exact_copies", "Copies in excess of chance"
    if found is None or is_missing(found.value):
        return _absent(label, name, found)
    meaning = "Exact copies of training rows, less exact copies of holdout rows"
    between = measured.interval(found)
    tail = f"; interval {between}." if between else "."
    return KeyNumber(
        label=label,
        figure=percent(found.value),
        beside="of synthetic rows",
        measurement=name,
        meaning=meaning + tail,
    )


def _membership(found: Measurement | None) -> KeyNumber:
    """Returns the upper bound of the membership attack's AUC beside 0.5.

    An attack that errs more often than a coin is turned round, as an attacker would.
    """
    name, label = "attacks.membership_inference", "Membership attack, AUC"
    if found is None or is_missing(found.value):
        return _absent(label, name, found)
    if found.high is None or is_missing(found.high):
        return KeyNumber(
            label=label,
            figure=number(found.value),
            beside="against 0.5",
            measurement=name,
            meaning="A guess by coin toss scores 0.5. No interval was measured.",
        )
    level = f" ({percent(found.confidence)})" if found.confidence else ""
    low = 0.5 if found.low is None or is_missing(found.low) else found.low
    turned = ", turned round by the attacker" if 1 - low > found.high else ""
    return KeyNumber(
        label=label,
        figure=f"at most {number(max(found.high, 1 - low))}",
        beside="against 0.5",
        measurement=name,
        meaning=f"Measured {number(found.value)}{turned}; upper bound shown{level}. "
        "A coin toss scores 0.5, a perfect attack 1.",
    )


def _pairs(found: Measurement | None) -> KeyNumber:
    """Returns the pair distance beside the holdout's."""
    name, label = "fidelity.tvd2", "Pair distance to train"
    if found is None or is_missing(found.value):
        return _absent(label, name, found)
    if found.reference is None or is_missing(found.reference):
        return KeyNumber(
            label=label,
            figure=number(found.value),
            measurement=name,
            meaning="Mean distance of pair tables to the training rows; 0 is identical. "
            "There is no holdout to compare with.",
        )
    return KeyNumber(
        label=label,
        figure=number(found.value),
        beside=f"against {number(found.reference)} for holdout",
        measurement=name,
        meaning="Mean distance of pair tables to the training rows (0 is identical), "
        "against that of unseen real rows.",
    )


def _utility(found: Measurement | None) -> KeyNumber:
    """Returns the utility ratio of the worst target."""
    name, label = "utility.ratio", "Utility kept, worst target"
    if found is None or is_missing(found.value):
        return _absent(label, name, found)
    return KeyNumber(
        label=label,
        figure=percent(found.value),
        beside="of real-data skill",
        measurement=name,
        meaning="Skill beyond chance of models trained on synthetic rows, as a share of "
        "that of models trained on real rows.",
    )


def _absent(label: str, name: str, found: Measurement | None) -> KeyNumber:
    """Says that a number is missing, and why where the evidence knows."""
    why = found.note if found is not None and found.note else _MISSING
    return KeyNumber(label=label, figure="not measured", measurement=name, meaning=why)
