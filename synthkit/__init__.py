"""Synthetic tables with differential privacy, measured, gated and signed.

    import synthkit as sk

    table = sk.read("reviews.csv")
    schema = sk.inspect(table)
    model = sk.fit(table, schema, epsilon=1.0)
    synthetic = model.sample(10_000)

Names are resolved on first use, so that importing synthkit loads no heavy library.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthkit.pipeline.demo import demo
    from synthkit.pipeline.evaluation import decide, evaluate
    from synthkit.pipeline.fitting import fit
    from synthkit.pipeline.model import Model
    from synthkit.pipeline.plan import Plan, load_plan
    from synthkit.pipeline.python_api import check, inspect, read, split, verify
    from synthkit.pipeline.run import run
    from synthkit.schema import Column, Schema

__version__ = "0.1.0"

_HOMES = {
    "Column": "synthkit.schema",
    "Model": "synthkit.pipeline.model",
    "Plan": "synthkit.pipeline.plan",
    "Schema": "synthkit.schema",
    "check": "synthkit.pipeline.python_api",
    "decide": "synthkit.pipeline.evaluation",
    "demo": "synthkit.pipeline.demo",
    "evaluate": "synthkit.pipeline.evaluation",
    "fit": "synthkit.pipeline.fitting",
    "inspect": "synthkit.pipeline.python_api",
    "load_plan": "synthkit.pipeline.plan",
    "read": "synthkit.pipeline.python_api",
    "run": "synthkit.pipeline.run",
    "split": "synthkit.pipeline.python_api",
    "verify": "synthkit.pipeline.python_api",
}

__all__ = [
    "Column",
    "Model",
    "Plan",
    "Schema",
    "check",
    "decide",
    "demo",
    "evaluate",
    "fit",
    "inspect",
    "load_plan",
    "read",
    "run",
    "split",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'synthkit' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


class _CallableRoom(types.ModuleType):
    """The room `evaluate`, which is also a verb of the package: calling it evaluates."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return importlib.import_module(_HOMES["evaluate"]).evaluate(*arguments, **options)


class _Package(types.ModuleType):
    """The package itself.

    The import system binds each imported room as an attribute of its package, also over the verb
    of the same name; so that `synthkit.evaluate(...)` works before and after, the room is callable.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "evaluate" and isinstance(value, types.ModuleType):
            value.__class__ = _CallableRoom
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
