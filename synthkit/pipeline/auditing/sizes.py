"""Is the noise as large as charged? Every noisy answer of the audited fit beside its exact value.

A watcher sees both, so the size of the noise needs no attack: the squares of (noisy - exact) over
sigma sum to a chi-square (of few whole numbers Chernoff's bound is taken), and a sum too small, at
alpha 1e-6 for all events together, is a fault. Noise of less than one step is nearly always zero:
there the share of zeros is tested, a binomial. This also covers what canaries do not reach: the
purchase of domains, and names that a threshold kept untold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from synthkit.artifacts import AuditCheck
from synthkit.privacy import mechanism, threshold
from synthkit.privacy.event import Event, NoisyGradients, NoisyTables, ThresholdedTables

ALPHA = 1e-6
MADE_UP = (100, 20_000)
"""Fewest and most names to be noised where a table has too few."""
_MANY = 100
"""Whole numbers whose squares sum to a chi-square, also that far out in its tail."""


@dataclass
class _Seen:
    """The noise of one kind and charged size."""

    values: int = 0
    squares: float = 0.0
    """Of the noise over its charged size."""
    zeros: int = 0
    made_up: int = 0
    """Values of names that are in no table; see `NoiseSizes.probe`."""


@dataclass
class NoiseSizes:
    """Sums of squares per size of noise; as a watcher, lets every draw happen."""

    rows_per_unit: int = 1
    seen: dict[tuple[str, str], _Seen] = field(default_factory=dict)
    """By kind and charged size."""

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
            self._add("names", asked["sigma"], asked.get("noise", np.empty(0)))
        elif kind == "noisy_gradient":
            for mean, total in zip(given, asked["sums"], strict=True):
                clip = asked["max_grad_norm"] * self.rows_per_unit
                noise = (mean * asked["divisor"] - total).double().cpu().numpy() / clip
                self._add("gradients", asked["std"] / clip, noise)

    def _add(self, kind: str, charged: float, noise: np.ndarray) -> None:
        seen = self.seen.setdefault((kind, _key(charged)), _Seen())
        seen.values += noise.size
        seen.squares += float(((noise / charged) ** 2).sum()) if charged > 0 else 0.0
        seen.zeros += int((noise == 0).sum())

    def probe(self, events: tuple[Event, ...]) -> None:
        """Lets made-up names be noised, where the table has too few to see their noise.

        A table may share no value, and the fit's own draws then show nothing. What noises them is
        one function for all tables (`threshold.published_counts`); it is asked for names that the
        program made up, under the charged size, and what it tells of them is thrown away.
        """
        for event in events:
            if not isinstance(event, ThresholdedTables):
                continue
            kind, charged = _expected(event)
            seen = self.seen.get((kind, _key(charged)), _Seen())
            level = ALPHA / len(events)
            if _all_zero(kind, charged, seen.values) >= level:
                # Twice as many as would show that there is no noise at all.
                enough = 2 * math.log(level) / math.log(min(_zero(charged), 1 - 1e-9))
                made_up = int(np.clip(enough, *MADE_UP))
                with mechanism.watched(self):
                    # PRIVACY: no row is looked at: the names and their counts are these constants.
                    threshold.published_counts(
                        dict.fromkeys(range(made_up), 1),
                        sigma=event.sigma,
                        delta=event.delta / event.tables,
                    )
                self.seen[kind, _key(charged)].made_up += made_up

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
        kind, charged = _expected(event)
        seen = self.seen.get((kind, _key(charged)), _Seen())
        outcome: Literal["pass", "fail", "inconclusive"]
        if seen.values == 0 and kind != "names":
            outcome = "fail"
            reason = f"No noise of the charged size {charged:.4g} was drawn."
        elif _all_zero(kind, charged, seen.values) >= level:
            outcome = "inconclusive"
            reason = f"{seen.values:,} values were noised: too few to tell noise from none."
        else:
            ratio = float(np.sqrt(seen.squares / seen.values))
            outcome = "fail" if _chance(kind, charged, seen) < level else "pass"
            reason = f"{seen.values:,} values carry noise of {ratio:.3f} times the charged size."
            if seen.made_up:
                reason += f" {seen.made_up:,} of them were made up: the table has too few."
        return AuditCheck(
            layer="step", name=f"size of the noise: {event.name}", outcome=outcome, reason=reason
        )


def _chance(kind: str, charged: float, seen: _Seen) -> float:
    """Probability that noise of the charged size is as small as what was seen, or smaller."""
    from scipy import stats

    if kind == "gradients" or (charged >= 1 and seen.values >= _MANY):
        return float(stats.chi2.cdf(seen.squares, seen.values))
    if charged >= 1:
        # The chi-square is continuous: of few whole numbers it knows the far tail badly.
        return _bound_of_few(charged, seen)
    return float(stats.binom.cdf(seen.values - seen.zeros, seen.values, 1 - _zero(charged)))


def _bound_of_few(charged: float, seen: _Seen) -> float:
    """Chernoff's upper bound of the probability that whole-number noise is as small as seen.

    With Z(s) the sum of exp(-k^2 / 2 s^2) over whole k, and s below the charged size c, the sum Q
    of n squares of noise of size c has P[Q <= q] <= (Z(s) / Z(c))^n exp(q (1 / s^2 - 1 / c^2) / 2).
    Exact where all are zero.
    """
    smaller = np.minimum(np.geomspace(0.05, charged, 1000), charged)  # (1000,)
    shrunk = seen.values * np.log(_total(smaller) / _total(np.array([charged])))
    tilted = seen.squares * ((charged / smaller) ** 2 - 1) / 2
    return float(np.exp(min((shrunk + tilted).min(), 0.0)))


def _total(sizes: np.ndarray) -> np.ndarray:
    """Sums exp(-k^2 / 2 s^2) over all whole numbers k, for each size s; shape (n_sizes,)."""
    near = np.arange(1, 10)[:, None]  # of sizes up to 1, all that counts
    summed = 1 + 2 * np.exp(-(near**2) / (2 * np.minimum(sizes, 1.0) ** 2)).sum(axis=0)
    # Poisson's sum: what it leaves out is below 1e-33 of the whole from 1 upwards.
    smooth = np.sqrt(2 * np.pi) * sizes * (1 + 2 * np.exp(-2 * np.pi**2 * sizes**2))
    return np.asarray(np.where(sizes < 1, summed, smooth))


def _all_zero(kind: str, charged: float, n: int) -> float:
    """Probability that n values of noise are all zero."""
    return 0.0 if kind == "gradients" else float(_zero(charged) ** n)


def _zero(charged: float) -> float:
    """Probability of zero under the discrete Gaussian."""
    steps = np.arange(1, int(10 * charged) + 10)
    return float(1 / (1 + 2 * np.exp(-(steps**2) / (2 * charged**2)).sum()))


def _key(size: float) -> str:
    """Writes a size so that rounding does not tell equal ones apart."""
    return f"{size:.9g}"


def _expected(event: NoisyTables | ThresholdedTables | NoisyGradients) -> tuple[str, float]:
    """The kind of draw that an event makes, and the size of its noise."""
    if isinstance(event, NoisyGradients):
        return "gradients", float(event.noise_multiplier)
    return ("names" if isinstance(event, ThresholdedTables) else "counts"), float(event.sigma)
