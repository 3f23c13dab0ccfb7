"""Evidence and verdicts from files, and small files written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from synthkit.artifacts import Audit, Decision, Evidence
from synthkit.canonical import read_json
from synthkit.errors import InputError
from synthkit.pipeline.tables import require_output
from synthkit.whole_file import whole_file

EVIDENCE_HINT = "Give an evidence.json: `synthkit evaluate -o` writes one, and bundles hold one."
VERDICT_HINT = "Give a verdict.json: `synthkit gate -o` writes one, and bundles hold one."
AUDIT_HINT = "Give an audit.json: `synthkit audit PLAN -o DIR` writes one."
T = TypeVar("T")


def read_evidence(path: Path) -> Evidence:
    """Reads evidence.json.

    Raises:
        InputError: If the file is missing or is not evidence.
    """
    return _read(path, Evidence, "evidence", EVIDENCE_HINT)


def read_verdict(path: Path) -> Decision:
    """Reads verdict.json.

    Raises:
        InputError: If the file is missing or is not a verdict.
    """
    return _read(path, Decision, "a verdict", VERDICT_HINT)


def read_audit(path: Path) -> Audit:
    """Reads audit.json.

    Raises:
        InputError: If the file is missing or is not an audit.
    """
    return _read(path, Audit, "an audit", AUDIT_HINT)


def require_document(
    path: Path, read: Callable[[Path], object], *, inputs: Sequence[Path] = ()
) -> None:
    """Refuses an output document that would cost something, before anything is read or measured.

    Args:
        path: The file to be written.
        read: `read_evidence` or `read_verdict`: an earlier document of that sort is replaced.
        inputs: The files that the same job reads; none of them is ever replaced.

    Raises:
        InputError: If it cannot be written, is one of the inputs, or is a file of another sort.
    """
    require_output(path, replace=True, inputs=inputs)
    if not path.exists():
        return
    try:
        read(path)
    except InputError as problem:
        raise InputError(
            str(problem).removesuffix(".") + ", and is not replaced.",
            hint="Choose another name, or delete the file if nobody needs it.",
        ) from None


def _read(path: Path, kind: type[T], what: str, hint: str) -> T:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror}.", hint=hint) from None
    try:
        return read_json(kind, data)
    except ValueError:
        # pydantic's message would quote the file's content.
        raise InputError(f"{path} is not {what}.", hint=hint) from None


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file through a temporary one beside it.

    Raises:
        PublishError: If it cannot be written; what stood there before still stands.
    """
    # Evidence, verdicts and reports are functions of real rows: readable by their owner alone.
    with whole_file(path, mode=0o600) as file:
        file.write(data)
