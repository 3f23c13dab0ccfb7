"""Every error that synthkit raises on purpose.

The tree, with the exit code of the command line:

    SynthkitError
    ├── InputError          3   a file, table, schema, plan or option is not usable as it is
    │   └── ConfigError     3   a YAML or JSON document breaks its schema (all problems at once)
    ├── PublishError        3   the output could not be written (full disk, no permission)
    ├── BudgetExceeded      4   the ledger refuses: the population's cap would be passed
    ├── IntegrityError      4   a bundle, signature, ledger or model is not what it claims to be
    └── ConvergenceError    4   no noise level satisfies the requested budget

A message is one sentence that says what is wrong and carries no cell of a real table; `hint` is
the remedy. Verdicts are not errors: a refusal by policy is a `Decision` (exit code 1 or 2).
"""

from __future__ import annotations

from collections.abc import Sequence


class SynthkitError(Exception):
    """Base of all errors; knows its exit code and its remedy.

    Args:
        message: One sentence: what is wrong. Never a cell value of a real table.
        hint: What to do about it, in one or two sentences.
        details: Further problems of the same document, one line each.
    """

    exit_code = 3

    def __init__(self, message: str, *, hint: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)


class InputError(SynthkitError):
    """A file, table, schema, plan or option cannot be used as it is."""


class ConfigError(InputError):
    """A document (schema, plan, policy) breaks its rules; `details` lists every problem."""


class PublishError(SynthkitError):
    """The output could not be written; whatever stood there before still stands."""


class BudgetExceeded(SynthkitError):  # noqa: N818 (named for the situation)
    """The ledger refuses a reservation: the population's cap would be passed."""

    exit_code = 4


class IntegrityError(SynthkitError):
    """A bundle, signature, ledger or model file is not what it claims to be."""

    exit_code = 4


class ConvergenceError(SynthkitError):
    """No noise level was found that satisfies the requested budget."""

    exit_code = 4
