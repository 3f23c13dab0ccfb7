"""Attacks on the synthetic table, with holdout rows as their control: one family per file.

An attack bounds the risk from below: what it does not find may still be there.
"""

from __future__ import annotations

NOT_PLUGINS = ("intervals", "nearest")
