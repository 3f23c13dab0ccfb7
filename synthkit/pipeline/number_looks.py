"""Which looks at a table's numbers a job takes beside its generator's; from public facts alone.

In: a schema, a making, the columns whose domain is to be bought. Out: events, to be charged before
any row is looked at. A generator without privacy takes none: its looks are exact and said to be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthkit.errors import InputError
from synthkit.schema import Schema, column_names

if TYPE_CHECKING:
    from synthkit.pipeline.making import Making
    from synthkit.privacy.event import Event

LEAST_REST = 0.05
"""Share of the budget's mu^2 that must be left for the generator's tables and gradients."""


def looks_for_spikes(
    schema: Schema, making: Making, delta: float, to_buy: tuple[str, ...]
) -> tuple[Event, ...]:
    """Returns the look that finds values which many rows share, if there is one.

    Args:
        schema: Of the table.
        making: How the model is made.
        delta: Of the whole job.
        to_buy: Names of the columns whose domain will be bought.

    Raises:
        InputError: If the look's share of the budget is out of range.
    """
    from synthkit.encode import spikes
    from synthkit.generate import load_generator

    spikes.check_share(making.spike_share, spikes.SHARE_KEY, spikes.FINDS)
    if not load_generator(making.generator).IS_PRIVATE:
        return ()
    assert making.epsilon is not None  # required of every private generator
    unknown = _yet_unknown(schema, to_buy)
    return spikes.events(
        schema, epsilon=making.epsilon, delta=delta, share=making.spike_share, to_buy=unknown
    )


def looks_for_roundness(
    schema: Schema, making: Making, delta: float, to_buy: tuple[str, ...]
) -> tuple[Event, ...]:
    """Returns the look that counts how round numbers are, if there is one; see above."""
    from synthkit.encode import roundness, spikes
    from synthkit.generate import load_generator

    spikes.check_share(making.roundness_share, roundness.SHARE_KEY, roundness.FINDS)
    if not load_generator(making.generator).IS_PRIVATE:
        return ()
    assert making.epsilon is not None  # required of every private generator
    unknown = _yet_unknown(schema, to_buy)
    return roundness.events(
        schema, epsilon=making.epsilon, delta=delta, share=making.roundness_share, to_buy=unknown
    )


def check_rest(making: Making, *, buys: bool, finds_spikes: bool, finds_roundness: bool) -> None:
    """Refuses shares that leave a generator next to nothing.

    Args:
        making: How the model is made.
        buys: Whether domains are bought.
        finds_spikes: Whether values that many rows share are looked for.
        finds_roundness: Whether levels of round numbers are counted.

    Raises:
        InputError: If less than a twentieth of the budget's mu^2 is left; names the shares.
    """
    shares = {
        "domain_share": making.domain_share * buys,
        "spike_share": making.spike_share * finds_spikes,
        "roundness_share": making.roundness_share * finds_roundness,
    }
    taken = {name: share for name, share in shares.items() if share}
    if sum(taken.values()) > 1 - LEAST_REST:
        named = ", ".join(f"{name} {share:g}" for name, share in taken.items())
        raise InputError(
            f"The looks before the generator's own leave next to nothing of the budget: {named}.",
            hint=f"Their sum can be at most {1 - LEAST_REST:g}; the defaults leave 0.84 and more.",
        )


def _yet_unknown(schema: Schema, to_buy: tuple[str, ...]) -> list[str]:
    """Names the columns whose domain will be another one when rows are looked at."""
    # After a purchase, rules may also widen columns that were bought before (`covering`).
    named = {name for rule in schema.constraints for name in column_names(rule)}
    return [
        c.name
        for c in schema.encoded
        if c.name in to_buy or (to_buy and c.name in named and c.domain_source == "noisy")
    ]
