"""Record a fit, and replay its noisy answers on a neighbouring table.

Two watchers (`privacy.mechanism.watched`). `Recorder` lets every draw happen and keeps what was
asked and answered. `Replayer` gives the recorded answers to a fit on a neighbour, so that the
release is frozen: whatever still differs came past the noise. It compares the exact values that go
into the noise, so their distance is the sensitivity, measured. After ObliviousAI's Re:cord-play
(Cebere et al. 2026, arXiv:2602.17454), written anew.

The neighbour differs in one unit, whose rows are the last ones of the table: secret choices about
all other rows are kept, and the changed unit is always sampled, which is its worst case.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthkit.privacy.event import Event, NoisyGradients, NoisyTables, ThresholdedTables
from synthkit.privacy.threshold import tail

_ROUNDING = 1e-3
"""Relative rounding of a clipped sum of thousands of float32 gradients."""


@dataclass(frozen=True)
class Draw:
    """One draw of the recorded fit."""

    kind: str
    asked: Mapping[str, Any]
    answer: Any


class Recorder:
    """Keeps every draw, exact values included; what it holds must never leave the audit."""

    def __init__(self) -> None:
        self.draws: list[Draw] = []

    def answer(self, kind: str, asked: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """Makes the draw and keeps a copy."""
        given = make()
        self.draws.append(Draw(kind, _kept(kind, asked), _copied(given)))
        return given


class CourseError(Exception):
    """The fit on the neighbour drew something else than the recorded one; carries no cell."""


class Replayer:
    """Answers from a recording and measures how far the exact values are apart.

    Args:
        recorded: Draws of the fit on the first table.
        n_rows: Rows of the first table.
        n_rows_now: Rows of the neighbour.
        rows_per_unit: Most rows of a unit that one look uses.
        events: What the fit is charged for.
    """

    def __init__(
        self,
        recorded: list[Draw],
        *,
        n_rows: int,
        n_rows_now: int,
        rows_per_unit: int,
        events: Sequence[Event],
    ) -> None:
        self._left = list(reversed(recorded))
        self._n_rows, self._n_rows_now = n_rows, n_rows_now
        self._rows_per_unit = rows_per_unit
        self._events = tuple(events)
        self._moved = 0.0  # squared distance of all counts, each in units of its noise
        self._steps, self._largest = 0, 0.0
        self._told = 0
        self.faults: list[str] = []
        """Sentences on what is more than is charged."""

    def finish(self) -> list[str]:
        """Returns all faults, after the fit on the neighbour has ended."""
        tables = [e for e in self._events if isinstance(e, NoisyTables | ThresholdedTables)]
        charged = sum(e.tables / e.sigma**2 for e in tables)
        if self._moved > charged * (1 + 1e-9):
            ratio = math.sqrt(self._moved / charged) if charged else math.inf
            self.faults.append(
                f"a unit moved the counts by {ratio:.3g} times what their noise is charged for"
            )
        gradients = [e for e in self._events if isinstance(e, NoisyGradients)]
        least = min((e.noise_multiplier for e in gradients), default=math.inf)
        if self._largest * least > 1 + _ROUNDING or (self._steps and not gradients):
            self.faults.append(
                f"a unit moved a sum of gradients by {self._largest * least:.3g} times what its "
                "noise is charged for"
            )
        if self._steps > sum(e.steps for e in gradients):
            self.faults.append("more noisy gradients were taken than are charged")
        if self._told > sum(e.tables for e in tables if isinstance(e, ThresholdedTables)):
            self.faults.append("more thresholded tables were told than are charged")
        if self._left:
            self.faults.append(f"{len(self._left)} draws of the first fit were not made")
        return self.faults

    def answer(self, kind: str, asked: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """Gives the recorded answer, fitted to the neighbour's rows where it speaks of rows.

        Raises:
            CourseError: If the draw is not the recorded one.
        """
        if not self._left or self._left[-1].kind != kind:
            was = self._left[-1].kind if self._left else "nothing further"
            raise CourseError(f"it drew {kind} where the first fit drew {was}")
        old = self._left.pop()
        match kind:
            case "noisy_counts":
                self._compare_counts(old, asked)
            case "published_counts":
                self._compare_keys(old, asked)
            case "noisy_gradient":
                self._compare_sums(old, asked)
            case "rows_of_units":
                return self._keys_of_rows(old.answer)
            case "sampled_rows":
                return self._sampled(old.answer)
        return _copied(old.answer)

    def _compare_counts(self, old: Draw, asked: Mapping[str, Any]) -> None:
        before, now = old.asked["counts"], asked["counts"]
        if before.shape != now.shape or old.asked["sigma"] != asked["sigma"]:
            raise CourseError("noisy counts have another shape or sigma")
        moves = np.abs(now - before)
        if moves.max(initial=0) > 1:
            self.faults.append("a unit moved a noisy count by more than one")
        self._moved += float((moves.astype(float) ** 2).sum()) / asked["sigma"] ** 2

    def _compare_keys(self, old: Draw, asked: Mapping[str, Any]) -> None:
        self._told += 1
        # Keys as they would be written: a zero whose sign is a row's is another key.
        before, now = ({repr(k): n for k, n in a["counts"].items()} for a in (old.asked, asked))
        if (old.asked["sigma"], old.asked["threshold"]) != (asked["sigma"], asked["threshold"]):
            raise CourseError("thresholded counts have another sigma or threshold")
        # The chance is worked out anew, from the event: what was used may be what is wrong.
        above = asked["threshold"] - asked["fewest"]
        allowed = [
            e.delta / e.tables
            for e in self._events
            if isinstance(e, ThresholdedTables) and e.sigma == asked["sigma"]
        ]
        if above < 1 or not any(tail(asked["sigma"], above) <= delta for delta in allowed):
            self.faults.append("a threshold lies below what its event's delta pays for")
        exact, fewest, least = (old.asked[k] for k in ("counts", "fewest", "threshold"))
        if any(exact.get(k, 0) < fewest or n < least for k, n in old.answer.items()):
            self.faults.append("a name was told that the threshold bars")
        moved = [now.get(k, 0) - before.get(k, 0) for k in before.keys() | now.keys()]
        if sum(abs(m) for m in moved) > 1:
            self.faults.append("a unit moved more than one name by one")
        self._moved += sum(m**2 for m in moved) / asked["sigma"] ** 2

    def _compare_sums(self, old: Draw, asked: Mapping[str, Any]) -> None:
        if old.asked["std"] != asked["std"] or old.asked["divisor"] != asked["divisor"]:
            raise CourseError("a noisy gradient has another std or divisor")
        gap = math.sqrt(
            sum(
                float((a - b).square().sum())
                for a, b in zip(asked["sums"], old.asked["sums"], strict=True)
            )
        )
        self._steps += 1
        self._largest = max(self._largest, gap / asked["std"] if asked["std"] else math.inf)

    def _keys_of_rows(self, answer: bytes) -> bytes:
        """One 64-bit key per row: others keep theirs, rows that are new win every choice."""
        kept = answer[: 8 * min(self._n_rows, self._n_rows_now)]
        return kept + b"\0" * 8 * max(self._n_rows_now - self._n_rows, 0)

    def _sampled(self, answer: Any) -> Any:
        import torch

        kept = answer[answer < self._n_rows_now]
        last = max(self._n_rows, self._n_rows_now)
        new = torch.arange(self._n_rows, last, device=answer.device)
        return torch.cat([kept, new[: self._rows_per_unit]])


def _kept(kind: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    if kind == "noisy_gradient":
        return {**asked, "sums": _copied(asked["sums"]), "network": None}
    return {k: _copied(v) for k, v in asked.items() if not callable(v)}


def _copied(value: Any) -> Any:
    if isinstance(value, list):
        return [_copied(v) for v in value]
    if isinstance(value, dict):
        return dict(value)
    for copying in ("clone_state", "clone", "copy"):
        if hasattr(value, copying):
            return getattr(value, copying)()
    return value
