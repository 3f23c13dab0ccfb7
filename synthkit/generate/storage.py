"""Model files: named arrays and a JSON header in one safetensors file, nothing executable.

The header lies in the file's metadata beside a SHA-256 over header and arrays, so that a changed
byte is found. Writing is atomic: a file is there whole or not at all.
Format: https://huggingface.co/docs/safetensors (length, JSON index, raw little-endian arrays).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from synthkit.canonical import canonical_json
from synthkit.errors import InputError, IntegrityError
from synthkit.whole_file import whole_file

FORMAT = "synthkit-model/1"


def _digest(arrays: Mapping[str, np.ndarray], header: bytes) -> str:
    """SHA-256 over the header and, in order of name, each array's name, type, shape and bytes."""
    sha = hashlib.sha256()
    parts = [header]
    for name in sorted(arrays):
        array = arrays[name]
        parts += [name.encode(), f"{array.dtype.str}{array.shape}".encode(), array.tobytes()]
    for part in parts:
        sha.update(len(part).to_bytes(8, "little"))
        sha.update(part)
    return sha.hexdigest()


def save(path: Path | str, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Writes arrays and header to `path`, replacing what was there in one step.

    Raises:
        PublishError: If the file cannot be written; what stood there before still stands.
        ValueError: If the header holds NaN or infinity.
        TypeError: If the header holds what JSON cannot say.
    """
    import safetensors.numpy  # only readers and writers of models need it

    path = Path(path)
    text = canonical_json(header)
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {"format": FORMAT, "header": text.decode(), "sha256": _digest(whole, text)}
    blob = safetensors.numpy.save(whole, metadata=metadata)
    with whole_file(path, mode=0o600) as file:
        file.write(blob)


def load(path: Path | str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads what `save` wrote.

    Returns:
        The arrays by name, and the header.

    Raises:
        InputError: If there is no such file.
        IntegrityError: If the file is not a model of synthkit, or was cut or changed.
    """
    import safetensors

    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no model file {path.name}.", hint="Check the path.")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        is_ours = metadata.get("format") == FORMAT
        header = json.loads(metadata["header"]) if is_ours else {}
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise _refusal(path) from error
    if (
        not is_ours
        or not isinstance(header, dict)
        or metadata.get("sha256") != _digest(arrays, metadata["header"].encode())
    ):
        raise _refusal(path)
    return arrays, header


def _refusal(path: Path) -> IntegrityError:
    return IntegrityError(
        f"{path.name} is not a whole model file of synthkit.",
        hint="It was cut, changed or written by another program; make or fetch it again.",
    )
