"""How the program behaves as a program: help, start, interrupts, pipes, streams."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

COMMANDS = [
    [], ["demo"], ["inspect"], ["check"], ["run"], ["fit"], ["sample"], ["complete"], ["segments"],
    ["evaluate"], ["gate"],
    ["report"], ["audit"], ["verify"], ["keys"], ["keys", "new"], ["budget"], ["budget", "show"],
    ["budget", "history"], ["budget", "cap"], ["list"], ["list", "generators"],
    ["list", "options"],
    ["list", "metrics"], ["list", "attacks"], ["list", "rules"],
]  # fmt: skip
SCRIPT = "import sys; from synthkit.cli import main; main()"


@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
def test_every_command_has_help(command, name):
    outcome = command(*name, "--help")
    assert outcome.code == 0
    assert "Usage: synthkit" in outcome.out
    assert outcome.err == ""


def test_the_help_of_every_command_was_asked_for():
    import typer.main

    from synthkit.cli.app import app

    found = []

    def walk(group, path):
        found.append(path)
        for name, child in getattr(group, "commands", {}).items():
            walk(child, [*path, name])

    walk(typer.main.get_command(app), [])
    assert sorted(found) == sorted(COMMANDS)


def test_help_starts_within_half_a_second_of_cpu_time():
    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    seconds = []
    for _ in range(2):
        before = used()
        done = subprocess.run([sys.executable, "-c", SCRIPT, "--help"], capture_output=True)
        seconds.append(used() - before)
        assert (done.returncode, done.stderr) == (0, b"")
    assert min(seconds) < 0.5


@pytest.mark.parametrize("name", [[], ["budget"], ["list"], ["keys"]], ids=" ".join)
def test_a_group_without_a_command_shows_its_help_and_exits_with_3(command, name):
    outcome = command(*name)
    assert outcome.code == 3
    assert outcome.out == ""
    assert outcome.err.startswith("Usage: synthkit")


def test_the_version_is_one_line_on_stdout(command):
    from synthkit import __version__

    outcome = command("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"synthkit {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [["sampel"], ["budget", "shwo"], ["sample"], ["sample", "m", "--rowz", "3"],
     ["sample", "m", "-n", "many", "-o", "x.csv"], ["list", "rules", "more"]],
    ids=" ".join,
)  # fmt: skip
def test_usage_errors_go_to_stderr_with_one_hint_and_exit_with_3(command, arguments):
    outcome = command(*arguments)
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.count("error:") == outcome.err.count("hint:") == 1
    assert "--help" in outcome.err


def test_an_interrupt_is_one_sentence_and_exit_code_130(command, monkeypatch, tmp_path):
    from synthkit.release import keys

    def interrupted(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(keys, "new", interrupted)
    outcome = command("keys", "new", "-o", tmp_path)
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err.splitlines() == [
        "error: Stopped by the user.",
        "hint: No file is half-written; budget that was charged before stays charged.",
    ]


WAITING = """\
import sys, time
import synthkit.release.keys
from synthkit.cli import main
def wait(*a, **k):
    print("ready", flush=True)
    time.sleep(60)
synthkit.release.keys.new = wait
main(["keys", "new", "-o", "keys"])
"""


def test_a_real_interrupt_of_a_running_program_ends_it_the_same_way(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Stopped by the user." in err
    assert "Traceback" not in err


ENDLESS = """\
import itertools, sys
from pathlib import Path
import polars as pl
import synthkit.release.keys
from synthkit.cli import main
from synthkit.pipeline.tables import write_table
def frames():
    for i in itertools.count():
        if i == 3:
            print("ready", flush=True)
        yield pl.DataFrame({"x": list(range(1000))})
synthkit.release.keys.new = lambda *a, **k: write_table(frames(), Path("rows.parquet"))
main(["keys", "new", "-o", "keys"])
"""


def test_a_program_that_is_asked_to_end_leaves_nothing_half_written(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert [p.suffix for p in tmp_path.iterdir()] == [".partial"]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (143, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at the end", "while printing"])
def test_a_reader_that_goes_away_is_no_error_and_no_verdict(unbuffered):
    """As in `synthkit list rules | head -0`: quiet, and none of the five codes of a result."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "list", "rules"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    os.close(write_end)
    assert done.stderr == b""
    assert done.returncode == 141


