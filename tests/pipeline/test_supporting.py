"""What is said of a condition, and when a note warns."""

from __future__ import annotations

import pytest

from synthkit.generate.posterior import Support
from synthkit.pipeline.supporting import in_words, note


def support(method: str, effective: float, drawn: int = 500) -> Support:
    return Support(
        mass=0.1, standard_error=0.0, drawn=drawn, effective=effective, method=method
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (support("enumeration", 1.0), "they mix about 1.0 of its 500 latents"),
        (support("enumeration", 47.6), "they mix about 48 of its 500 latents"),
        (support("re-weighting", 5_003.2, 16_384), "16,384 latents, worth 5,003"),
        (support("rejection", 117, 2_000), "117 of 2,000 rows drawn"),
    ],
)
def test_words_say_on_what_a_condition_rests(given, words):
    assert in_words(given) == words


@pytest.mark.parametrize(
    ("given", "is_noted"),
    [
        (support("enumeration", 19.9), True),
        (support("enumeration", 20.0), False),
        (support("enumeration", 15.9, 64), True),  # a quarter of a model's latents is enough
        (support("enumeration", 16.0, 64), False),
        (support("enumeration", 1.0, 1), False),  # columns of such a model are never linked
        (support("re-weighting", 999.0, 16_384), True),
        (support("re-weighting", 1_000.0, 16_384), False),
        (support("rejection", 3, 2_000), False),
    ],
)
@pytest.mark.parametrize("rows", [1_000, 100_000])
def test_few_latents_are_noted(given, is_noted, rows):
    assert (note(given, rows) is not None) is is_noted


def test_few_drawn_latents_are_enough_for_fewer_rows():
    assert note(support("re-weighting", 999.0, 16_384), 100) is None
