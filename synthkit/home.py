"""Where this installation keeps its own files: keys, ledger, rescued models."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path:
    """Returns the user's data folder: `SYNTHKIT_HOME`, else the XDG data folder's `synthkit`."""
    if home := os.environ.get("SYNTHKIT_HOME"):
        return Path(home).expanduser()
    shared = os.environ.get("XDG_DATA_HOME")
    # The XDG base directory specification: a relative path there is to be ignored.
    if shared and Path(shared).is_absolute():
        return Path(shared) / "synthkit"
    return Path.home() / ".local" / "share" / "synthkit"
