"""Publishes a bundle: files, manifest and signed attestation, whole or not at all.

Takes the files' bytes (or paths), who may see each, and the facts of the verdict; gives a folder:

    synthetic.parquet ...     the files, as given
    manifest.json             path, SHA-256, size and audience of each file, and the facts
    attestation.dsse.json     in-toto Statement in a DSSE envelope, over the files and the manifest

The folder and its files are readable by their owner alone, since internal files lie beside those
for release. What is published never overwrites anything unless asked to; see `staging` for what
happens when the run is killed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.errors import InputError, PublishError
from synthkit.release import attestation, staging
from synthkit.release.attestation import ATTESTATION, AUDIENCES, MANIFEST, RESERVED

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_CHUNK_BYTES = 2**20


def publish(
    target: Path,
    files: Mapping[str, bytes | Path],
    *,
    audiences: Mapping[str, str],
    facts: Mapping[str, Any],
    private_key: Ed25519PrivateKey,
    replace: bool = False,
) -> Path:
    """Writes, signs and installs a bundle in one atomic step.

    Args:
        target: Folder of the bundle; must not exist unless `replace`.
        files: Content, or the path of a file to copy, by name inside the bundle.
        audiences: `release` or `internal` for each file.
        facts: Verdict, epsilon, delta, policy, versions and the like; signed. No real cell.
        private_key: The publisher's Ed25519 key.
        replace: Swap the new bundle for one that stands there.

    Returns:
        The bundle's absolute path.

    Raises:
        InputError: If names, audiences, facts or key are unusable, or the target is taken.
        PublishError: If the bundle could not be written; no trace of it remains, and what stood
            at the target still stands. The message says so in the one case that differs: the new
            bundle is in place, and the disk did not confirm that its name is durable.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not isinstance(private_key, Ed25519PrivateKey):
        raise InputError(
            "The signing key is not an Ed25519 private key.",
            hint="Load it with synthkit.release.keys.load_private.",
        )
    _check_files(files, audiences)
    plain_facts = _plain(facts)
    place = require_publishable(target, replace=replace)
    with _writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        staging.clean(place)
        with staging.staging(place) as folder:
            listed = [_listed(n, audiences[n], _write(folder, n, files[n])) for n in sorted(files)]
            _sign(folder, listed, plain_facts, private_key)
            for inner in sorted({p.parent for p in folder.rglob("*")}, reverse=True):
                staging.sync_folder(inner)
            staging.install(folder, place, replace=replace)
    return place


def require_publishable(target: Path, *, replace: bool = False) -> Path:
    """Checks, before hours of work, that a bundle can be put at `target`.

    Returns:
        The target's absolute path.

    Raises:
        InputError: If something stands there that must not be replaced.
        PublishError: If the folder around it cannot be written to.
    """
    place = Path(os.path.abspath(Path(target).expanduser()))
    if os.path.lexists(place):
        if not replace:
            raise InputError(
                f"There is already something at {place}.",
                hint="Choose a new folder, or pass --replace (in a plan: `replace: true`).",
            )
        if place.is_symlink() or not _is_bundle(place):
            raise InputError(
                f"What stands at {place} is not a bundle and will not be replaced.",
                hint="Choose a new folder, or remove what stands there yourself.",
            )
    nearest = place.parent
    while not os.path.lexists(nearest):
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise PublishError(
            f"The folder {nearest} cannot be written to.",
            hint="Choose an output folder that you may write to.",
        )
    return place


def _is_bundle(place: Path) -> bool:
    return place.is_dir() and all((place / name).is_file() for name in RESERVED)


def _check_files(files: Mapping[str, bytes | Path], audiences: Mapping[str, str]) -> None:
    problems = [f"{n!r} is not a plain relative name" for n in files if _is_odd(n)]
    problems += [f"{n} is a name that the bundle itself uses" for n in files if n in RESERVED]
    folded = [str(n).casefold() for n in (*files, *RESERVED)]
    problems += [
        f"{n} differs from another name only in case"
        for n in sorted(files)
        if n not in RESERVED and folded.count(n.casefold()) > 1
    ]
    folders = {"/".join(n.split("/")[:k]) for n in files for k in range(1, n.count("/") + 1)}
    problems += [f"{n} is a file and a folder" for n in sorted(folders & set(files))]
    problems += [
        f"{n} has no audience of {', '.join(AUDIENCES)}"
        for n in files
        if audiences.get(n) not in AUDIENCES
    ]
    problems += [f"{n} has an audience but no content" for n in audiences if n not in files]
    problems += [
        f"{n} is neither bytes nor a path"
        for n, c in files.items()
        if not isinstance(c, bytes | Path)
    ]
    problems += [
        f"{n}: there is no readable file at {c}"
        for n, c in files.items()
        if isinstance(c, Path) and not (c.is_file() and os.access(c, os.R_OK))
    ]
    if not files:
        problems.append("a bundle needs at least one file")
    if problems:
        raise InputError(
            "The bundle's files cannot be published as they are.",
            hint="Give each file a plain name, bytes or a path, and an audience.",
            details=problems,
        )


def _is_odd(name: object) -> bool:
    return not attestation.is_safe_name(name)


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    from synthkit.canonical import to_plain

    try:
        plain = to_plain(facts)
        attestation.canonical(plain)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The facts of the release have no JSON form: {error}.",
            hint="Use numbers, strings, lists and mappings; None for what was not measured.",
        ) from None
    if not isinstance(plain, dict):
        raise InputError("The facts are not a mapping.", hint="Pass a dictionary of facts.")
    return plain


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except staging.UnconfirmedError as error:
        raise PublishError(
            f"The bundle stands at {place}, but its disk did not confirm it: {error.strerror}.",
            hint="Check the disk, and run `synthkit verify` on the bundle before relying on it.",
        ) from error
    except OSError as error:
        raise PublishError(
            f"The bundle could not be written to {place}: {error.strerror or 'input or output'}.",
            hint="Nothing was published, and what stood there still stands. Free disk space or "
            "choose a folder that you may write to, then publish again.",
        ) from error


def _listed(name: str, audience: str, written: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a file's line of the manifest; sizes only of what may leave the house.

    The size of an internal file is an unnoised function of real rows, and the manifest goes to
    whoever verifies.
    """
    line = {"path": name, "audience": audience, "sha256": written["sha256"]}
    return {**line, "bytes": written["bytes"]} if audience == "release" else line


def _write(folder: Path, name: str, content: bytes | Path) -> dict[str, Any]:
    """Writes one file of the bundle, synced; returns its digest and size."""
    path = folder / name
    for parent in reversed(path.relative_to(folder).parents[:-1]):
        (folder / parent).mkdir(mode=0o700, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        for chunk in _chunks(content):
            digest.update(chunk)
            size += len(chunk)
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _chunks(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            yield chunk


def _sign(
    folder: Path,
    listed: list[dict[str, Any]],
    facts: Mapping[str, Any],
    private_key: Ed25519PrivateKey,
) -> None:
    """Writes manifest and attestation over the files that were written."""
    manifest = {"format": attestation.MANIFEST_FORMAT, "files": listed, "facts": facts}
    written = _write(folder, MANIFEST, attestation.canonical(manifest))
    digests = {f["path"]: f["sha256"] for f in listed} | {MANIFEST: written["sha256"]}
    payload = attestation.canonical(attestation.statement(digests, predicate={"facts": facts}))
    _write(folder, ATTESTATION, attestation.sign(payload, private_key))
