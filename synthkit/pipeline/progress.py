"""How a long job tells what it is doing; the command line draws it, Python users may ignore it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import polars as pl


class Progress(Protocol):
    """Receives the stages of a job; implementations must not raise."""

    def stage(self, name: str) -> None:
        """A stage begins, for example `train`."""

    def step(self, event: Any) -> None:
        """Something moved inside the stage.

        `event` has `step`, `steps` and `seconds_left`; in the stage `train` also `loss` and
        `epsilon_so_far` (see `synthkit.generate.ProgressEvent`). Where rows are drawn it is a
        `RowsDone`.
        """


@dataclass(frozen=True, kw_only=True)
class RowsDone:
    """How many rows of a table are there."""

    step: int
    steps: int
    seconds_left: float | None
    unit: str = "rows"


class RowCounter:
    """Tells how many rows are done and, at the pace so far, how long the others take.

    Args:
        rows: Rows in all.
        progress: Who is told.
        clock: Gives seconds.
    """

    def __init__(
        self, rows: int, progress: Progress, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rows, self._progress, self._clock = rows, progress, clock
        self._started = clock()
        self._done = 0

    def tell(self, done: int, *, before: int = 0) -> None:
        """Tells that `before` and `done` rows are there; never fewer than it told last."""
        self._done = max(before + done, self._done)
        spent = self._clock() - self._started
        left = spent / self._done * (self._rows - self._done) if self._done else None
        self._progress.step(RowsDone(step=self._done, steps=self._rows, seconds_left=left))


def counted(
    chunks: Iterable[pl.DataFrame], rows: int, progress: Progress
) -> Iterator[pl.DataFrame]:
    """Passes frames on and tells of each when the next is asked for: it has been written then."""
    counter, done = RowCounter(rows, progress), 0
    for chunk in chunks:
        yield chunk
        done += chunk.height
        counter.tell(done)


class Silent:
    """Ignores everything."""

    def stage(self, name: str) -> None:
        """Ignores the stage."""

    def step(self, event: Any) -> None:
        """Ignores the step."""


class Stages:
    """Times each stage of a job and announces it.

    Args:
        progress: Where to announce; None for nowhere.
    """

    def __init__(self, progress: Progress | None) -> None:
        self.progress: Progress = progress or Silent()
        self.seconds: dict[str, float] = {}
        self._log = logging.getLogger("synthkit")

    @property
    def is_silent(self) -> bool:
        """Whether nobody looks on."""
        return isinstance(self.progress, Silent)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Runs one stage; its wall seconds are added to `seconds[name]`."""
        self.progress.stage(name)
        start = time.perf_counter()
        yield
        took = time.perf_counter() - start
        self.seconds[name] = round(self.seconds.get(name, 0.0) + took, 3)
        self._log.info("%s: %.1f s", name, took)
