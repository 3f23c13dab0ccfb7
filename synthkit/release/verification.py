"""Checks a bundle with nothing but the public key: is every byte what was signed?

Order of trust: the envelope's signature first; only then is the statement inside it read; only
digests from the statement are held against manifest and files. Before the signature holds, nothing
that the bundle says about itself is believed, shown or followed. Reads no file outside the bundle:
names with `..`, absolute names, symbolic links and special files are problems, never paths.
Uses the standard library and `cryptography` alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.errors import InputError
from synthkit.release import attestation, keys
from synthkit.release.attestation import ATTESTATION, MANIFEST

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_LARGEST_DOCUMENT_BYTES = 16 * 2**20
_CHUNK_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What `verify` found."""

    ok: bool
    """True only if the signature holds and every file is exactly what was signed."""
    problems: tuple[str, ...]
    """One sentence per problem, each beginning with the file's name."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The signed facts; empty unless the signature holds."""
    key_id: str = ""
    """Id of the public key that was used."""


def verify(bundle: Path, public_key: Ed25519PublicKey) -> Verification:
    """Checks signature, manifest and every file of a bundle.

    Args:
        bundle: The bundle's folder.
        public_key: The publisher's key, from a source other than the bundle.

    Raises:
        InputError: If there is no folder at `bundle` or the key is not an Ed25519 public key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not isinstance(public_key, Ed25519PublicKey):
        raise InputError(
            "The key is not an Ed25519 public key.",
            hint="Load it with synthkit.release.keys.load_public.",
        )
    root = Path(bundle)
    if not root.is_dir():
        raise InputError(
            f"There is no bundle at {root}.", hint="Give the folder that `synthkit run` wrote."
        )
    used = keys.key_id(public_key)
    try:
        statement = _signed_statement(root, public_key, used)
        digests = _subjects(statement)
    except _Broken as broken:
        return Verification(ok=False, problems=(str(broken),), key_id=used)
    predicate = statement["predicate"]
    problems = [
        *_manifest_problems(root, predicate, digests),
        *_file_problems(root, digests),
        *_extra_problems(root, digests),
    ]
    ordered = tuple(dict.fromkeys(problems))
    return Verification(
        ok=not ordered, problems=ordered, facts=dict(predicate["facts"]), key_id=used
    )


class _Broken(Exception):  # noqa: N818 (a finding, turned into a problem sentence)
    """The attestation cannot be trusted."""


def _signed_statement(root: Path, public_key: Ed25519PublicKey, used: str) -> dict[str, Any]:
    """Returns the statement once its signature holds."""
    from cryptography.exceptions import InvalidSignature

    try:
        raw = _read_regular(root, ATTESTATION)
    except OSError as error:
        raise _Broken(f"{ATTESTATION}: {_reason(error)}") from None
    try:
        outer = json.loads(raw)
        payload = base64.b64decode(outer["payload"], validate=True)
        only = outer["signatures"][0]
        signature, named = base64.b64decode(only["sig"], validate=True), only["keyid"]
        again = attestation.canonical(attestation.envelope(payload, signature, named))
    except (ValueError, KeyError, IndexError, TypeError, RecursionError, binascii.Error):
        raise _Broken(f"{ATTESTATION}: altered, it is not a DSSE envelope.") from None
    try:
        public_key.verify(signature, attestation.pae(attestation.PAYLOAD_TYPE, payload))
    except InvalidSignature:
        if named != used:
            raise _Broken(
                f"{ATTESTATION}: wrong key or altered, not signed by the given key {used}."
            ) from None
        raise _Broken(f"{ATTESTATION}: altered, its signature does not hold.") from None
    if again != raw or named != used:
        raise _Broken(f"{ATTESTATION}: altered outside the signed part.")
    try:
        statement = json.loads(payload)
        is_canonical = attestation.canonical(statement) == payload
    except (ValueError, TypeError, RecursionError):
        is_canonical = False
    if not is_canonical:
        raise _Broken(f"{ATTESTATION}: signed, but its statement is not canonical JSON.")
    return _checked_statement(statement)


def _checked_statement(statement: Any) -> dict[str, Any]:
    is_right = (
        isinstance(statement, dict)
        and statement.get("_type") == attestation.STATEMENT_TYPE
        and statement.get("predicateType") == attestation.PREDICATE_TYPE
        and isinstance(statement.get("predicate"), dict)
        and isinstance(statement["predicate"].get("facts"), dict)
    )
    if not is_right:
        raise _Broken(f"{ATTESTATION}: signed, but it is not a release verdict of synthkit.")
    return statement  # type: ignore[no-any-return]


def _subjects(statement: Mapping[str, Any]) -> dict[str, str]:
    """Returns the signed digests by file name; refuses names that leave the bundle."""
    digests: dict[str, str] = {}
    subjects = statement.get("subject")
    for subject in subjects if isinstance(subjects, list) else ():
        try:
            name, digest = subject["name"], subject["digest"]["sha256"]
        except (TypeError, KeyError):
            raise _Broken(f"{ATTESTATION}: signed, but a subject has no name or digest.") from None
        if not attestation.is_safe_name(name) or name == ATTESTATION or name in digests:
            raise _Broken(f"{ATTESTATION}: signed, but it names a file outside the bundle.")
        digests[name] = str(digest)
    if MANIFEST not in digests:
        raise _Broken(f"{ATTESTATION}: signed, but the manifest is not among its subjects.")
    return digests


def _manifest_problems(
    root: Path, predicate: Mapping[str, Any], digests: Mapping[str, str]
) -> Iterator[str]:
    """Holds the manifest against the signed statement; its own digest is checked with the files."""
    try:
        raw = _read_regular(root, MANIFEST)
    except OSError:
        return  # named by the check of the files
    if hashlib.sha256(raw).hexdigest() != digests[MANIFEST]:
        return
    try:
        manifest = json.loads(raw)
        listed = {f["path"]: f["sha256"] for f in manifest["files"]}
        facts = manifest["facts"]
    except (ValueError, KeyError, TypeError, RecursionError):
        yield f"{MANIFEST}: signed, but it is not a manifest."
        return
    if {**listed, MANIFEST: digests[MANIFEST]} != dict(digests):
        yield f"{MANIFEST}: does not match the signed statement: other files or digests."
    if facts != predicate["facts"]:
        yield f"{MANIFEST}: does not match the signed statement: other facts."


def _file_problems(root: Path, digests: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(digests):
        try:
            found = _digest_regular(root, name)
        except FileNotFoundError:
            yield f"{name}: missing."
        except OSError as error:
            yield f"{name}: {_reason(error)}"
        else:
            if found != digests[name]:
                yield f"{name}: altered, its bytes are not the signed ones."


def _extra_problems(root: Path, digests: Mapping[str, str]) -> Iterator[str]:
    known = {*digests, ATTESTATION}
    folders = {parent for n in known for parent in _parents(n)}
    for name, is_folder in sorted(_walk(root, "")):
        if name not in (folders if is_folder else known):
            yield f"{_printable(name)}: extra, it is not part of the signed bundle."


def _parents(name: str) -> Iterator[str]:
    segments = name.split("/")[:-1]
    for count in range(1, len(segments) + 1):
        yield "/".join(segments[:count])


def _walk(root: Path, inside: str) -> Iterator[tuple[str, bool]]:
    """Lists (name, is folder) below the bundle without following a symbolic link."""
    with os.scandir(root / inside) as entries:
        for entry in entries:
            name = f"{inside}/{entry.name}" if inside else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            yield name, is_folder
            if is_folder:
                yield from _walk(root, name)


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _open_regular(root: Path, name: str) -> int:
    """Opens a regular file inside the bundle; refuses symbolic links on the way.

    Raises:
        OSError: If it is absent, a link, a special file, or unreadable.
    """
    for parent in _parents(name):
        if stat.S_ISLNK((root / parent).lstat().st_mode):
            raise _NotRegularError("a symbolic link on its path.")
    mode = (root / name).lstat().st_mode
    if stat.S_ISLNK(mode):
        raise _NotRegularError("a symbolic link, not a file.")
    if not stat.S_ISREG(mode):
        raise _NotRegularError("not a regular file.")
    return os.open(root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


class _NotRegularError(OSError):
    """The entry is a link or a special file."""


def _reason(error: OSError) -> str:
    if isinstance(error, _NotRegularError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "missing."
    return f"cannot be read: {error.strerror}."


def _read_regular(root: Path, name: str) -> bytes:
    with os.fdopen(_open_regular(root, name), "rb") as file:
        raw = file.read(_LARGEST_DOCUMENT_BYTES + 1)
    if len(raw) > _LARGEST_DOCUMENT_BYTES:
        raise _NotRegularError("larger than any document of a bundle.")
    return raw


def _digest_regular(root: Path, name: str) -> str:
    digest = hashlib.sha256()
    with os.fdopen(_open_regular(root, name), "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
