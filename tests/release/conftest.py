"""A key pair and a small bundle, shared by the room's tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from synthkit.release import keys, publish

FILES: dict[str, bytes | Path] = {
    "synthetic.csv": b"age,city\n31,Oslo\n54,Bergen\n",
    "report.html": b"<p>Synthetic.</p>",
    "figures/tvd.svg": b"<svg/>",
    "empty.txt": b"",
}
AUDIENCES = {
    "synthetic.csv": "release",
    "report.html": "internal",
    "figures/tvd.svg": "internal",
    "empty.txt": "release",
}
FACTS: dict[str, Any] = {
    "verdict": "pass",
    "epsilon": 1.0,
    "delta": 1e-6,
    "policy": "partner 1",
    "versions": {"synthkit": "0.1.0"},
}


@dataclass(frozen=True)
class Signer:
    """A loaded pair."""

    private: Any
    public: Any
    pair: keys.KeyPair


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    pair = keys.new(tmp_path_factory.mktemp("keys"))
    return Signer(keys.load_private(pair.private), keys.load_public(pair.public), pair)


@pytest.fixture
def make_bundle(tmp_path: Path, signer: Signer) -> Callable[..., Path]:
    """Publishes the small bundle; keywords replace arguments of `publish`."""

    def make(target: Path | None = None, **changes: Any) -> Path:
        arguments = {
            "files": FILES,
            "audiences": AUDIENCES,
            "facts": FACTS,
            "private_key": signer.private,
            **changes,
        }
        return publish(target or tmp_path / "out" / "bundle", **arguments)

    return make
