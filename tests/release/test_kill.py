"""SIGKILL before every single system call of a publication: a whole bundle, or none."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from synthkit.release import keys

# One process makes the pair of bundles; a child per step is killed just before its n-th call that
# touches the disk. The parent then checks what stands there, publishes again, and checks that.
SCRIPT = """
import errno, json, os, shutil, signal, sys
from pathlib import Path
from synthkit.release import keys, publish, staging, verify

root, pair, mode = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
private = keys.load_private(pair / "synthkit.key.pem")
public = keys.load_public(pair / "synthkit.pub.pem")
target = root / "bundle"
FUNCTIONS = ("open", "write", "fsync", "close", "mkdir", "rename", "unlink", "rmdir")


def cannot_swap(one, other):
    raise OSError(errno.EINVAL, "no swap here")


if mode == "aside":
    staging._exchange = cannot_swap


def write(version, replace):
    publish(
        target, {"data.csv": b"x" * 10 + version, "sub/a.txt": version},
        audiences={"data.csv": "release", "sub/a.txt": "internal"},
        facts={"version": version.decode()}, private_key=private, replace=replace,
    )


def kill_before(step):
    count = 0
    def wrap(function):
        def counted(*arguments, **keywords):
            nonlocal count
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **keywords)
        return counted
    for name in FUNCTIONS:
        setattr(os, name, wrap(getattr(os, name)))
    staging._exchange = wrap(staging._exchange)


def state():
    if not os.path.lexists(target):
        return "none"
    found = verify(target, public)
    return found.facts["version"] if found.ok else "broken: " + "; ".join(found.problems)


seen = []
for step in range(1, 400):
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    if mode != "new":
        write(b"1", False)
    child = os.fork()
    if child == 0:
        kill_before(step)
        write(b"2", mode != "new")
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    after = state()
    aside = len(list(root.glob(".bundle.previous-*")))
    if after == "none" and aside:
        whole = verify(next(root.glob(".bundle.previous-*")), public)
        after = "aside " + (whole.facts["version"] if whole.ok else "broken")
        staging.clean(target)
        assert state() == "1"
    if os.path.lexists(target) or mode == "new":
        if after == "none":
            write(b"3", False)
        else:
            write(b"3", True)
    clean = state() == "3" and [p.name for p in root.iterdir()] == ["bundle"]
    seen.append([code, after, clean])
    if code == 0:
        break
print(json.dumps(seen))
"""


@pytest.mark.parametrize("mode", ["new", "swap", "aside"])
def test_a_run_killed_at_any_step_leaves_a_whole_bundle_or_none(tmp_path: Path, mode: str) -> None:
    keys.new(tmp_path / "keys")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), tmp_path / "out", tmp_path / "keys", mode],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    codes, states, cleans = zip(*seen, strict=True)
    assert set(codes[:-1]) == {-9}
    assert codes[-1] == 0
    assert len(seen) > 20
    allowed = {"new": {"none", "2"}, "swap": {"1", "2"}, "aside": {"1", "2", "aside 1"}}[mode]
    assert set(states) == allowed  # and both sides of the change were reached
    assert all(cleans)  # the next run removed every leftover
