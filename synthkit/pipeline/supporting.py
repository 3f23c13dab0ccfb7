"""On what a condition rests, in words for those who ask for rows under it.

In: the support that the generate room found. Out: a phrase, and a note where it is weak. No row is
read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthkit.generate.posterior import Support

FEW_LATENTS = 20
"""Rows that mix fewer latents are noted: links between their columns, beyond what the condition
says, were measured to be little better than none (decision 0023)."""
FEW_OF_ALL = 0.25
"""But no more than this share of the model's latents: a model may have few of them."""
FEW_EFFECTIVE = 1_000
"""The same where latents are drawn: fewer effective ones are noted."""


def in_words(support: Support) -> str:
    """Says on what a condition rests: `they mix about 48 of its 500 latents`."""
    if support.method == "rejection":
        return f"{support.effective:,.0f} of {support.drawn:,} rows drawn"
    if support.method == "enumeration":
        return f"they mix about {_number(support.effective)} of its {support.drawn:,} latents"
    return f"{support.drawn:,} latents, worth {support.effective:,.0f}"


def note(support: Support, rows: int) -> str | None:
    """Says what `rows` rows under a condition lack; None: nothing worth a note."""
    if support.method == "enumeration":
        if support.effective >= min(FEW_LATENTS, FEW_OF_ALL * support.drawn):
            return None
        return (
            f"the rows mix about {_number(support.effective)} of the model's {support.drawn:,} "
            "latents; beyond the condition, links between their columns are little better than "
            "none."
        )
    if support.method == "rejection" or support.effective >= min(rows, FEW_EFFECTIVE):
        return None
    return (
        f"the rows rest on {support.effective:,.0f} effective latents; they vary less than so "
        "many rows should."
    )


def _number(latents: float) -> str:
    return f"{latents:,.0f}" if latents >= 9.95 else f"{latents:.1f}"
