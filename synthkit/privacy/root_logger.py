"""Keeps the root logger as the user set it while a library is imported that would configure it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def root_logger_kept() -> Iterator[None]:
    """Takes back handlers and level that an import adds to the root logger.

    Opacus 1.6 calls `logging.basicConfig` when it is imported; every other library's messages
    would then appear on the user's terminal.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
