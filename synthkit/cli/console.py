"""How things look in a terminal: errors, hints, stages, progress bars."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from synthkit.pipeline.progress import Progress, Silent

USAGE_HINT = "`synthkit COMMAND --help` lists the arguments and options of a command."


BROKEN_PIPE = 141


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


class Bars:
    """Draws stages and steps with rich; silent when stderr is not a terminal.

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
        )
        self._task: Any = None

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

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def note_of(event: Any) -> str:
    """What stands beside the bar: time left, epsilon so far, distance to the noisy tables.

    Short: on a terminal of 80 columns a bar, its time and this must share a line.
    """
    left, epsilon, loss = (
        getattr(event, name, None) for name in ("seconds_left", "epsilon_so_far", "loss")
    )
    parts = []
    if left is not None:
        whole = max(0, round(left))
        parts.append(f"{whole} s left" if whole < 120 else f"{round(whole / 60)} min left")
    if epsilon is not None:
        parts.append(f"epsilon {epsilon:.2f}")
    if loss is not None:
        parts.append(f"loss {loss:.2f}" if loss < 10 else f"loss {loss:.0f}")
    return ", ".join(parts)


@contextmanager
def progress() -> Iterator[Progress]:
    """Gives a progress display: bars on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield Silent()
        return
    with Bars() as bars:
        yield bars
