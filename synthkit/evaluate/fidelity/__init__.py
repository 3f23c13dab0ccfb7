"""How closely the synthetic table follows the real one: one measurement family per file.

`association` and `marginals` draw figures and are no measurements.
"""

from __future__ import annotations

NOT_PLUGINS = ("association", "marginals")
