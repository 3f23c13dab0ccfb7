"""Why a fit is private: the theorem of each kind of look that it took, and of all of them together.

Takes events and the privacy unit, gives sentences for the statement that people sign. Only looks
that were taken are spoken of: who reads "DP-SGD" looks for gradients.
"""

from __future__ import annotations

from collections.abc import Iterable

from synthkit.privacy.event import Event, NoisyGradients, NoisyTables, ThresholdedTables

TABLES = (
    "Adding or removing one privacy unit ({unit}) changes one cell by one in each noisy table: "
    "a Gaussian mechanism of L2 sensitivity sqrt(number of tables) (Dwork and Roth 2014, theorem "
    "A.1; discrete noise: Canonne, Kamath and Steinke 2020)."
)
THRESHOLDS = (
    "In each table with a threshold it changes one count by one; a value that would be told only "
    "because of this unit stays untold but for a probability of delta (Korolova, Kenthapadi, "
    "Mishra and Ntoulas 2009; Desfontaines, Voss, Gipson and Mandayam 2022)."
)
GRADIENTS = (
    "In each step of DP-SGD it changes one term of norm at most C, present with probability q "
    "independently of all others: the Poisson-subsampled Gaussian mechanism (Abadi et al. 2016; "
    "Zhu and Wang 2019)."
)
CHOICE = (
    "Which rows stand for a person is drawn for that person alone, so this holds for every outcome "
    "of the draw and, by joint convexity of the hockey-stick divergence, for their mixture."
)
COMPOSITION = (
    "All looks are composed in one privacy loss distribution (Zhu, Dong and Wang 2022), and what "
    "is made of their noisy results alone costs nothing more (post-processing: Dwork and Roth "
    "2014, proposition 2.1)."
)
UNITS = {"person": "a person with all rows", "row": "a row"}


def of_looks(events: Iterable[Event], *, unit: str) -> str:
    """Returns the theorems that the covered events rest on, in sentences; none: an empty text.

    Args:
        events: What was looked at.
        unit: Privacy unit, `person` or `row`.
    """
    kinds = {type(e) for e in events}
    parts = [
        TABLES.format(unit=UNITS[unit]) if kinds & {NoisyTables, ThresholdedTables} else "",
        THRESHOLDS if ThresholdedTables in kinds else "",
        GRADIENTS if NoisyGradients in kinds else "",
    ]
    found = [p for p in parts if p]
    if not found:
        return ""
    return " ".join([*found, *([CHOICE] if unit == "person" else []), COMPOSITION])
