"""How a long job tells what it is doing; the command line draws it, Python users may ignore it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Progress(Protocol):
    """Receives the stages of a job; implementations must not raise."""

    def stage(self, name: str) -> None:
        """A stage begins, for example `train`."""

    def step(self, event: Any) -> None:
        """Something moved inside the stage.

        `event` has `step`, `steps` and `seconds_left`; in the stage `train` also `loss` and
        `epsilon_so_far` (see `synthkit.generate.ProgressEvent`).
        """


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
