"""pydantic's errors in words for tired people.

Takes the errors of one validation and the document's own entries, gives `Fault`s: no jargon, no
address of a manual, one sentence per place, and the nearest known key where one was mistyped.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from synthkit.schema._yaml import Fault, Path

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping (lines of `key: value`)",
    "mapping_type": "a mapping (lines of `key: value`)",
    "model_type": "a mapping (lines of `key: value`)",
    "model_attributes_type": "a mapping (lines of `key: value`)",
    "dataclass_type": "a mapping (lines of `key: value`)",
    "date_type": "a date (YYYY-MM-DD)",
    "date_parsing": "a date (YYYY-MM-DD)",
    "date_from_datetime_parsing": "a date (YYYY-MM-DD)",
    "datetime_type": "a date and time (YYYY-MM-DD HH:MM:SS)",
    "datetime_parsing": "a date and time (YYYY-MM-DD HH:MM:SS)",
    "finite_number": "a finite number",
    "none_required": "left empty",
}
_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}


def _found(value: Any) -> str:
    """Says what stands there instead, and what to do when only quotes are missing."""
    if value is None:
        return "nothing stands there; YAML reads null and ~ as nothing unless they are in quotes"
    if isinstance(value, bool):
        return "true or false stands there; if the word is meant, put it in quotes"
    if isinstance(value, int | float):
        return "a number stands there; if its digits are meant as text, put it in quotes"
    if isinstance(value, str):
        return "text stands there"
    if isinstance(value, Mapping):
        return "a mapping stands there"
    if isinstance(value, Sequence):
        return "a list stands there"
    return "a date stands there; if text is meant, put it in quotes"


def _entries(n: int) -> str:
    return f"{n} entry" if n == 1 else f"{n} entries"


def _choice(error: Mapping[str, Any]) -> str:
    """Words a value that is not one of the allowed ones."""
    expected = str(error.get("ctx", {}).get("expected", "one of the allowed values"))
    allowed = [w.strip(" '") for w in expected.replace(" or ", ", ").split(",")]
    given = error.get("input")
    near = difflib.get_close_matches(given, allowed, n=1) if isinstance(given, str) else []
    stands = f", not {given!r}" if isinstance(given, str) and len(given) <= 60 else ""
    return f"must be {expected}{stands}" + (f"; did you mean {near[0]!r}?" if near else "")


def _sentence(error: Mapping[str, Any]) -> str:
    """Words one pydantic error that is neither a missing nor an unknown key."""
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind in _KINDS:
        return f"must be {_KINDS[kind]} ({_found(error.get('input'))})"
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        limit = context.get(key)
        return f"must be {words} {format(limit, 'g') if isinstance(limit, float) else limit}"
    if kind in ("literal_error", "enum"):
        return _choice(error)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        tags = context.get("expected_tags", "the known ones")
        return f"{context.get('discriminator', 'the kind')} must be one of {tags}"
    if kind == "string_too_short":
        least = context.get("min_length", 1)
        return "must not be empty" if least == 1 else f"must have at least {least} characters"
    if kind == "string_too_long":
        return f"must have at most {context.get('max_length')} characters"
    if kind == "string_pattern_mismatch":
        return f"has characters that are not allowed (allowed: {context.get('pattern')})"
    if kind == "too_short":
        return f"must have at least {_entries(int(context.get('min_length', 1)))}"
    if kind == "too_long":
        return f"must have at most {_entries(int(context.get('max_length', 1)))}"
    message = str(error.get("msg", "is not valid"))
    for prefix in ("Value error, ", "Assertion failed, "):
        message = message.removeprefix(prefix)
    return message.replace("Input should be", "must be").rstrip(".")


def _steps(annotation: Any, part: str | int) -> Iterator[Any]:
    """Yields the annotations one step below `annotation`."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        yield from _steps(arguments[0], part)
    elif origin in (typing.Union, types.UnionType):
        for branch in arguments:
            yield from _steps(branch, part)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if part in (name, field.alias):
                yield field.annotation
    elif origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        yield arguments[1]
    elif origin is not None and isinstance(part, int):
        yield from (a for a in arguments if a is not Ellipsis)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yields the models that an annotation allows at its own place."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        for branch in typing.get_args(annotation):
            yield from _models(branch)


def known_keys(model: type[BaseModel], path: Iterable[str | int]) -> tuple[str, ...]:
    """Lists the keys that `model` knows at `path` of a document."""
    places: list[Any] = [model]
    for part in path:
        places = [below for place in places for below in _steps(place, part)]
    fields = (
        field.alias or name
        for place in places
        for found in _models(place)
        for name, field in found.model_fields.items()
    )
    return tuple(dict.fromkeys(fields))


def _unknown(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if near:
        return f"unknown key {key!r}; did you mean {near[0]!r}?"
    return f"unknown key {key!r}" + (f"; known keys: {', '.join(known)}" if known else "")


def _own_path(location: Sequence[str | int], document: Any) -> Path:
    """Cuts pydantic's location to the part that is a place in the document."""
    path: list[str | int] = []
    place = document
    for part in location:
        is_key = isinstance(place, Mapping) and part in place
        is_item = isinstance(place, list) and isinstance(part, int) and 0 <= part < len(place)
        if not (is_key or is_item):
            continue  # the name of a union's branch or of a validator
        place = place[part]
        path.append(part)
    return tuple(path)


def _merged(sentences: Sequence[str]) -> list[str]:
    """Joins what the branches of a union say about one place into one sentence."""
    distinct = list(dict.fromkeys(sentences))
    if len(distinct) < 2 or not all(s.startswith("must be ") for s in distinct):
        return distinct
    wants = [s.removeprefix("must be ").partition(" (")[0] for s in distinct]
    tail = distinct[0].partition(" (")[2]
    return ["must be " + " or ".join(wants) + (f" ({tail}" if tail else "")]


def faults(
    errors: Iterable[Mapping[str, Any]], document: Any, model: type[BaseModel]
) -> tuple[Fault, ...]:
    """Words the errors of one pydantic validation.

    Args:
        errors: What `ValidationError.errors()` gives.
        document: The plain values that were validated.
        model: The model they were validated against.

    Returns:
        One `Fault` per problem, in the order of the errors.
    """
    by_place: dict[Path, list[str]] = {}
    for error in errors:
        location: tuple[str | int, ...] = tuple(error["loc"])
        if error["type"] == "invalid_key" or "[key]" in location:
            continue  # a key that is not text: the reader has said so
        problems = getattr((error.get("ctx") or {}).get("error"), "problems", None)
        if problems is not None:
            for path, sentence in problems:
                place = _own_path((*location, *path), document)
                by_place.setdefault(place, []).append(sentence)
        elif error["type"] == "missing":
            place = _own_path(location[:-1], document)
            by_place.setdefault(place, []).append(f"{location[-1]!r} is missing")
        elif error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            place = _own_path(location, document)
            sentence = _unknown(str(location[-1]), known_keys(model, place[:-1]))
            by_place.setdefault(place, []).append(sentence)
        else:
            place = _own_path(location, document)
            by_place.setdefault(place, []).append(_sentence(error))
    return tuple(Fault(place, s) for place, said in by_place.items() for s in _merged(said))
