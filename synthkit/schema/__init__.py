"""What a column is, from public knowledge: kind, role, bounds or categories, person id.

`Schema` is the frozen value that every room reads. `load`, `parse` and `dump` turn it from and to
YAML (strict: unknown keys are errors), `inspect` proposes one from a table, `check` lists all
violations of a table at once, `broken`
counts the rows that break its rules, `clamp` brings a table inside it, `dictionary` describes it.
`read_document` is the strict door that schema, plan and policy files share. The functions load
their modules when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from synthkit.schema.constraints import (
    Constraint,
    Follows,
    Implies,
    Order,
    ValueSet,
    column_names,
    in_words,
)
from synthkit.schema.model import Bound, Column, Kind, Role, Schema

if TYPE_CHECKING:
    from synthkit.schema.checking import Problem, check, clamp
    from synthkit.schema.conversion import Converted, convert, dtype_of
    from synthkit.schema.describing import dictionary
    from synthkit.schema.document import Problems, parse_document, read_document
    from synthkit.schema.inspection import Proposal, inspect
    from synthkit.schema.opening import from_data, not_public, opened, require_domains
    from synthkit.schema.rules import broken
    from synthkit.schema.yaml_form import SchemaForm, dump, json_schema, load, parse

_HOMES = {
    "Problem": "checking",
    "check": "checking",
    "clamp": "checking",
    "Converted": "conversion",
    "convert": "conversion",
    "dtype_of": "conversion",
    "dictionary": "describing",
    "Problems": "document",
    "parse_document": "document",
    "read_document": "document",
    "Proposal": "inspection",
    "inspect": "inspection",
    "from_data": "opening",
    "not_public": "opening",
    "opened": "opening",
    "require_domains": "opening",
    "broken": "rules",
    "SchemaForm": "yaml_form",
    "dump": "yaml_form",
    "json_schema": "yaml_form",
    "load": "yaml_form",
    "parse": "yaml_form",
}

__all__ = [
    "Bound",
    "Column",
    "Constraint",
    "Converted",
    "Follows",
    "Implies",
    "Kind",
    "Order",
    "Problem",
    "Problems",
    "Proposal",
    "Role",
    "Schema",
    "SchemaForm",
    "ValueSet",
    "broken",
    "check",
    "clamp",
    "column_names",
    "convert",
    "dictionary",
    "dtype_of",
    "dump",
    "from_data",
    "in_words",
    "inspect",
    "json_schema",
    "load",
    "not_public",
    "opened",
    "parse",
    "parse_document",
    "read_document",
    "require_domains",
]


def __getattr__(name: str) -> Any:
    """Loads the module behind a public name when the name is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
