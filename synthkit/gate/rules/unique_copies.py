"""Real training rows that only one person has do not reappear beyond chance.

A row that occurs once in the training data singles a person out (WP29 Opinion 05/2014); copies of
common rows say less. Chance is what a holdout shows, and the upper end of the interval counts.
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, enough, interval, percent
from synthkit.gate.parameters import Number

AXIS = "privacy"
PARAMETERS = {
    "limit": Number(low=0.0, high=1.0),
    "min_n": Number(low=1, high=10_000_000, is_integer=True),
}
NAME = "attacks.exact_copies_unique"


def check(evidence: Evidence, *, limit: float, min_n: int) -> Finding:
    """Compares the upper bound of the excess share of copies of unique rows with the limit.

    Raises:
        NotMeasured: If value, interval or n is missing, or n is below `min_n`.
    """
    n = enough(evidence, NAME, min_n)
    _, high = interval(evidence, NAME)
    passes = high <= limit
    compared = "within" if passes else "above"
    return Finding(
        outcome="pass" if passes else "fail",
        value=high,
        limit=limit,
        reason="Copies of unique training rows exceed chance by at most "
        f"{percent(high, limit)} of rows (upper bound, n = {n}), {compared} the limit of "
        f"{percent(limit)}.",
    )
