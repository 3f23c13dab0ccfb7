"""Segments of a model in the words of its columns, and as a condition (`where` segment).

In: a fitted model. Out: each segment's share and what sets it apart. Reads the model alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import InputError

if TYPE_CHECKING:
    from synthkit.generate.segments import Segments
    from synthkit.pipeline.model import Model

DEFAULT_COUNT = 8
MOST = 50
TRAITS = 5
LEAST_SHARE = 0.05
"""A trait is a set of values that at least this share of a segment's rows have."""


@dataclass(frozen=True, kw_only=True)
class Trait:
    """A value (or bin) that is more frequent in a segment than elsewhere."""

    column: str
    value: str
    share: float
    """Of the segment's rows."""
    overall: float
    """Of all rows of the model."""
    distance: float
    """Total variation distance of the whole column, segment to all rows."""

    @property
    def lift(self) -> float:
        """How many times as frequent as overall."""
        return self.share / self.overall if self.overall > 0 else float("inf")


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A group of alike rows of the model."""

    number: int
    """1 is the largest; `where={"segment": number}`."""
    share: float
    traits: tuple[Trait, ...]
    """The columns that differ most from the whole, each with its telling value."""


def segments(model: Model, count: int = DEFAULT_COUNT) -> tuple[Segment, ...]:
    """Lists the segments of a model; see `Model.segments`."""
    found = _found(model, count)
    labels = [part.labels() for part in model.codec.parts]
    bounds = np.cumsum([0, *model.codec.sizes])
    result = []
    for k, share in enumerate(found.shares):
        traits = []
        for i, part in enumerate(model.codec.parts):
            own = found.profiles[k, bounds[i] : bounds[i + 1]]
            overall = found.overall[bounds[i] : bounds[i + 1]]
            # The value with the largest part of the distance says most of it.
            telling = int((own - overall).argmax())
            if own[telling] < LEAST_SHARE:
                continue
            traits.append(
                Trait(
                    column=part.name,
                    value=labels[i][telling],
                    share=float(own[telling]),
                    overall=float(overall[telling]),
                    distance=float(0.5 * np.abs(own - overall).sum()),
                )
            )
        traits.sort(key=lambda t: -t.distance)
        result.append(Segment(number=k + 1, share=float(share), traits=tuple(traits[:TRAITS])))
    return tuple(result)


def member_of(model: Model, given: object) -> Callable[[np.ndarray], np.ndarray]:
    """Reads a segment, `3` (of 8) or `3/5` (of 5), and returns which latents belong to it.

    Raises:
        InputError: If there is no such segment.
    """
    number, slash, count = str(given).partition("/")
    if not number.isdecimal() or (slash and not count.isdecimal()):
        raise InputError(
            f"{str(given)!r} is no segment.", hint="Write its number, as 3, or 3/5 for 3 of 5."
        )
    found = _found(model, int(count) if slash else DEFAULT_COUNT)
    if not 1 <= int(number) <= len(found.shares):
        raise InputError(
            f"The model has no segment {number}: there are {len(found.shares)}.",
            hint="`synthkit segments MODEL` lists them.",
        )
    return partial(found.member, int(number) - 1)


def _found(model: Model, count: int) -> Segments:
    from synthkit.generate import ProductMixture
    from synthkit.generate.segments import find

    if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= MOST:
        raise InputError(
            f"The number of segments must be a whole number from 2 to {MOST}.",
            hint=f"{DEFAULT_COUNT} is the default.",
        )
    found = find(model.inner, count) if isinstance(model.inner, ProductMixture) else None
    if found is None or len(found.shares) < 2:
        raise InputError(
            f"The generator {model.generator!r} has no segments: nothing latent links its columns.",
            hint="Fit the generator 'dpctgan'.",
        )
    return found