def test_without_a_terminal_nothing_is_coloured_and_no_bar_is_drawn(command, tables, tmp_path):
    outcome = command(
        "fit", tables / "train.csv", "-s", tables / "schema.yaml", "-o", tmp_path / "m",
        "--generator", "independent", "--epsilon", 1,
    )  # fmt: skip
    assert outcome.code == 0
    assert outcome.err == ""
    assert "\033" not in outcome.out


def test_an_error_has_colour_on_a_terminal_only_and_not_against_the_user_s_wish(
    monkeypatch, capsys
):
    from synthkit.cli.console import print_error

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    print_error("A sentence.", "A remedy.", ["a detail"])
    assert "\033[31merror:" in capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    print_error("A sentence.", "A remedy.", ["a detail"])
    assert capsys.readouterr().err == "error: A sentence.\n  - a detail\nhint: A remedy.\n"


def test_a_fault_of_our_own_names_its_kind_only_unless_asked(command, monkeypatch, tmp_path):
    from synthkit.release import keys

    def broken(*_args: object, **_kwargs: object) -> None:
        raise ValueError("cell 98123")

    monkeypatch.setattr(keys, "new", broken)
    outcome = command("keys", "new", "-o", tmp_path)
    assert outcome.code == 3
    assert "ValueError" in outcome.err
    assert "98123" not in outcome.err
    monkeypatch.setenv("SYNTHKIT_DEBUG", "1")
    assert "98123" in command("keys", "new", "-o", tmp_path).err


