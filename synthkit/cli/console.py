"""How things look in a terminal or a log: errors, hints, stages, progress."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from synthkit.pipeline.progress import Progress

USAGE_HINT = "`synthkit COMMAND --help` lists the arguments and options of a command."


BROKEN_PIPE = 141
SHOWN_AFTER_S = 2.0
"""A job that is over by then draws no bar."""
FIRST_LINE_S, BETWEEN_LINES_S = 15.0, 30.0
"""Where stderr is no terminal: a short job says nothing, a long one that it is alive."""


def print_error(message: str, hint: str, details: Sequence[str]) -> None:
    """Writes one error to stderr: what is wrong, the details, the remedy."""
    is_terminal = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    red, cyan, plain = ("\033[31m", "\033[36m", "\033[0m") if is_terminal else ("", "", "")
    lines = [f"{red}error:{plain} {message}"]
    lines += [f"  - {detail}" for detail in details]
    if hint:
        lines.append(f"{cyan}hint:{plain} {hint}")
    print("\n".join(lines), file=sys.stderr)


def silence_stdout() -> int:
    """Ends quietly after the reader went away (`synthkit ... | head`); returns the exit code.

    The code is the shell's for a broken pipe: not 0, which would say "pass" of a verdict that
    nobody may have read.
    """
    # What is still buffered would fail again, with a trace, when the interpreter closes stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def print_unexpected(error: Exception) -> int:
    """Handles what no room raised on purpose; returns the exit code.

    Usage errors of the argument parser are shown as such. Anything else is a fault of synthkit:
    the exception's own text could quote a cell of a real table, so only its type is shown, unless
    `SYNTHKIT_DEBUG` asks for the traceback.
    """
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error, file=sys.stderr)
        return 3
    if hasattr(error, "format_message"):
        print_error(str(error.format_message()).rstrip("."), USAGE_HINT, ())
        return 3
    if os.environ.get("SYNTHKIT_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, MemoryError):
        print_error(
            "The machine ran out of memory.", "Try fewer rows, or a machine with more memory.", ()
        )
        return 3
    print_error(
        f"synthkit stopped at a fault of its own ({type(error).__name__}).",
        "Set SYNTHKIT_DEBUG=1 to see where (the trace may quote cells of your table: share it "
        "with care) and report it.",
        (),
    )
    return 3


class Lines:
    """Writes a line to stderr now and then: for the log of a pipeline, where bars would be noise.

    Args:
        clock: Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._name = ""
        self._started = clock()
        self._due = self._started + FIRST_LINE_S

    def stage(self, name: str) -> None:
        """Notes the stage; says so if a line is due."""
        self._name = name
        self._tell("")

    def step(self, event: Any) -> None:
        """Says how far the stage has come, if a line is due."""
        done, total = getattr(event, "step", None), getattr(event, "steps", None)
        share = f" {done / total:.0%}" if done is not None and total else ""
        note = note_of(event)
        self._tell(f"{share} ({note})" if note else share)

    def _tell(self, text: str) -> None:
        now = self._clock()
        if now >= self._due:
            self._due = now + BETWEEN_LINES_S
            spent = duration(now - self._started)
            # A log that is full, or that nobody reads any more, must not end what was paid for.
            with contextlib.suppress(OSError, ValueError):
                print(f"{self._name}{text}, after {spent}", file=sys.stderr, flush=True)


class Bars:
    """Draws stages and steps with rich, once the job has taken two seconds.

    A stage that is over stays on the screen with its time until the whole job is.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            SpinnerColumn(finished_text="[green]\u2713[/green]"),
            TextColumn("{task.description:<18}"),
            BarColumn(bar_width=14),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}[/dim]"),
            console=Console(stderr=True),
            transient=True,
            refresh_per_second=4,  # each drawing takes some 10 ms from the job
        )
        self._task: Any = None
        # By a clock of its own: a stage may take long before its first step.
        self._timer = threading.Timer(SHOWN_AFTER_S, self._show)
        self._timer.daemon = True

    def stage(self, name: str) -> None:
        """Finishes the bar of the last stage and starts one for the next."""
        if self._task is not None:
            self._progress.update(self._task, total=1, completed=1, note="")
        self._task = self._progress.add_task(name, total=None, note="")

    def step(self, event: Any) -> None:
        """Moves the bar of the current stage."""
        if self._task is None:
            return
        self._progress.update(
            self._task,
            completed=getattr(event, "step", None),
            total=getattr(event, "steps", None),
            note=note_of(event),
        )

    def _show(self) -> None:
        # A terminal that is gone must not end what was paid for.
        with contextlib.suppress(OSError, ValueError):
            self._progress.start()

    def __enter__(self) -> Bars:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._progress.live.is_started:
            self._progress.stop()


def note_of(event: Any) -> str:
    """What stands beside the bar: rows, time left, epsilon so far, distance to the noisy tables.

    Short: on a terminal of 80 columns a bar, its time and this must share a line.
    """
    left, epsilon, loss = (
        getattr(event, name, None) for name in ("seconds_left", "epsilon_so_far", "loss")
    )
    parts = []
    if getattr(event, "unit", None) == "rows":
        parts.append(_rows(event.step, event.steps))
    if left is not None:
        parts.append(f"{duration(left)} left")
    if epsilon is not None:
        parts.append(f"epsilon {epsilon:.2f}")
    if loss is not None:
        parts.append(f"loss {loss:.2f}" if loss < 10 else f"loss {loss:.0f}")
    return ", ".join(parts)


def _rows(done: int, total: int) -> str:
    """Returns `1,200,000/3,000,000 rows`; from ten million on in millions."""
    if total < 10_000_000:
        return f"{done:,}/{total:,} rows"
    return f"{done / 1e6:,.1f}/{total / 1e6:,.1f} M rows"


def duration(seconds: float) -> str:
    """Returns seconds, or minutes where there are many."""
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 120 else f"{round(whole / 60)} min"


@contextmanager
def progress() -> Iterator[Progress]:
    """Gives a progress display: bars on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    with Bars() as bars:
        yield bars
