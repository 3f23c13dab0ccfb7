"""The command line: parse, call the pipeline, print, exit code.

Exit codes: 0 pass, 1 refused by policy, 2 inconclusive, 3 bad input or usage, 4 integrity or
budget; 130 after an interrupt, 141 if the reader of the output went away, 143 if asked to end. Data
and JSON go to stdout; progress, logs and errors to stderr.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

INTERRUPTED, TERMINATED = 130, 143


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    signal.signal(signal.SIGTERM, _end)
    try:
        code = run_command(arguments)
    except KeyboardInterrupt:  # while libraries were still being loaded
        code = INTERRUPTED
    sys.exit(code)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Ends as an interrupt does, so that nothing half-written is left behind."""
    raise SystemExit(TERMINATED)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; errors become one sentence and a hint."""
    import typer.main

    from synthkit.cli import console
    from synthkit.cli.app import app
    from synthkit.errors import SynthkitError

    # Before a library does it for us: at its own level and format (Opacus: INFO, on the root).
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    argv = list(sys.argv[1:] if arguments is None else arguments)
    command = typer.main.get_command(app)
    try:
        # Not `command.main`: it would swallow an interrupt and end a broken pipe with code 1,
        # which here means "refused by policy".
        with command.make_context("synthkit", argv) as context:
            command.invoke(context)
        sys.stdout.flush()
        return 0
    except typer.Exit as exit_:
        return _flushed(exit_.exit_code)
    except SynthkitError as error:
        console.print_error(error.message, error.hint, error.details)
        return error.exit_code
    except (KeyboardInterrupt, EOFError):
        console.print_error(
            "Stopped by the user.",
            "No file is half-written; budget that was charged before stays charged.",
            (),
        )
        return INTERRUPTED
    except BrokenPipeError:
        return console.silence_stdout()
    except Exception as error:
        return console.print_unexpected(error)


def _flushed(code: int) -> int:
    """Returns the code once everything printed has left; else that of a broken pipe."""
    from synthkit.cli import console

    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return console.silence_stdout()
    return code
