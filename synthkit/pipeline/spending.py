"""What a fit has cost so far, step by step: adds `epsilon_so_far` to what a generator reports.

A function of the plan and of how many private steps were made, never of a row. What is charged to
the ledger is the whole plan, before the first look; this only shows how the fit uses it.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

from synthkit.pipeline.making import Planned
from synthkit.privacy import accountant
from synthkit.privacy.event import NoisyGradients, UncoveredLook

POINTS = 10
"""Prices asked for in a fit, beside the first; each takes some hundredths of a second."""


def telling_epsilon(job: Planned, step: Callable[[Any], None]) -> Callable[[Any], None]:
    """Wraps the receiver of a generator's progress.

    Args:
        job: What was planned.
        step: Receives events with `epsilon_so_far`: what the tables and the private steps so far
            cost together, rounded up to the next of `POINTS` parts of the steps, so that it never
            says less than was spent and never falls. None without a guarantee.
    """
    looks = job.events
    gradients = [e for e in looks if isinstance(e, NoisyGradients)]
    if len(gradients) > 1 or any(isinstance(e, UncoveredLook) for e in looks):
        return step
    total = gradients[0].steps if gradients else 0
    part = max(1, math.ceil(total / POINTS))

    @functools.cache
    def price(steps: int) -> float:
        made = [dataclasses.replace(g, steps=steps) for g in gradients if steps]
        others = [e for e in looks if not isinstance(e, NoisyGradients)]
        return accountant.epsilon_of([*others, *made], delta=job.delta)

    def told(event: Any) -> None:
        done = getattr(event, "private_steps", None)
        if done is not None:
            at_least = min(total, math.ceil(done / part) * part)
            event = dataclasses.replace(event, epsilon_so_far=price(at_least))
        step(event)

    return told
