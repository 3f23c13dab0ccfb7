"""What a column's values look like: direct identifiers, missing tokens, bands.

Takes polars Series of trimmed text, gives answers about the column as a whole (shares, never a
value). Checksums where there are some: Luhn for cards (ISO/IEC 7812-1), mod 97 for IBAN (ISO
13616).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_SAMPLE = 5_000
_SHARE = 0.8
_PATTERNS = (
    ("an e-mail address", r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"),
    ("a social security number", r"^\d{3}-\d{2}-\d{4}$"),
    ("an IP address", r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$"),
    ("an IP address", r"^(?i)(?:[0-9a-f]{1,4}:){2,7}[0-9a-f:]{1,9}$"),
    ("a phone number", r"^(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\) ?|\d{2,4}[ .-])\d{3,4}[ .-]\d{3,5}$"),
    ("a phone number", r"^\+\d{1,3}[ .()-]?\d[\d .()-]{6,16}$"),
)
_UUID = r"^(?i)\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?$"
_SURE_TOKENS = ("?", "??", "null", "(null)", "n/a", "#n/a", "nan", "<na>", "\\n", "#null!", "nat")
_LIKELY_TOKENS = ("na", "none", "nil", "-", "--", ".", "missing", "not available", "(none)", "n.a.")
_RANGE = re.compile(
    r"^\D{0,4}\d[\d.,]*\D{0,3}\s*(?:-|\u2013|to|bis|\.\.)\s*\D{0,3}\d[\d.,]*\D{0,4}$"
)
_END = re.compile(
    r"^(?:[<>≤≥]=?|under|over|below|above|less than|more than|up to)\s*\D{0,2}\d[\d.,]*\D{0,8}$"
    r"|^\D{0,2}\d[\d.,]*\D{0,2}\s*(?:\+|[<>≤≥]=?|or (?:more|less|older|over)|and (?:over|older))$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def pii(text: pl.Series) -> str:
    """Says which direct identifier most values look like (`an e-mail address`); empty if none.

    Args:
        text: Trimmed text without nulls, shape (n_values,).
    """
    sample = text.unique(maintain_order=True).head(_SAMPLE)
    if len(sample) == 0:
        return ""
    for what, pattern in _PATTERNS:
        if sample.str.contains(pattern).sum() >= _SHARE * len(sample):
            return what
    for what, shape, is_valid in (
        ("a card number", r"^\d(?:[ -]?\d){12,18}$", is_card_number),
        ("an IBAN", r"^[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}$", is_iban),
    ):
        if _share(sample, shape, is_valid) >= _SHARE:
            return what
    return ""


def _share(sample: pl.Series, shape: str, is_valid: Callable[[str], bool]) -> float:
    fitting = sample.filter(sample.str.contains(shape))
    if len(fitting) < _SHARE * len(sample):
        return 0.0
    return sum(map(is_valid, fitting.to_list())) / len(sample)


def _share_like(text: pl.Series, pattern: str) -> float:
    return int(text.str.contains(pattern).sum()) / len(text)


def is_card_number(text: str) -> bool:
    """Whether the digits of `text` satisfy the Luhn checksum."""
    digits = [int(c) for c in text if c.isdigit()][::-1]
    doubled = [d * 2 - 9 if d > 4 else d * 2 for d in digits[1::2]]
    return len(digits) > 1 and any(digits) and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether `text` satisfies the mod-97 checksum of an IBAN."""
    plain = text.replace(" ", "").upper()
    if not (plain.isascii() and plain.isalnum()):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def is_uuid(text: pl.Series) -> bool:
    """Whether most values are UUIDs."""
    return len(text) > 0 and _share_like(text.head(_SAMPLE), _UUID) >= _SHARE


def missing_tokens(text: pl.Series) -> tuple[tuple[str, ...], bool]:
    """Finds the tokens that mean missing in a column of text.

    Args:
        text: Trimmed text without nulls or blanks, shape (n_values,).

    Returns:
        The tokens as written, sorted; and whether one of them could also be a real category.
    """
    lowered = text.str.to_lowercase()
    sure = text.filter(lowered.is_in(_SURE_TOKENS)).unique().to_list()
    rest = text.filter(~lowered.is_in((*_SURE_TOKENS, *_LIKELY_TOKENS)))
    counts = text.filter(lowered.is_in(_LIKELY_TOKENS)).value_counts()
    likely = [token for token, n in counts.iter_rows() if n > 1]
    if not len(rest):
        return (), False  # nothing else there: the words are the categories
    if _share_like(rest, r"^[A-Z]{2}$") >= _SHARE:
        likely = [word for word in likely if word != "NA"]  # country codes: Namibia
    return tuple(sorted((*sure, *likely))), bool(likely)


def banded(categories: list[str]) -> list[str] | None:
    """Sorts bands such as `0-35`, `35-55`, `55<=` by their numbers; None if they are no bands."""
    ranges = [bool(_RANGE.match(c)) for c in categories]
    if len(categories) < 2 or not any(ranges):
        return None
    if not all(r or _END.match(c) for r, c in zip(ranges, categories, strict=True)):
        return None
    if any(re.search(r"(?<![\d.])0\d", c) for c in categories):
        return None  # leading zeros: codes such as 06-07502

    def key(category: str) -> tuple[float, int]:
        first = _NUMBER.search(category)
        number = float(first.group().replace(",", "")) if first else 0.0
        lowered = category.lower()
        if lowered.startswith(("<", "≤", "under", "below", "less", "up to")):
            return (number, -1)
        is_open = lowered.startswith((">", "≥", "over", "above", "more"))
        return (number, 1 if is_open else 0)

    return sorted(categories, key=key)
