"""What the synthetic table is good for: one measurement family per file."""

from __future__ import annotations

NOT_PLUGINS = ("scores",)
