"""Real training rows do not reappear in the synthetic table more often than by chance.

Chance is what a holdout shows: rows that nobody trained on and that are met all the same. The
upper end of the interval of the difference is compared, so that few rows cannot hide a leak.
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
NAME = "attacks.exact_copies"


def check(evidence: Evidence, *, limit: float, min_n: int) -> Finding:
    """Compares the upper bound of the excess share of copies with the limit.

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
        reason=f"Copies of training rows exceed chance by at most {percent(high, limit)} of rows "
        f"(upper bound, n = {n}), {compared} the limit of {percent(limit)}.",
    )
