"""Versions of what decided the numbers: the package, Python and the libraries that matter."""

from __future__ import annotations

import importlib.metadata
import platform

LIBRARIES = ("torch", "opacus", "dp-accounting", "opendp", "polars", "sdmetrics")


def versions() -> dict[str, str]:
    """Returns the version of each, by name."""
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {
        "synthkit": importlib.metadata.version("synthkit"),
        "python": platform.python_version(),
        **found,
    }
