"""The command line: parse, call the pipeline, print, exit code.

Exit codes: 0 pass, 1 refused by policy, 2 inconclusive, 3 bad input or usage, 4 integrity or
budget. Data and JSON go to stdout; progress, logs and errors to stderr.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    sys.exit(run_command(arguments))


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
        code = command.main(argv, prog_name="synthkit", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except SynthkitError as error:
        console.print_error(error.message, error.hint, error.details)
        return error.exit_code
    except (KeyboardInterrupt, EOFError):
        console.print_error(
            "Stopped by the user.", "Budget that was already charged stays charged.", ()
        )
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`synthkit ... | head`): not a fault of the job.
        sys.stderr.close()
        return 0
    except Exception as error:
        return console.print_unexpected(error)
