from __future__ import annotations

import logging
import subprocess
import sys

from synthkit.privacy.root_logger import root_logger_kept


def test_what_an_import_does_to_the_root_logger_is_taken_back() -> None:
    root = logging.getLogger()
    before = list(root.handlers), root.level
    with root_logger_kept():
        root.addHandler(logging.NullHandler())
        root.setLevel(1)
    assert (root.handlers, root.level) == before


def test_pricing_events_leaves_the_root_logger_alone() -> None:
    code = (
        "import logging\n"
        "from synthkit.privacy import accountant\n"
        "from synthkit.privacy.event import NoisyTables\n"
        "accountant.cross_check([NoisyTables(name='t', sigma=9.0, tables=2)], delta=1e-6)\n"
        "print(len(logging.getLogger().handlers), logging.getLogger().level)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "30"]
