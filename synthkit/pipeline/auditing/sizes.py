"""Is the noise as large as charged? Every noisy answer of the audited fit beside its exact value.

A watcher sees both, so the size of the noise needs no attack: the squares of (noisy - exact) over
sigma sum to a chi-square, and a sum too small, at alpha 1e-6 for all events together, is a fault.
This also covers what canaries do not reach: the purchase of domains. Of names that a threshold
tells, only those count that stand so far above it that the threshold does not cut their noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthkit.artifacts import AuditCheck
from synthkit.privacy.event import Event, NoisyGradients, NoisyTables, ThresholdedTables

ALPHA = 1e-6
NAMES_STEP = 0.5
"""Added to the size of the noise of a name; see `NoiseSizes.note`."""
FAR = 6.0
"""Standard deviations above the threshold from which its cut is not felt."""


@dataclass
class NoiseSizes:
    """Sums of squares per size of noise; as a watcher, lets every draw happen."""

    rows_per_unit: int = 1
    squares: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """By kind and charged size: number of values, sum of squared standardised noise."""

    def answer(self, kind: str, asked: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """Makes the draw and notes the size of its noise."""
        given = make()
        self.note(kind, asked, given)
        return given

    def note(self, kind: str, asked: Mapping[str, Any], given: Any) -> None:
        """Notes the size of one draw's noise."""
        if kind == "noisy_counts":
            self._add("counts", asked["sigma"], np.asarray(given) - asked["counts"])
        elif kind == "published_counts":
            far = asked["threshold"] + FAR * asked["sigma"]
            exact = asked["counts"]
            # Few names stand out, and noise is whole numbers: half a step more, or two of them
            # that happen to be zero would look like no noise at all.
            noise = [abs(n - exact[k]) + NAMES_STEP for k, n in given.items() if exact[k] > far]
            self._add("names", asked["sigma"], np.array(noise, dtype=float))
        elif kind == "noisy_gradient":
            for mean, total in zip(given, asked["sums"], strict=True):
                clip = asked["max_grad_norm"] * self.rows_per_unit
                noise = (mean * asked["divisor"] - total).double().cpu().numpy() / clip
                self._add("gradients", asked["std"] / clip, noise)

    def _add(self, kind: str, charged: float, noise: np.ndarray) -> None:
        entry = self.squares.setdefault((kind, _key(charged)), [0.0, 0.0])
        entry[0] += noise.size
        entry[1] += float(((noise / charged) ** 2).sum()) if charged > 0 else 0.0

    def checks(self, events: tuple[Event, ...]) -> list[AuditCheck]:
        """Compares what was seen with what is charged.

        Args:
            events: Every covered event of the fit.

        Returns:
            One check per event that takes noise, in their order.
        """
        covered = [
            e for e in events if isinstance(e, NoisyTables | ThresholdedTables | NoisyGradients)
        ]
        return [self._check(e, ALPHA / len(covered)) for e in covered]

    def _check(
        self, event: NoisyTables | ThresholdedTables | NoisyGradients, level: float
    ) -> AuditCheck:
        from scipy import stats

        kind, charged = _expected(event)
        n, squares = self.squares.get((kind, _key(charged)), [0.0, 0.0])
        name = f"size of the noise: {event.name}"
        if n == 0:
            return AuditCheck(
                layer="step",
                name=name,
                outcome="inconclusive" if kind == "names" else "fail",
                reason="No name stands far enough above the threshold to see its noise."
                if kind == "names"
                else f"No noise of the charged size {charged:.4g} was drawn.",
            )
        blind = n * (NAMES_STEP / charged) ** 2 if kind == "names" else 0.0
        if float(stats.chi2.cdf(blind, n)) >= level:
            return AuditCheck(
                layer="step",
                name=name,
                outcome="inconclusive",
                reason=f"Only {n:,.0f} names stand far enough above the threshold: noise or none "
                "could not be told apart.",
            )
        ratio = float(np.sqrt(squares / n))
        is_small = float(stats.chi2.cdf(squares, n)) < level
        return AuditCheck(
            layer="step",
            name=name,
            outcome="fail" if is_small else "pass",
            reason=f"{n:,.0f} values carry noise of {ratio:.3f} times the charged size.",
        )


def _key(size: float) -> str:
    """Writes a size so that rounding does not tell equal ones apart."""
    return f"{size:.9g}"


def _expected(event: NoisyTables | ThresholdedTables | NoisyGradients) -> tuple[str, float]:
    """The kind of draw that an event makes, and the size of its noise."""
    if isinstance(event, NoisyGradients):
        return "gradients", float(event.noise_multiplier)
    return ("names" if isinstance(event, ThresholdedTables) else "counts"), float(event.sigma)
