"""What a command costs: CPU seconds and peak memory of its process, as the system counts them.

A process that is started from a large one has the large one's pages in its own peak (the kernel
keeps the larger of before and after `exec`). So a small process in between starts the command: this
file, run as a script. It waits for the command and writes what the kernel says of it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GRACE_S = 30
"""From the signal of the limit (SIGXCPU), which a library may swallow, to the kernel's kill."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """How a command ended, and what it took."""

    code: int
    """Exit code; a negative one names the signal."""
    cpu_s: float
    """User and system, all threads, and all processes that it waited for."""
    peak_mb: float
    """Resident memory, in units of 2^20 bytes."""


def measured(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    said: IO[bytes] | None = None,
    limit_cpu_s: int | None = None,
    limit_gb: float | None = None,
) -> Cost:
    """Runs a command to its end.

    Args:
        command: Program and arguments.
        folder: Where it runs.
        environment: Its environment, in place of this process'.
        said: Where what it prints goes; None: where this process prints.
        limit_cpu_s: CPU seconds after which the kernel ends it.
        limit_gb: Address space, in units of 10^9 bytes.
    """
    limits = [limit_cpu_s, None if limit_gb is None else int(limit_gb * 1e9)]
    with tempfile.TemporaryDirectory() as name:
        out = Path(name, "cost.json")
        subprocess.run(
            [sys.executable, "-I", "-S", __file__, str(out), json.dumps(limits), *command],
            cwd=folder, env=dict(environment), stdout=said, stderr=said, check=True,
        )  # fmt: skip
        return Cost(**json.loads(out.read_text()))


def main() -> None:
    """Runs one command and writes its cost; see `measured`."""
    out, (cpu_s, size), command = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]

    def limit() -> None:
        if cpu_s is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + GRACE_S))
        if size is not None:
            resource.setrlimit(resource.RLIMIT_AS, (size, size))

    process = subprocess.Popen(command, preexec_fn=limit)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cost = {
        "code": process.returncode,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    Path(out).write_text(json.dumps(cost))


if __name__ == "__main__":
    main()