def test_a_machine_without_memory_is_told_so(command, monkeypatch, tmp_path):
    from synthkit.release import keys

    def full(*_args: object, **_kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr(keys, "new", full)
    outcome = command("keys", "new", "-o", tmp_path)
    assert (outcome.code, "out of memory" in outcome.err) == (3, True)


def test_the_bars_take_stages_and_steps_and_leave_nothing_behind(monkeypatch):
    from types import SimpleNamespace

    from synthkit.cli import console

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with console.progress() as bars:
        assert isinstance(bars, console.Bars)
        bars.step(SimpleNamespace(step=1, steps=2, seconds_left=None))
        bars.stage("train")
        bars.step(SimpleNamespace(step=1, steps=2, seconds_left=7.4))
        task = bars._progress.tasks[0]
        assert (task.completed, task.total, task.fields["note"]) == (1, 2, "7 s left")
        bars.stage("sample")
        tasks = [(t.description, t.finished) for t in bars._progress.tasks]
        assert tasks == [("train", True), ("sample", False)]


def test_a_bar_tells_time_left_epsilon_and_loss_within_a_terminal_of_80_columns(monkeypatch):

    from synthkit.cli.console import note_of
    from synthkit.generate import ProgressEvent

    event = ProgressEvent(
        step=650, steps=1300, seconds_left=14.4, loss=0.9312, private_steps=9, epsilon_so_far=0.9561
    )
    assert note_of(event) == "14 s left, epsilon 0.96, loss 0.93"
    assert note_of(ProgressEvent(step=1, steps=2, seconds_left=600.0)) == "10 min left"
    assert note_of(object()) == ""

    finished, current = shown(["measure and encode", "train"], event).splitlines()
    assert finished.startswith("\u2713 measure and encode")
    assert "train" in current
    assert current.rstrip().endswith("14 s left, epsilon 0.96, loss 0.93")


def shown(stages: Sequence[str], event: object) -> str:
    """What bars show at 80 columns after some stages, the last of which tells an event."""
    import io

    from rich.console import Console

    from synthkit.cli.console import Bars

    bars = Bars()
    screen = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    bars._progress.live.console = screen
    for stage in stages:
        bars.stage(stage)
    bars.step(event)
    screen.print(bars._progress.get_renderable())
    return screen.file.getvalue().rstrip()


def test_rows_and_time_left_fit_beside_a_bar_in_80_columns():

    from synthkit.cli.console import note_of
    from synthkit.pipeline.progress import RowsDone

    event = RowsDone(step=1_200_000, steps=3_000_000, seconds_left=12.3)
    note = "1,200,000/3,000,000 rows, 12 s left"
    many = RowsDone(step=12_000_000, steps=30_000_000, seconds_left=None)
    assert note_of(event) == note
    assert note_of(many) == "12.0/30.0 M rows"
    assert shown(["read the model", "sample"], event).endswith(note)


def test_a_bar_appears_only_once_a_job_has_taken_long(monkeypatch, capsys):
    import time

    from synthkit.cli import console

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with console.progress() as bars:
        bars.stage("train")
        assert not bars._progress.live.is_started
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(console, "SHOWN_AFTER_S", 0.01)
    with console.progress() as bars:
        bars.stage("train")
        until = time.monotonic() + 60
        while not bars._progress.live.is_started and time.monotonic() < until:
            time.sleep(0.01)
        assert bars._progress.live.is_started
        bars._progress.refresh()
    assert "train" in capsys.readouterr().err


def test_rows_are_told_with_the_time_that_the_others_take_at_this_pace():
    from synthkit.pipeline.progress import RowCounter, RowsDone, Silent, counted
    from tests.pipeline.jobs import visits

    told: list[RowsDone] = []

    class Telling(Silent):
        def step(self, event):
            told.append(event)

    now = 0.0
    counter = RowCounter(400, Telling(), clock=lambda: now)
    counter.tell(0)
    now = 10.0
    counter.tell(60, before=40)
    now = 12.0
    counter.tell(20)
    assert [(e.step, e.steps, e.seconds_left) for e in told] == [
        (0, 400, None), (100, 400, 30.0), (100, 400, 36.0),
    ]  # fmt: skip
    told.clear()
    seen = []
    for chunk in counted([visits(20), visits(30)], 50, Telling()):
        seen.append((chunk.height, [e.step for e in told]))
    assert seen == [(20, []), (30, [20])], "a chunk counts once it has been taken"
    assert [e.step for e in told] == [20, 50]


def test_a_log_gets_a_line_now_and_then_and_a_short_job_none(capsys):
    from types import SimpleNamespace

    from synthkit.cli.console import Lines

    now = 0.0
    lines = Lines(clock=lambda: now)

    def told(at: float, do) -> str:
        nonlocal now
        now = at
        do()
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err

    event = SimpleNamespace(step=3, steps=4, seconds_left=7.4, epsilon_so_far=1.0, loss=0.5)
    assert told(14.9, lambda: lines.stage("train")) == ""
    assert told(15.0, lambda: lines.step(event)) == (
        "train 75% (7 s left, epsilon 1.00, loss 0.50), after 15 s\n"
    )
    assert told(44.0, lambda: lines.step(event)) == ""
    assert told(46.0, lambda: lines.stage("sample")) == "sample, after 46 s\n"
    assert told(400.0, lambda: lines.step(SimpleNamespace())) == "sample, after 7 min\n"


@pytest.mark.parametrize("error", [BrokenPipeError, OSError, ValueError])
def test_a_log_that_cannot_be_written_ends_no_job(monkeypatch, error):
    from synthkit.cli.console import Lines

    class Gone:
        def write(self, text: str) -> None:
            raise error

        def flush(self) -> None:
            raise error

    now = iter(range(0, 1000, 100))
    lines = Lines(clock=lambda: next(now))
    monkeypatch.setattr(sys, "stderr", Gone())
    lines.stage("train")
    lines.step(object())


def test_without_a_terminal_lines_are_written_and_on_one_bars(monkeypatch):
    from synthkit.cli import console

    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    with console.progress() as shown:
        assert isinstance(shown, console.Lines)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with console.progress() as shown:
        assert isinstance(shown, console.Bars)


def test_the_module_is_the_program():
    done = subprocess.run(
        [sys.executable, "-m", "synthkit", "list", "nothing"], capture_output=True, text=True
    )
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")
