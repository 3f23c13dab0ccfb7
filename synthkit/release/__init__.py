"""The signed bundle: files with their digests, one attestation, whole or not there at all.

`publish` writes it, `verify` checks it with nothing but the public key, `keys` makes and loads the
Ed25519 pair. Formats: in-toto Statement v1 inside a DSSE envelope. The functions load their modules
when first asked for; `verify` needs only the standard library and `cryptography`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthkit.release import keys
    from synthkit.release.bundle import publish, require_publishable
    from synthkit.release.verification import Verification, verify

NOT_PLUGINS = ("attestation", "bundle", "keys", "staging", "verification")

_HOMES = {
    "publish": "bundle",
    "require_publishable": "bundle",
    "Verification": "verification",
    "verify": "verification",
}

__all__ = ["Verification", "keys", "publish", "require_publishable", "verify"]


def __getattr__(name: str) -> Any:
    """Loads the module behind a public name when the name is first used."""
    if name == "keys":
        return importlib.import_module(f"{__name__}.keys")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
