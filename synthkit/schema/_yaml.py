"""YAML as these documents use it: safe tags only, few surprises, every line known.

Takes text, gives plain Python values, the line of every entry, and the faults found on the way
(keys written twice). Scalars follow the YAML 1.2 core schema (yaml.org/spec/1.2.2, section 10.3)
where PyYAML's 1.1 rules surprise: `no` and `on` are words, `1e-6` is a number, `12:30` is text,
`007` keeps its zeros. Anchors and aliases are refused: nobody needs them here, and they can make
a small file huge.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

import yaml

Path = tuple[str | int, ...]

_SCALARS: tuple[tuple[str, str, str], ...] = (
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    (
        "float",
        r"^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+0123456789.",
    ),
    (
        "timestamp",
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}"
        r"(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?$",
        "0123456789",
    ),
)


@dataclass(frozen=True)
class Fault:
    """One problem of a document: where it stands and a sentence that says what is wrong."""

    path: Path
    sentence: str
    line: int | None = None


@dataclass(frozen=True)
class Parsed:
    """A document as plain values, the line of every entry, and the faults found on the way."""

    value: Any
    lines: dict[Path, int]
    faults: tuple[Fault, ...]


class Unreadable(Exception):  # noqa: N818 (carries a fault, not an error of its own)
    """The text is not YAML (or JSON) at all."""

    def __init__(self, sentence: str, line: int | None) -> None:
        super().__init__(sentence)
        self.fault = Fault((), sentence, line)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader with YAML 1.2 scalars."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> datetime.date:
        """Builds a date or a date and time; a date that is in no calendar is a YAML error."""
        try:
            value: datetime.date = super().construct_yaml_timestamp(node)
        except ValueError:
            raise yaml.constructor.ConstructorError(
                None, None, "this date is in no calendar", node.start_mark
            ) from None
        return value


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)
for _tag, _pattern, _first in _SCALARS:
    for _character in _first:
        _Loader.yaml_implicit_resolvers.setdefault(
            "" if _character == "\0" else _character, []
        ).append((f"tag:yaml.org,2002:{_tag}", re.compile(_pattern)))


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """The safe dumper; quotes whatever YAML 1.1 or 1.2 would read as something else than text."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        character: [
            *_Loader.yaml_implicit_resolvers.get(character, []),
            *yaml.SafeDumper.yaml_implicit_resolvers.get(character, []),
        ]
        for character in {
            *_Loader.yaml_implicit_resolvers,
            *yaml.SafeDumper.yaml_implicit_resolvers,
        }
    }

    def ignore_aliases(self, data: Any) -> bool:
        """Writes equal values out in full."""
        return True


class _Inline(list[Any]):
    """A list that is written on one line."""


_Dumper.add_representer(
    _Inline,
    lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True),
)


def inline(values: Any) -> list[Any]:
    """Marks a list to be written on one line (wrapped at 100 characters)."""
    return _Inline(values)


def write(value: Any) -> str:
    """Writes plain values as YAML that `read` turns back into the same values."""
    text = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )
    return str(text)


def _say(error: yaml.YAMLError) -> Unreadable:
    """Words a PyYAML error for people."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or "cannot be read as YAML")
    if "could not determine a constructor" in problem:
        problem = "tags (words after an exclamation mark) are not used here; remove it"
    elif "token" in problem and "cannot start" in problem:
        problem = "a character here cannot start a value (a tab? use spaces; else put it in quotes)"
    elif "mapping values are not allowed" in problem:
        problem = "a second colon on one line, or wrong indentation; put text with colons in quotes"
    elif "special characters are not allowed" in problem or "control characters" in problem:
        problem = "there is a control character here that YAML does not allow"
    elif "expected a single document" in problem or "but found another document" in problem:
        problem = "there is a second document (---) in this file; keep one"
    else:
        problem = f"not valid YAML: {problem}"
    return Unreadable(problem, mark.line + 1 if mark is not None else None)


def _survey(root: yaml.Node) -> tuple[dict[Path, int], list[Fault]]:
    """Walks the node tree: line of every entry, keys written twice.

    Raises:
        Unreadable: If the text uses aliases.
    """
    lines: dict[Path, int] = {}
    faults: list[Fault] = []
    seen: set[int] = set()
    stack: list[tuple[yaml.Node, Path]] = [(root, ())]
    while stack:
        node, path = stack.pop()
        line = node.start_mark.line + 1
        if id(node) in seen:
            raise Unreadable("anchors and aliases (& and *) are not used here; write it out", line)
        seen.add(id(node))
        lines.setdefault(path, line)
        if isinstance(node, yaml.SequenceNode):
            stack.extend((item, (*path, i)) for i, item in enumerate(node.value))
        elif isinstance(node, yaml.MappingNode):
            first: dict[str, int] = {}
            for key, value in node.value:
                name, at = str(key.value), key.start_mark.line + 1
                if key.tag != "tag:yaml.org,2002:str":
                    faults.append(Fault(path, f"the key {name} must be text: put it in quotes", at))
                if name in first:
                    faults.append(
                        Fault(path, f"{name!r} is written twice (first on line {first[name]})", at)
                    )
                first.setdefault(name, at)
                lines.setdefault((*path, name), at)
                stack.append((value, (*path, name)))
    return lines, faults


def read(text: str) -> Parsed:
    """Reads one YAML document.

    Raises:
        Unreadable: If the text is not YAML, or uses tags, aliases or more than one document.
    """
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return Parsed(None, {}, ())
        lines, faults = _survey(root)
        value = loader.construct_document(root)
    except yaml.YAMLError as error:
        raise _say(error) from None
    except RecursionError:
        raise Unreadable("lists or mappings are nested too deeply", None) from None
    except ValueError:
        raise Unreadable("there is a number here that cannot be read", None) from None
    finally:
        loader.dispose()
    return Parsed(value, lines, tuple(faults))


def read_json(text: str) -> Parsed:
    """Reads one JSON document, duplicate keys and NaN refused.

    Raises:
        Unreadable: If the text is not JSON.
    """
    import json

    faults: list[Fault] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in items:
            if key in seen:
                faults.append(Fault((), f"{key!r} is written twice"))
            seen.setdefault(key, value)
        return seen

    def constant(name: str) -> Any:
        faults.append(Fault((), f"{name} is not a number here"))

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise Unreadable(f"not valid JSON: {error.msg}", error.lineno) from None
    except RecursionError:
        raise Unreadable("lists or mappings are nested too deeply", None) from None
    except ValueError:
        raise Unreadable("there is a number here that cannot be read", None) from None
    return Parsed(value, {}, tuple(faults))
