"""What happened: every look at real rows as a typed, frozen event.

Events say what was done, never what it cost; `accountant` prices them. The neighbouring relation
is add-or-remove-one privacy unit throughout.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NoisyTables:
    """Counts of `tables` tables, discrete Gaussian noise of std `sigma` on every cell.

    Each privacy unit changes at most one cell of each table, by exactly one: the L2 sensitivity
    of the whole vector is sqrt(tables).
    """

    name: str
    sigma: float
    tables: int


@dataclass(frozen=True, kw_only=True)
class ThresholdedTables:
    """Counts of keys that the rows bring themselves; only those that reach a threshold are told.

    Noise as in `NoisyTables`; each privacy unit changes at most one cell of each of the `tables`
    tables, by exactly one. A key's name is told only with a noisy count at or above the threshold.
    """

    name: str
    sigma: float
    tables: int
    delta: float
    """Upper bound, over all tables together, of the probability that a key which only one unit
    brings is told."""


@dataclass(frozen=True, kw_only=True)
class NoisyGradients:
    """DP-SGD: `steps` Poisson-subsampled Gaussian sums of clipped per-unit gradients."""

    name: str
    noise_multiplier: float
    """Std of the noise divided by the clipping norm."""
    sample_rate: float
    """Probability with which each privacy unit enters a step, independently."""
    steps: int


@dataclass(frozen=True, kw_only=True)
class UncoveredLook:
    """A look at real rows without noise: no epsilon covers it."""

    name: str
    reason: str
    in_release: bool
    """True: what is released depends on it, so the release has no guarantee."""


Event = NoisyTables | ThresholdedTables | NoisyGradients | UncoveredLook
