"""Canonical JSON: the one way in which an artifact is written, and the digest that names it.

Same artifact, same bytes (`canonical_json`), and the SHA-256 of those bytes is its name (`digest`).
NaN and infinity never enter JSON: a number that could not be measured is `None` and its `note` says
why.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Turns an artifact into JSON types: mappings, lists, strings, numbers, booleans, None.

    Raises:
        ValueError: On NaN or infinity, which have no place in evidence.
        TypeError: On a type that has no JSON form.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [to_plain(v) for v in items]
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and infinity have no JSON form; use None and a note")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"no JSON form for {type(value).__name__}")


def canonical_json(value: Any) -> bytes:
    """Returns sorted, compact UTF-8 JSON: same artifact, same bytes."""
    text = json.dumps(
        to_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def digest(value: Any) -> str:
    """Returns the SHA-256 (hex) of an artifact's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def read_json(kind: type[T], text: str | bytes) -> T:
    """Builds an artifact from its JSON, checked field by field.

    Raises:
        pydantic.ValidationError: If the JSON is not such an artifact.
    """
    from pydantic import TypeAdapter  # heavy; only readers of files need it

    return TypeAdapter(kind).validate_json(text)
