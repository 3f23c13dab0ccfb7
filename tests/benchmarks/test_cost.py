from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cost import measured

SMALL = [sys.executable, "-c", "x = bytearray(50_000_000)"]


def test_the_pages_of_a_large_parent_are_not_the_command_s(tmp_path: Path) -> None:
    pages = np.ones(60_000_000)  # 480 MB that this process holds
    found = measured(SMALL, folder=tmp_path, environment=os.environ)
    # Planted fault: the command as this process' own child, as the kernel counts it.
    child = subprocess.Popen(SMALL)
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    assert pages.sum() == 60_000_000
    assert 50 <= found.peak_mb <= 200
    assert usage.ru_maxrss / 1024 > 400


def test_exit_code_and_cpu_seconds_are_the_command_s(tmp_path: Path) -> None:
    code = "import sys, time\nwhile time.process_time() < 0.5: pass\nsys.exit(7)"
    found = measured([sys.executable, "-c", code], folder=tmp_path, environment=os.environ)
    assert found.code == 7
    assert 0.5 <= found.cpu_s <= 2


def test_a_command_that_is_not_there_is_an_error_and_no_cost(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError), open(os.devnull, "wb") as said:
        measured(["/not/there"], folder=tmp_path, environment=os.environ, said=said)
