"""Measures a synthetic table against real rows: fidelity, utility and privacy attacks.

Takes three conformed frames (train, holdout, synthetic) and their schema; gives an `Evaluated`
of named `Measurement`s with intervals, sample sizes and a reference, and two figures. One
measurement family per file under `fidelity/`, `utility/` and `attacks/`; third parties add theirs
by entry points in the groups `synthkit.evaluate.fidelity` and so on.

Importing this package loads no table library.
"""

from __future__ import annotations

from synthkit.evaluate.context import Context, NotMeasurable, build_context
from synthkit.evaluate.runner import FAMILIES, Evaluated, Step, evaluate

NOT_PLUGINS = ("context", "bins", "runner")

__all__ = [
    "Context",
    "Evaluated",
    "FAMILIES",
    "NotMeasurable",
    "Step",
    "build_context",
    "evaluate",
]
