"""Naming a source file without revealing it: HMAC-SHA256 under the installation's own key.

A plain hash of a small or guessable file can be looked up by trying candidates; under a secret
key of 32 random bytes (RFC 2104) only this installation can tell whether two files are the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from synthkit.errors import InputError, IntegrityError, PublishError
from synthkit.home import data_folder

KEY_BYTES = 32
_CHUNK_BYTES = 1024 * 1024


def fingerprint(path: str | Path, key: bytes) -> str:
    """Returns the HMAC-SHA256 (hex, 64 characters) of a file's bytes, read in chunks.

    Args:
        path: The file.
        key: Secret key, at least 16 bytes; see `fingerprint_key`.

    Raises:
        InputError: If the file cannot be read or the key is too short.
    """
    if len(key) < 16:
        raise InputError(
            "The fingerprint key is shorter than 16 bytes.",
            hint="Use the key of this installation (fingerprint_key).",
        )
    mac = hmac.new(key, digestmod=hashlib.sha256)
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                mac.update(chunk)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not usable"
        raise InputError(
            f"{path} cannot be read: {reason}.", hint="Check the path and its permissions."
        ) from None
    return mac.hexdigest()


def fingerprint_key() -> bytes:
    """Returns the installation's secret key, made on first use (32 bytes, file mode 0600).

    Two processes that start at once get the same key: the file appears whole or not at all.

    Raises:
        PublishError: If the key cannot be written.
        InputError: If the key cannot be read.
        IntegrityError: If the key file has the wrong length.
    """
    path = data_folder() / "fingerprint.key"
    try:
        if not path.exists():
            _create(path)
    except OSError as error:
        raise PublishError(
            f"The fingerprint key cannot be written to {path.parent}: {error.strerror}.",
            hint="Point SYNTHKIT_HOME at a folder that you may write to.",
        ) from None
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
        key = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The fingerprint key {path} cannot be read: {error.strerror}.",
            hint="It must belong to you; or point SYNTHKIT_HOME at another folder.",
        ) from None
    if len(key) != KEY_BYTES:
        raise IntegrityError(
            f"The fingerprint key {path} has {len(key)} bytes instead of {KEY_BYTES}.",
            hint="Restore it from a backup, or remove it: fingerprints made before will not match.",
        )
    return key


def _create(path: Path) -> None:
    """Writes a new key beside its place and links it there, so that the first writer wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
