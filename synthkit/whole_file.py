"""A file that appears whole, by one rename, or not at all.

It is written beside its name (`.<name>.<random>.partial`), synced and renamed. A run that was
killed outright leaves such a file; the next one that writes the same name removes it. The file of a
live run is locked (`flock`), which ends with its process, and a leftover is a day old at least.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from synthkit.errors import PublishError

_OLD_S = 86_400.0
"""Younger leftovers stay: one may not be locked yet, or lie where locks are not shared."""


@contextmanager
def whole_file(path: Path, *, mode: int = 0o666, replace: bool = True) -> Iterator[BinaryIO]:
    """Gives a file to write to; it is renamed to `path` at the end, or removed after an error.

    Args:
        path: Its final name; what stands there stands until the end.
        mode: Permissions, less the umask.
        replace: Whether a file of that name may be replaced.

    Raises:
        PublishError: If it cannot be written (no such folder, no permission, full disk), or
            something stands there that must not be replaced.
    """
    require_replaceable(path, replace=replace)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with contextlib.suppress(OSError):  # whatever is wrong with the folder, writing will tell
            _remove_leftovers(path)
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except OSError as error:
        raise _unwritten(path, error) from None
    try:
        with os.fdopen(handle, "wb") as file:
            with contextlib.suppress(OSError):  # no locks there: go on
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
            file.flush()
            os.fsync(handle)
            require_replaceable(path, replace=replace)  # it may have come meanwhile
            temporary.replace(path)
    except OSError as error:
        _remove(temporary)
        raise _unwritten(path, error) from None
    except BaseException:
        _remove(temporary)
        raise


def require_replaceable(path: Path, *, replace: bool) -> None:
    """Refuses a name under which something stands that must stay.

    Raises:
        PublishError: If something is there and `replace` is false, or it is a device or a pipe.
    """
    if not replace and os.path.lexists(path):
        raise PublishError(
            f"{path} exists already.",
            hint="Choose another name; to replace it, pass replace=True (on the command line "
            "--replace).",
        )
    # A rename would put a file in the place of a device: a superuser's /dev/null, for one.
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise PublishError(
            f"{path} is a device or a pipe, not a file.",
            hint="Give the name of a file: it is written beside its name, then renamed.",
        )


def _unwritten(path: Path, error: OSError) -> PublishError:
    # polars raises an OSError that has the system's words and no `strerror`
    why = error.strerror or str(error).partition(" (os error")[0] or type(error).__name__
    return PublishError(
        f"{path} could not be written: {why}.",
        hint="Check that the folder exists, is writable and has space, then try again.",
    )


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()


def _remove_leftovers(path: Path) -> None:
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.partial")
    for other in path.parent.iterdir():
        if ours.fullmatch(other.name):
            with contextlib.suppress(OSError):
                if _is_left(other):
                    other.unlink()


def _is_left(file: Path) -> bool:
    """Whether it is an old file of this user that no process holds."""
    # Neither follows a link nor waits for the other end of a pipe of that name.
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        known = os.fstat(handle)
        if not stat.S_ISREG(known.st_mode) or known.st_uid != os.geteuid():
            return False
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an error: held, or no locks there
        return time.time() - known.st_mtime > _OLD_S
    finally:
        os.close(handle)
