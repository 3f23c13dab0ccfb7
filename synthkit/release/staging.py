"""A folder that becomes visible whole, by one rename, or not at all.

The files are written into a staging folder beside the target (same file system, mode 0700, name
`.<target>.staging-<random>`), each file and folder is synced, and one rename makes it the target.
Where a target is replaced, the two folders swap names in one system call (`renameat2` with
RENAME_EXCHANGE on Linux, `renamex_np` with RENAME_SWAP on macOS): at every moment the name leads to
the old bundle or to the new one. Where the file system cannot swap, the old bundle steps aside to
`.<target>.previous-<random>`, whole, and steps back if the run dies before the new one is in place.

A run that was killed leaves such folders; `clean` removes or restores them. A staging folder of a
live run is locked (`flock`), which ends with its process, so that it is never taken for a leftover.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STAGING = "staging"
_PREVIOUS = "previous"


@contextmanager
def staging(target: Path) -> Iterator[Path]:
    """Gives an empty, locked folder beside `target`; whatever is left of it is removed at the end.

    Raises:
        OSError: If the folder cannot be made.
    """
    folder = _beside(target, _STAGING)
    folder.mkdir(mode=0o700)
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(lock)
            yield folder
        finally:
            os.close(lock)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clean(target: Path) -> None:
    """Removes what killed runs left beside `target`; puts a bundle that stepped aside back.

    Raises:
        OSError: If a bundle that stepped aside cannot be put back.
    """
    for aside in _leftovers(target, _PREVIOUS):
        if os.path.lexists(target):
            shutil.rmtree(aside, ignore_errors=True)
        else:
            os.rename(aside, target)
            sync_folder(target.parent)
    for folder in _leftovers(target, _STAGING):
        shutil.rmtree(folder, ignore_errors=True)


def install(staged: Path, target: Path, *, replace: bool) -> None:
    """Makes the staged folder the target.

    Args:
        staged: A complete, synced folder on the target's file system.
        target: Its final name.
        replace: Whether a bundle may stand there already; it is then swapped in one step.

    Raises:
        OSError: If the target exists (without `replace`) or the rename fails; the target is then
            what it was.
        UnconfirmedError: If the target is in place, and only syncing its parent folder failed.
    """
    if replace and os.path.lexists(target):
        try:
            _exchange(staged, target)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EXDEV):
                raise
            _step_aside(staged, target)
    else:
        os.rename(staged, target)  # fails where a file or a filled folder stands
    _confirm(target.parent)


class UnconfirmedError(OSError):
    """The folder is in place, but the disk did not confirm that its name is durable."""


def _confirm(folder: Path) -> None:
    try:
        sync_folder(folder)
    except OSError as error:
        raise UnconfirmedError(error.errno, error.strerror) from error


def sync_folder(folder: Path) -> None:
    """Makes a folder's entries durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.{kind}-{secrets.token_hex(8)}")


def _leftovers(target: Path, kind: str) -> Iterator[Path]:
    """Lists folders of earlier runs that no live process holds."""
    prefix = f".{target.name}.{kind}-"
    for folder in sorted(target.parent.iterdir()):
        is_ours = folder.name.startswith(prefix) and len(folder.name) == len(prefix) + 16
        if is_ours and folder.is_dir() and not folder.is_symlink() and not _is_held(folder):
            yield folder


def _lock(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):  # no locks there: go on
            raise


def _is_held(folder: Path) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True  # its run has just finished
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True  # held, or a file system without locks: leave it alone
    finally:
        os.close(handle)
    return False


def _exchange(one: Path, other: Path) -> None:
    """Swaps the names of two folders in one system call.

    Raises:
        OSError: ENOSYS or EINVAL where system or file system cannot.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    current_folder = -100  # AT_FDCWD; ignored, since both paths are made absolute by the caller
    swap = 2  # RENAME_EXCHANGE and RENAME_SWAP are both 2
    if sys.platform.startswith("linux") and hasattr(libc, "renameat2"):
        failed = libc.renameat2(current_folder, first, current_folder, second, swap)
    elif sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(first, second, swap)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))


def _step_aside(staged: Path, target: Path) -> None:
    """Replaces in two renames; the old bundle is whole at every moment, at one of two names."""
    aside = _beside(target, _PREVIOUS)
    os.rename(target, aside)
    try:
        os.rename(staged, target)
    except OSError:
        os.rename(aside, target)
        raise
    _confirm(target.parent)
    shutil.rmtree(aside, ignore_errors=True)
