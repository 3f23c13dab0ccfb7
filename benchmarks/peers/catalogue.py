"""The peers by name: which environment, which settings, and what each is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peer:
    """One peer as it is run here."""

    title: str
    """What it is called in the table."""
    module: str
    """The script under `benchmarks.peers`."""
    environment: str
    """Whose requirements: `requirements/<environment>.txt`."""
    is_private: bool = True
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Its settings, beside the package's defaults; `--peer-option` replaces single ones."""


PEERS: Mapping[str, Peer] = {
    "aim": Peer(title="dpmm AIM", module="aim", environment="dpmm"),
    "mst": Peer(title="dpmm MST", module="mst", environment="dpmm"),
    "privbayes": Peer(title="dpmm PrivBayes", module="privbayes", environment="dpmm"),
    "smartnoise_mst": Peer(
        title="SmartNoise MST", module="smartnoise_mst", environment="smartnoise"
    ),
    "smartnoise_dpctgan": Peer(
        title="SmartNoise DPCTGAN", module="smartnoise_dpctgan", environment="smartnoise"
    ),
    "mostly_dp": Peer(title="MOSTLY AI engine, DP", module="mostly", environment="mostly"),
    "mostly": Peer(
        title="MOSTLY AI engine", module="mostly", environment="mostly", is_private=False
    ),
    "ctgan": Peer(title="ctgan", module="ctgan", environment="ctgan", is_private=False),
    "tvae": Peer(title="TVAE", module="tvae", environment="ctgan", is_private=False),
}


def title(name: str, options: Mapping[str, Any]) -> str:
    """Returns what a peer is called in the table, with the settings that are not its defaults."""
    given = ", ".join(f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
                      for key, value in options.items())  # fmt: skip
    return f"{PEERS[name].title} ({given})" if given else PEERS[name].title
