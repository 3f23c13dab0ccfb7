"""Fixed sentences of the page, and the cleaning that every foreign text passes.

The limitation texts are mandatory: no caller can change or drop them.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

from synthkit.artifacts import Decision, Evidence, Outcome, Verdict
from synthkit.report.guarantee import has_guarantee
from synthkit.report.numbers import date, percent

_BIDI_CONTROLS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REPLACEMENT = "\ufffd"

OUTCOME_WORDS: dict[Outcome, str] = {
    "pass": "Pass",
    "fail": "Fail",
    "inconclusive": "Inconclusive",
}
OUTCOME_ORDER: dict[Outcome, int] = {"fail": 0, "inconclusive": 1, "pass": 2}
VERDICT_WORDS: dict[Verdict, str] = {
    "pass": "May be released",
    "refused": "Must not be released",
    "inconclusive": "Not decided: must not be released yet",
}
PASS_WORDS = {
    "internal": "May be used internally",
    "partner": "May be given to the partner",
    "public": "May be made public",
}
VERDICT_REASONS: dict[Verdict, str] = {
    "pass": "Every rule of the policy is met. The verdict is the worst rule, never an average.",
    "refused": "At least one rule of the policy is not met. The verdict is the worst rule, "
    "never an average.",
    "inconclusive": "No rule is broken, but at least one could not be decided. "
    "Missing evidence never counts as a pass.",
}
INTERNAL_EDITION = (
    "Internal edition: evaluation figures are computed on real rows and are not covered by "
    "epsilon. Keep this page as confidential as the real table."
)
UNITS: dict[Literal["person", "row"], str] = {
    "person": "one person, with all rows of that person",
    "row": "one row of the table (a person with several rows is protected less)",
}
GLOSSARY = (
    (
        "Audit",
        "An attack on the generator itself, with made-up people put into a copy of the table; it "
        "gives a lower bound on epsilon, never a proof of safety.",
    ),
    (
        "AUC",
        "How well an attack or a model separates two groups: 0.5 is a coin toss, 1 is perfect.",
    ),
    (
        "Canary",
        "A made-up person (or row) whose presence in the table an audit tries to guess.",
    ),
    (
        "Cramer's V",
        "Strength of the association of two columns: 0 is none, 1 is complete.",
    ),
    (
        "DCR",
        "Distance to the closest record. Easy to compute, and blind to most leaks.",
    ),
    (
        "Delta",
        "A very small allowance beside epsilon for rare outcomes that reveal more.",
    ),
    (
        "DP-SGD",
        "Training by gradients that are clipped per person (or row) and then made noisy.",
    ),
    (
        "Epsilon",
        "Upper bound on what a release reveals about one privacy unit: smaller is safer.",
    ),
    (
        "Holdout",
        "Real rows set aside before training; the generator never saw them.",
    ),
    (
        "Inconclusive",
        "The evidence does not suffice to decide. It counts against release.",
    ),
    (
        "Membership inference",
        "An attack that tries to tell whether a given person's row was used for training.",
    ),
    (
        "Mu",
        "The same bound as epsilon and delta in one number, for Gaussian noise (Gaussian DP).",
    ),
    (
        "Privacy unit",
        "Whose presence the guarantee hides: one person with all rows, or one row.",
    ),
    (
        "TSTR, TRTR",
        "Train on synthetic, test on real; train on real, test on real. Close together is good.",
    ),
    (
        "TVD",
        "Total variation distance: the share of rows that would have to change bins for two "
        "tables to agree; 0 is identical, 1 is disjoint.",
    ),
)


def clean(text: str) -> str:
    """Replaces what could break or disguise the page: control, bidi-override, lone surrogates.

    Newlines and tabs become spaces. Escaping for HTML comes after, in the template and in the
    figures.
    """
    return "".join(_clean_character(c) for c in text)


def _clean_character(character: str) -> str:
    """Returns a harmless stand-in for a harmful character."""
    if character in "\n\r\t":
        return " "
    if character in _BIDI_CONTROLS or unicodedata.category(character) in ("Cc", "Cs"):
        return _REPLACEMENT
    return character


def shorten(text: str, length: int) -> str:
    """Cuts a cleaned text to `length` columns, with an ellipsis where something is cut.

    East Asian wide characters take two columns, combining marks none.
    """
    text = clean(text)
    widths = [_columns(c) for c in text]
    if sum(widths) <= length:
        return text
    kept, used = 0, 1  # one column for the ellipsis
    while used + widths[kept] <= length:
        used += widths[kept]
        kept += 1
    return text[:kept].rstrip() + "\u2026"


def shorten_middle(text: str, length: int) -> str:
    """Cuts a cleaned text in its middle: labels of one column often differ only at the end."""
    text = clean(text)
    if sum(_columns(c) for c in text) <= length:
        return text
    tail = "".join(reversed(shorten(text[::-1], length // 2).removesuffix("\u2026")))
    return shorten(text, length - len(tail)) + tail


def _columns(character: str) -> int:
    """Returns how many columns a character takes on a line."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def plural(amount: int, one: str, many: str | None = None) -> str:
    """Returns `1 rule`, `2 rules`, `1,024 rows`."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def recipient(evidence: Evidence, decision: Decision) -> str:
    """Returns whom the verdict holds for, for example `partner: Acme Research`."""
    group = decision.recipient_class or "no recipient class stated"
    return f"{group}: {evidence.recipient}" if evidence.recipient else group


def limits(evidence: Evidence, decision: Decision) -> tuple[tuple[str, str], ...]:
    """Returns the mandatory limits of the report as (lead, text)."""
    return (
        (
            "Attacks are lower bounds.",
            "An attack that fails shows that this attack fails, not that none succeeds. "
            "Differential privacy is an upper bound on every attack. Neither is a legal "
            "conclusion, and the two must not be traded against each other.",
        ),
        (
            "The evaluation is not covered by epsilon.",
            "Fidelity, utility and attack figures are computed on real rows. They are outside the "
            "privacy budget, so this edition is confidential.",
        ),
        (
            "Distances are diagnostics.",
            "Distance to the closest record has no reliable reading as a privacy measure "
            "(Pilgram et al. 2025; Yao et al. 2025, The DCR Delusion); no verdict rests on it. "
            + _dcr_power(evidence),
        ),
        (
            "Holdout and sample size limit what can be seen.",
            "Every interval in this report is a limit of detection: a leak smaller than the "
            "interval is wide can be there unseen.",
        ),
        ("Not everything was tested.", _untested(evidence)),
        ("The guarantee is per privacy unit.", _unit(evidence)),
        (
            "The verdict is for one recipient and a limited time.",
            f"It holds for {shorten(recipient(evidence, decision), 200)}, under policy "
            f"{shorten(decision.policy, 80)} {shorten(decision.policy_version, 40)}, "
            + (
                f"until {date(decision.valid_until)}."
                if decision.valid_until
                else "and no end date could be set because the evidence carries no date."
            )
            + " Another recipient, or a later date, needs a new decision.",
        ),
        (
            "Not legal advice.",
            "Whether the table is personal data in the hands of its recipient is for the "
            "controller to assess. This report supplies evidence for that assessment and does not "
            "replace it.",
        ),
    )


def _dcr_power(evidence: Evidence) -> str:
    """Says which share of verbatim copies the distance comparison cannot see (3 sigma)."""
    found = evidence.measurements.get("diagnostics.dcr_train_closer_share")
    rows = found.n if found is not None and found.n else 10_000
    # Half of all rows are closer to train by chance, std 0.5 / sqrt(n); a share c of copies adds
    # c / 2. So c stays below three standard deviations while c < 3 / sqrt(n).
    return (
        f"With {rows:,} synthetic rows, fewer than {percent(3 / rows**0.5)} verbatim copies stay "
        "inside its sampling noise."
    )


def _untested(evidence: Evidence) -> str:
    """Says which columns no test looked at."""
    text = "Subgroups are not reported separately, and only the attacks of section 3 were run. "
    if evidence.omissions:
        are = "is" if len(evidence.omissions) == 1 else "are"
        return (
            text + f"{plural(len(evidence.omissions), 'column')} of the source {are} not in the "
            "synthetic table (the data dictionary says why) and took part in no test."
        )
    return text + "No column is listed as left out."


def _unit(evidence: Evidence) -> str:
    """Says whom the guarantee protects."""
    if evidence.privacy is None:
        return "No privacy statement came with this table, so no unit is protected by a proof."
    if not has_guarantee(evidence.privacy):
        return "No guarantee holds (section 2), so no unit is protected by a proof."
    return (
        f"It protects {UNITS[evidence.privacy.unit]}. It does not hide facts about groups, and "
        "it does not cover other releases unless the population's account in section 2 says so."
    )


def verdict_word(decision: Decision) -> str:
    """Returns the verdict in words; a pass says for whom, since it holds for nobody else."""
    if decision.verdict == "pass":
        return PASS_WORDS.get(decision.recipient_class, VERDICT_WORDS["pass"])
    return VERDICT_WORDS[decision.verdict]
