"""Example tables written by us: two documented simulators and their public schemas.

`table(name)` gives a raw table as a user's file would hold it (identifiers, free text and
missing-value tokens included), `schema_text(name)` its schema as YAML, `describe(name)` the known
structure in words. Every domain in these schemas is `from: public` with full right: the schema was
written first and the simulator draws within it. No cell stands for a real person or brand.
"""

from __future__ import annotations

from importlib import resources
from types import ModuleType
from typing import TYPE_CHECKING

from synthkit import registry

if TYPE_CHECKING:
    import polars as pl

NOT_PLUGINS = ("draws",)

__all__ = ["describe", "names", "schema_text", "table"]


def names() -> tuple[str, ...]:
    """Lists the example tables."""
    return registry.names(__name__)


def _module(name: str) -> ModuleType:
    return registry.load(__name__, name)


def table(name: str, *, n_rows: int = 20_000) -> pl.DataFrame:
    """Returns an example table with its default seed: the same on every call.

    Args:
        name: One of `names()`.
        n_rows: Number of rows.

    Raises:
        InputError: If there is no such example.
    """
    simulated: pl.DataFrame = _module(name).simulate(n_rows)
    return simulated


def schema_text(name: str) -> str:
    """Returns the example's public schema as YAML, for `synthkit.schema.parse`.

    Raises:
        InputError: If there is no such example.
    """
    _module(name)
    return resources.files(__name__).joinpath(f"{name}.schema.yaml").read_text(encoding="utf-8")


def describe(name: str) -> str:
    """Returns the example's known structure in words, as Markdown.

    Raises:
        InputError: If there is no such example.
    """
    text: str = _module(name).STRUCTURE
    return text.strip() + "\n"
