"""The policy: which rules a release must pass, with which limits, for which recipients.

Takes a YAML file (packaged under `policies/`, or the user's own), gives a frozen `Policy` whose
`sha256` names its content: limits, recipients and text, but not comments or layout. Limits live in
reviewed files and not in code because guidance changes (see `policies/README.md`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from synthkit import canonical, registry
from synthkit.errors import InputError
from synthkit.gate import parameters
from synthkit.gate.parameters import Value

if TYPE_CHECKING:
    from pydantic import BaseModel

Problem = tuple[tuple[str | int, ...], str]
"""A place under `rules` and what is wrong there."""

ROOM = "synthkit.gate.rules"
MAX_VALID_DAYS = 3650


class PolicyRule(NamedTuple):
    """A rule as a policy states it: the name of its file and its parameters."""

    name: str
    parameters: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A set of rules for one class of recipients; `decide` needs all of them to pass."""

    id: str
    version: str
    recipient_class: str
    description: str
    valid_days: int
    """For how many days after the evidence was made a verdict stands."""
    rules: tuple[PolicyRule, ...]
    sha256: str = field(init=False)
    """SHA-256 of the content above as canonical JSON; never given, always computed."""

    def __post_init__(self) -> None:
        frozen = tuple(PolicyRule(n, MappingProxyType(dict(p))) for n, p in self.rules)
        object.__setattr__(self, "rules", frozen)
        content = {
            "id": self.id,
            "version": self.version,
            "recipient_class": self.recipient_class,
            "description": self.description,
            "valid_days": self.valid_days,
            "rules": [[rule.name, rule.parameters] for rule in frozen],
        }
        object.__setattr__(self, "sha256", canonical.digest(content))


@cache
def rule_names() -> tuple[str, ...]:
    """Lists the rules, ours and those of other packages."""
    return registry.names(ROOM)


@cache
def rule_module(name: str) -> ModuleType:
    """Imports one rule, once: looking for other packages' rules takes milliseconds each time.

    Raises:
        InputError: If there is no such rule.
    """
    return registry.load(ROOM, name)


def policies_folder() -> Path:
    """Returns the folder of the packaged policies, in an installed wheel or in a checkout.

    Raises:
        InputError: If neither is there.
    """
    packaged = Path(__file__).parent / "policies"
    checkout = Path(__file__).parents[2] / "policies"
    for folder in (packaged, checkout):
        if folder.is_dir():
            return folder
    raise InputError(
        "The packaged policies are missing.",
        hint="Install synthkit again, or name your own policy file.",
    )


def policy_names() -> tuple[str, ...]:
    """Lists the names of the packaged policies, sorted."""
    return tuple(sorted(p.stem for p in policies_folder().glob("*.yaml")))


def load_policy(name_or_path: str | Path) -> Policy:
    """Reads a policy: a packaged one by name, or a file.

    A packaged name always means the packaged file, whatever lies in the working folder.

    Raises:
        InputError: If there is no such policy or file.
        ConfigError: If the document breaks its form, names an unknown rule, or a parameter is
            unknown, missing or out of range; `details` lists every problem.
    """
    if isinstance(name_or_path, str) and name_or_path in policy_names():
        return _read(policies_folder() / f"{name_or_path}.yaml")
    path = Path(name_or_path)
    if path.is_file():
        return _read(path)
    near = difflib.get_close_matches(str(name_or_path), policy_names(), n=1)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    raise InputError(
        f"There is no policy named {str(name_or_path)!r}, and no such file.",
        hint=f"{meant}Packaged policies: {', '.join(policy_names())}; or give a path to YAML.",
    )


@cache
def _document() -> type[BaseModel]:
    """Returns the form of the YAML document."""
    from pydantic import BaseModel, ConfigDict, Field, field_validator  # heavy; only at the door

    class Document(BaseModel):
        model_config = ConfigDict(extra="forbid")

        synthkit: Literal["policy/1"]
        id: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
        version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
        recipient_class: Literal["internal", "partner", "public"]
        description: str = Field(min_length=1)
        valid_days: int = Field(ge=1, le=MAX_VALID_DAYS, strict=True)
        rules: list[dict[str, Any]] = Field(min_length=1)

        @field_validator("rules")
        @classmethod
        def _are_usable(cls, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
            from synthkit.schema.document import Problems

            problems = [p for i, entry in enumerate(entries) for p in _entry_problems(i, entry)]
            problems += _across(entries)
            if problems:
                raise Problems(problems)
            return entries

    return Document


def _read(path: Path) -> Policy:
    """Reads and checks one policy file."""
    from synthkit.schema.document import read_document

    document: Any = read_document(path, _document(), what="policy")
    return Policy(
        id=document.id,
        version=document.version,
        recipient_class=document.recipient_class,
        description=document.description.strip(),
        valid_days=document.valid_days,
        rules=tuple(
            PolicyRule(
                entry["rule"],
                parameters.read(rule_module(entry["rule"]).PARAMETERS, _given(entry)),
            )
            for entry in document.rules
        ),
    )


def _given(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "rule"}


def _entry_problems(place: int, entry: Mapping[str, Any]) -> list[Problem]:
    """Finds what is wrong with one entry of `rules`."""
    known = rule_names()
    name = entry.get("rule")
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=1)
        meant = f"did you mean {near[0]!r}?" if near else f"rules are {', '.join(known)}"
        said = "the name of a rule is missing" if name is None else f"there is no rule {name!r}"
        return [((place, "rule"), f"{said}; {meant}")]
    try:
        parameters.read(rule_module(str(name)).PARAMETERS, _given(entry))
    except parameters.Unusable as found:
        return [((place, key), f"{name}: {said}") for key, said in found.problems.items()]
    return []


def _across(entries: list[dict[str, Any]]) -> list[Problem]:
    """Finds what no single entry shows: rules stated twice, rules that need another."""
    known = rule_names()
    names = [entry.get("rule") for entry in entries]
    problems: list[Problem] = []
    for place, name in enumerate(names):
        if name not in known:
            continue
        if name in names[:place]:
            problems.append(((place, "rule"), f"{name} is stated twice; keep the stricter one"))
        needs: tuple[str, ...] = getattr(rule_module(str(name)), "NEEDS", ())
        problems += [
            ((place, "rule"), f"{name} means nothing without the rule {other}")
            for other in needs
            if other not in names
        ]
    return problems
