"""Real rows in: read a file, bring it into the schema's form, split it by person.

`read` takes a CSV or Parquet file and gives its raw table; `conform` gives the table that rooms
exchange (see `synthkit.schema.Column`); `unit_index` says which rows belong to one privacy unit,
and `split` holds some of the units out before anyone looks. `fingerprint` names a file without
revealing it. This room holds real rows: no message of it carries a cell.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthkit.source.conforming import conform
    from synthkit.source.fingerprinting import fingerprint, fingerprint_key
    from synthkit.source.reading import read, with_inferred_types
    from synthkit.source.splitting import Split, split, unit_index

NOT_PLUGINS = ("conforming", "fingerprinting", "reading", "splitting")

_HOMES = {
    "Split": "splitting",
    "conform": "conforming",
    "fingerprint": "fingerprinting",
    "fingerprint_key": "fingerprinting",
    "read": "reading",
    "split": "splitting",
    "unit_index": "splitting",
    "with_inferred_types": "reading",
}

__all__ = [
    "Split",
    "conform",
    "fingerprint",
    "fingerprint_key",
    "read",
    "split",
    "unit_index",
    "with_inferred_types",
]


def __getattr__(name: str) -> Any:
    """Loads the module behind a public name when the name is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
