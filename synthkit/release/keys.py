"""Ed25519 key pairs as PEM files: make, load, name.

The private half is unencrypted PKCS #8, readable by its owner alone (mode 0600); the public half is
SubjectPublicKeyInfo. A key id is the first 16 hex digits of the SHA-256 of the raw public key.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthkit.errors import InputError, PublishError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_PRIVATE_SUFFIX = ".key.pem"
_PUBLIC_SUFFIX = ".pub.pem"
_LARGEST_KEY_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """Where a pair of key files lies."""

    private: Path
    public: Path
    key_id: str


def new(folder: Path, *, name: str = "synthkit") -> KeyPair:
    """Makes a key pair: `<name>.key.pem` (mode 0600) and `<name>.pub.pem`.

    Args:
        folder: Made when absent, readable by the owner alone.
        name: Stem of both files: letters, digits, `-`, `_` and dots.

    Raises:
        InputError: If a file of that name exists (keys are never overwritten) or the name is odd.
        PublishError: If the files cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
        raise InputError(
            "The name of a key may hold only letters, digits, '-', '_' and dots.",
            hint="Choose a name such as release-2025.",
        )
    folder = Path(folder)
    pair = folder / f"{name}{_PRIVATE_SUFFIX}", folder / f"{name}{_PUBLIC_SUFFIX}"
    key = Ed25519PrivateKey.generate()
    private_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public_pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in pair:
            if os.path.lexists(path):
                raise FileExistsError(path)
        _write_new(pair[0], private_pem, 0o600)
        _write_new(pair[1], public_pem, 0o644)
    except FileExistsError as error:
        raise InputError(
            f"There is already a file at {error.filename or error.args[0]}.",
            hint="Keys are never overwritten: choose another name or folder.",
        ) from None
    except OSError as error:
        raise PublishError(
            f"The keys could not be written to {folder}: {error.strerror}.",
            hint="Choose a folder that you may write to, on a disk with space.",
        ) from None
    return KeyPair(private=pair[0], public=pair[1], key_id=key_id(key.public_key()))


def public_path(private: Path) -> Path:
    """Returns the public file beside a private one.

    Raises:
        InputError: If there is none.
    """
    stem = private.name.removesuffix(_PRIVATE_SUFFIX).removesuffix(".pem")
    path = private.with_name(f"{stem}{_PUBLIC_SUFFIX}")
    if not path.is_file():
        raise InputError(
            f"There is no public key {path} beside the private one.",
            hint=f"Write it with: openssl pkey -in {private} -pubout -out {path}",
        )
    return path


def load_private(path: Path) -> Ed25519PrivateKey:
    """Loads a private key.

    Raises:
        InputError: If the file is missing, protected by a passphrase, or not an Ed25519 key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = _read(Path(path), what="private key")
    if b"PUBLIC KEY" in pem:
        raise InputError(
            f"{path} holds a public key where the private key is needed.",
            hint=f"The private file of a pair ends in {_PRIVATE_SUFFIX}.",
        )
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise InputError(
            f"The private key {path} is protected by a passphrase.",
            hint="Decrypt it first: openssl pkey -in KEY -out DECRYPTED; keep that file mode 0600.",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise _not_a_key(path) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _wrong_type(path)
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """Loads a public key.

    Raises:
        InputError: If the file is missing or not an Ed25519 public key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = _read(Path(path), what="public key")
    if b"PRIVATE KEY" in pem:
        raise InputError(
            f"{path} holds a private key where the public key is needed.",
            hint=f"The public file of a pair ends in {_PUBLIC_SUFFIX}; hand out only that one.",
        )
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise _not_a_key(path) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _wrong_type(path)
    return key


def key_id(public: Ed25519PublicKey) -> str:
    """Names a public key: the first 16 hex digits of the SHA-256 of its 32 raw bytes."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def _read(path: Path, *, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_KEY_BYTES)
    except FileNotFoundError:
        raise InputError(
            f"There is no {what} at {path}.",
            hint="Make a pair with: synthkit keys new -o FOLDER",
        ) from None
    except OSError as error:
        raise InputError(
            f"The {what} {path} cannot be read: {error.strerror}.",
            hint="Give the path of a PEM file that you may read.",
        ) from None


def _not_a_key(path: Path) -> InputError:
    return InputError(
        f"{path} is not a PEM key.",
        hint="Give a file made by: synthkit keys new -o FOLDER",
    )


def _wrong_type(path: Path) -> InputError:
    return InputError(
        f"{path} is a key of another kind; bundles are signed with Ed25519.",
        hint="Make a pair with: synthkit keys new -o FOLDER",
    )


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Writes a file that must not exist, whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike rename, fails where the name is taken
    finally:
        draft.unlink(missing_ok=True)
