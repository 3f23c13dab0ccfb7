"""Which key signs a bundle: the plan's, else this installation's own, made at first use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthkit.home import data_folder


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A loaded key pair."""

    private: Any
    public_path: Path
    key_id: str


def signing_key(path: Path | None) -> SigningKey:
    """Loads the signing key; without a path, the installation's own key is made or reused.

    Args:
        path: The private key's PEM file, or None.

    Raises:
        InputError: If the key is missing, not Ed25519, or lacks its public half beside it.
    """
    from synthkit.release import keys

    if path is None:
        folder = data_folder() / "keys"
        path = folder / "synthkit.key.pem"
        if not path.exists():
            keys.new(folder, name="synthkit")
    private = keys.load_private(path)
    public_path = keys.public_path(path)
    return SigningKey(
        private=private, public_path=public_path, key_id=keys.key_id(private.public_key())
    )
