"""What a column is, from public knowledge: kind, role, bounds or categories, person id.

`Schema` is the frozen value that every room reads. `load` and `dump` turn it from and to YAML
(strict: unknown keys are errors), `inspect` proposes one from a table, `check` lists all
violations of a table at once.
"""

from __future__ import annotations

from synthkit.schema.model import Bound, Column, Kind, Role, Schema

__all__ = ["Bound", "Column", "Kind", "Role", "Schema"]
