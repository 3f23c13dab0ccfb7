"""The strict door for every YAML or JSON document: schema, plan, policy.

Takes a file and a pydantic model, gives the validated model. Every problem is reported at once
as one `ConfigError` whose `details` say where (line, dotted place) and what is wrong: unknown
keys with the nearest known one, keys written twice, wrong types, values out of range, and
whatever the model's own checks find (they raise `Problems` to report several, each at its place).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from synthkit.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from synthkit.schema._yaml import Fault, Parsed

Model = TypeVar("Model", bound="BaseModel")

MAX_BYTES = 8 * 1024 * 1024
"""Longest document that is read; a schema of 500 columns has well under 1 MiB."""


class Problems(ValueError):  # noqa: N818 (a list of problems, raised as one)
    """Several problems that a model's own check found, each with its place in the document.

    Raise it inside a pydantic validator; the places are relative to the validated model.

    Args:
        problems: Pairs of a path (keys and list positions) and a sentence without a full stop.
    """

    def __init__(self, problems: Iterable[tuple[Sequence[str | int], str]]) -> None:
        self.problems = tuple((tuple(path), sentence) for path, sentence in problems)
        super().__init__("; ".join(sentence for _, sentence in self.problems))


def dotted(path: Sequence[str | int]) -> str:
    """Writes a place as people write it: `columns[3].bounds`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


def _detail(fault: Fault, lines: dict[tuple[str | int, ...], int]) -> str:
    """Writes one fault as a line: where, then what."""
    line = fault.line
    path = fault.path
    while line is None and path:
        line = lines.get(path)
        path = path[:-1]
    where = [f"line {line}"] if line is not None else []
    if fault.path:
        where.append(dotted(fault.path))
    return f"{', '.join(where)}: {fault.sentence}" if where else fault.sentence


def _refuse(named: str, what: str, details: Sequence[str]) -> ConfigError:
    n = len(details)
    count = "one problem" if n == 1 else f"{n} problems"
    return ConfigError(
        f"The {what} {named}has {count}." if named else f"The {what} has {count}.",
        hint=f"Correct the {what} where the details say so; nothing was done.",
        details=details,
    )


def _validated(parsed: Parsed, model: type[Model], *, what: str, named: str) -> Model:
    from pydantic import ValidationError

    from synthkit.schema._wording import faults

    found = list(parsed.faults)
    result: Model | None = None
    try:
        result = model.model_validate(parsed.value)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        found.extend(faults(errors, parsed.value, model))
    if result is None or found:
        order = {id(f): i for i, f in enumerate(found)}
        found.sort(key=lambda f: (f.line or parsed.lines.get(f.path, 0), order[id(f)]))
        raise _refuse(named, what, [_detail(f, parsed.lines) for f in found])
    return result


def parse_document(
    text: str, model: type[Model], *, what: str, name: str = "", is_json: bool = False
) -> Model:
    """Reads a document from text.

    Args:
        text: YAML, or JSON when `is_json`.
        model: The pydantic model it must satisfy; unknown keys are errors if the model says so.
        what: What the document is, for messages: `schema`, `plan`, `policy`.
        name: File name, for messages.
        is_json: Whether the text is JSON.

    Raises:
        ConfigError: Listing every problem in `details`.
    """
    from synthkit.schema._yaml import Unreadable, read, read_json

    named = f"{name} " if name else ""
    try:
        parsed = (read_json if is_json else read)(text)
    except Unreadable as error:
        raise _refuse(named, what, [_detail(error.fault, {})]) from None
    if parsed.value is None:
        raise ConfigError(f"The {what} {named}is empty.", hint=f"Write the {what} into it.")
    if not isinstance(parsed.value, dict):
        raise ConfigError(
            f"The {what} {named}is not a mapping.",
            hint="It must consist of lines of `key: value` at its outermost level.",
        )
    return _validated(parsed, model, what=what, named=named)


def read_document(path: str | Path, model: type[Model], *, what: str) -> Model:
    """Reads a document from a file: YAML, or JSON if its name ends in `.json`.

    Args:
        path: The file, UTF-8.
        model: The pydantic model it must satisfy.
        what: What the document is, for messages: `schema`, `plan`, `policy`.

    Raises:
        ConfigError: If there is no such file, it cannot be read, or it breaks its rules; every
            problem stands in `details`.
    """
    path = Path(path)
    raw = _bytes(path, what)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"The {what} {path.name} is not UTF-8 text (line {line}).",
            hint="Save it as UTF-8 in your editor.",
        ) from None
    is_json = path.suffix.lower() == ".json"
    return parse_document(text, model, what=what, name=path.name, is_json=is_json)


def _bytes(path: Path, what: str) -> bytes:
    """Returns the file's bytes."""
    try:
        if path.is_dir():
            raise ConfigError(
                f"{path} is a folder, not a {what}.", hint=f"Give the path of the {what} file."
            )
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"There is no {what} at {path}.", hint="Check the path; it is read from this folder."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not usable"
        raise ConfigError(
            f"The {what} {path} cannot be read: {reason}.", hint="Check the file's permissions."
        ) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            f"The {what} {path.name} is larger than {MAX_BYTES // 1024**2} MiB.",
            hint=f"This is not a {what}; check the path.",
        )
    return raw
