"""A file is there whole or not at all, and what killed runs left goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from synthkit.errors import PublishError
from synthkit.whole_file import whole_file

LIVE = """\
import sys
from pathlib import Path
from synthkit.whole_file import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("ready", flush=True)
    sys.stdin.readline()
"""


def _write(path: Path, data: bytes) -> None:
    with whole_file(path) as file:
        file.write(data)


def _aged(folder: Path) -> list[str]:
    """Makes everything two days old; returns the names."""
    for file in folder.iterdir():
        past = file.stat().st_mtime - 172_800
        os.utime(file, (past, past))
    return sorted(p.name for p in folder.iterdir())


def test_a_file_appears_at_the_end_with_its_mode_and_replaces_what_was_there(tmp_path):
    target = tmp_path / "out.json"
    target.write_bytes(b"old")
    with whole_file(target, mode=0o600) as file:
        file.write(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_what_may_not_be_replaced_stands_also_where_it_came_meanwhile(tmp_path):
    target = tmp_path / "out.json"
    reached = []

    def write_beside_another() -> None:
        with whole_file(target, replace=False) as file:
            reached.append(True)
            file.write(b"new")
            target.write_bytes(b"the other's")

    with pytest.raises(PublishError, match="exists already"):
        write_beside_another()
    with pytest.raises(PublishError, match="exists already"):
        write_beside_another()
    assert reached == [True], "the second was refused before a byte was written"
    assert target.read_bytes() == b"the other's"
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_a_pipe_or_a_device_is_never_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    for name in ("pipe", "null"):
        with pytest.raises(PublishError, match="a device or a pipe"):
            _write(tmp_path / name, b"new")
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "null").is_symlink()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_after_an_error_the_old_file_stands_and_nothing_else(tmp_path, error):
    target = tmp_path / "out.json"
    target.write_bytes(b"old")

    def stop() -> None:
        with whole_file(target) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        stop()
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]
    assert target.read_bytes() == b"old"


def test_a_full_disk_is_one_sentence(tmp_path):
    def fill() -> None:
        with whole_file(tmp_path / "out.json"):
            raise OSError(28, "No space left on device")

    with pytest.raises(PublishError, match="No space left on device"):
        fill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_where_no_file_can_be_is_said_in_one_sentence(tmp_path, folder):
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match="could not be written"):
        _write(tmp_path / folder / "out.json", b"")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_a_killed_run_left_is_removed_and_a_live_run_keeps_its_own(tmp_path):
    target = tmp_path / "rows.csv"

    def run() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", LIVE, str(target)],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    live, killed = run(), run()
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=20)
    assert len(_aged(tmp_path)) == 2
    _write(target, b"whole")
    assert len([p for p in tmp_path.iterdir() if p.suffix == ".partial"]) == 1
    live.communicate("\n", timeout=20)
    assert live.returncode == 0
    assert [p.name for p in tmp_path.iterdir()] == ["rows.csv"]
    assert target.read_bytes() == b"half"


def test_young_leftovers_and_files_of_other_names_stay(tmp_path):
    others = [
        ".rows.csv.partial", ".rows.csv.gz.1f2e3d4c.partial", "rows.csv.1f2e3d4c.partial",
        ".x.1f2e3d4c.partial", ".rows.csv.1.partial",
    ]  # fmt: skip
    for name in others:
        (tmp_path / name).write_text("")
    _aged(tmp_path)
    young = ".rows.csv.2e3d4c5b.partial"
    (tmp_path / young).write_text("")
    _write(tmp_path / "rows.csv", b"whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*others, young, "rows.csv"])
    _aged(tmp_path)
    _write(tmp_path / "rows.csv", b"whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*others, "rows.csv"])


def test_what_is_no_file_of_ours_is_neither_opened_for_long_nor_removed(tmp_path):
    names = [f".rows.csv.0000000{i}.partial" for i in range(4)]
    os.mkfifo(tmp_path / names[0])  # to open it waits for a writer
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / names[1]).symlink_to(tmp_path / "elsewhere")
    (tmp_path / names[2]).mkdir()
    (tmp_path / names[3]).write_text("")
    _aged(tmp_path)
    if os.geteuid() == 0:
        os.chown(tmp_path / names[3], 12345, -1)
    else:
        (tmp_path / names[3]).unlink()
        names.pop()
    _write(tmp_path / "rows.csv", b"whole")
    kept = sorted([*names, "elsewhere", "rows.csv"])
    assert sorted(p.name for p in tmp_path.iterdir()) == kept


def test_without_locks_files_are_written_and_leftovers_stay(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    left = tmp_path / ".rows.csv.1f2e3d4c.partial"
    left.write_text("")
    _aged(tmp_path)
    monkeypatch.setattr("synthkit.whole_file.fcntl.flock", refuse)
    _write(tmp_path / "rows.csv", b"whole")
    assert (tmp_path / "rows.csv").read_bytes() == b"whole"
    assert left.exists()
