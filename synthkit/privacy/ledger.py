"""Who has spent what: one account per population, charged before the data is looked at.

Takes a population's name, its privacy unit and the planned events; gives a reservation, or refuses.
What is reserved is spent, settled or not: a job that was killed has looked at the rows, for all
anyone knows. Accounts are kept as events and re-priced together on every request (one PLD over all
of the population's releases, see `accountant`), which is tighter than adding up epsilons.

**Which delta.** An account is priced at the smallest delta that any of its covered reservations
stated, the requested one included. A request with a larger delta therefore never makes the past
look cheaper, and every release's own statement (epsilon at its own delta) remains true beside it.

Thresholds (`ThresholdedTables`) come on top: the account's noise is priced at that delta, and what
all thresholds together add stands in the delta that the account states. Were it taken out of the
smallest delta instead, ten releases with a tenth of it each would leave nothing to price noise at.
They have a lifetime cap of their own, 1e-5.

**Cap.** Lifetime epsilon of the population at that delta, 10 unless `set_cap` says otherwise. A
look that no epsilon covers (`UncoveredLook`) is written down, costs nothing and is never refused.

Rows are append-only and hash-chained (`journal`): reservations, settlements, refusals and caps.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from synthkit.errors import BudgetExceeded, InputError, IntegrityError
from synthkit.home import data_folder
from synthkit.privacy import accountant
from synthkit.privacy.event import (
    Event,
    NoisyGradients,
    NoisyTables,
    ThresholdedTables,
    UncoveredLook,
)
from synthkit.privacy.journal import Journal, Row

DEFAULT_CAP = 10.0
_MAX_DELTA = 1e-6
_MAX_THRESHOLD_DELTA = 1e-5
"""Most that the thresholds of all of a population's releases may add to delta."""
_KINDS: dict[str, type[Event]] = {
    "noisy_tables": NoisyTables,
    "thresholded_tables": ThresholdedTables,
    "noisy_gradients": NoisyGradients,
    "uncovered_look": UncoveredLook,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}

Action = Literal["reserved", "settled", "refused", "cap"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a population's history."""

    sequence: int
    """Position in the whole ledger, from 1."""
    id: str
    """Reservation that the line belongs to; empty for a cap."""
    population: str
    action: Action
    created: str
    """UTC, ISO 8601, to the second."""
    unit: str | None
    epsilon: float | None
    """Reserved or refused: price of these events alone, None if nothing is covered. Cap: the cap.
    Settled: None."""
    delta: float | None
    events: tuple[Mapping[str, Any], ...]
    """Each event's kind and parameters."""
    note: str
    domains: tuple[str, ...]
    """Settled: digests of the column domains that the job bought."""
    hash: str


@dataclass(frozen=True, kw_only=True)
class Spent:
    """A population's account."""

    epsilon: float
    """All covered reservations together, settled or not, at `delta` (tight)."""
    naive_epsilon: float
    """Sum of the reservations' own epsilons."""
    delta: float
    """Smallest delta of the covered reservations (1e-6 where there is none), and on top of it the
    deltas of all thresholds."""
    cap: float
    releases: int
    """Reservations that a release may rest on: those with a covered event, or with a look outside
    the budget that a release depends on."""
    unsettled: int
    """Reservations not settled: running, failed or killed. They count as spent."""


def default_url() -> str:
    """Returns `SYNTHKIT_LEDGER`, or the SQLite file in the user's data folder.

    The folder is `SYNTHKIT_HOME`, else `XDG_DATA_HOME`/synthkit, else ~/.local/share/synthkit.
    """
    if url := os.environ.get("SYNTHKIT_LEDGER"):
        return url
    return f"sqlite:///{data_folder().absolute() / 'ledger.sqlite'}"


class Ledger:
    """Accounts of populations at a database URL.

    Args:
        url: `sqlite:////absolute/path` or `postgresql+psycopg://...`; None: `default_url()`.

    Raises:
        InputError: If the URL is unusable, or the database cannot be reached or opened.
        IntegrityError: If the database is corrupt; every method checks the chain as well.
    """

    def __init__(self, url: str | None = None) -> None:
        self._journal = Journal(default_url() if url is None else url)

    def reserve(
        self, population: str, unit: str, events: Iterable[Event], *, delta: float, note: str = ""
    ) -> str:
        """Charges a population for events that are about to happen.

        Args:
            population: Whom the rows are about; the same name for every table about them.
            unit: Privacy unit, `person` or `row`; one per population, for good.
            events: Every look at real rows that is about to be taken.
            delta: At which the job states its epsilon.
            note: A word for the history. No cell value.

        Returns:
            The reservation's id, for `settle`.

        Raises:
            BudgetExceeded: If the account would pass its cap; written down, and costs nothing.
            InputError: If a parameter is unusable, or the population is counted by another unit.
            IntegrityError: If the chain is broken.
        """
        _check_words(population, note)
        if unit not in ("person", "row"):
            raise InputError("The privacy unit is neither person nor row.", hint="Name one.")
        planned = tuple(events)
        checked_delta = accountant.check_delta(delta)
        has_price = any(not isinstance(e, UncoveredLook) for e in planned)
        # Outside the lock: also the price of the events alone, and it warms the accountant's cache.
        alone = accountant.cost(planned, delta=checked_delta).epsilon
        document = {
            "action": "reserved",
            "id": secrets.token_hex(8),
            "population": population,
            "created": _now(),
            "unit": unit,
            "events": [_event_document(e) for e in planned],
            "epsilon": alone if has_price else None,
            "delta": checked_delta,
            "note": note,
        }
        refusal: BudgetExceeded | None = None
        with self._journal.writing() as writer:
            entries = _entries(writer.rows, population)
            _check_unit(entries, unit)
            if has_price:
                refusal = _refusal(population, entries, planned, checked_delta, alone)
            writer.append(document if refusal is None else {**document, "action": "refused"})
        if refusal is not None:
            raise refusal
        return str(document["id"])

    def settle(self, reservation: str, *, domains: Iterable[str] = ()) -> None:
        """Writes down that a reserved job has ended; changes no spend.

        Args:
            reservation: What `reserve` returned.
            domains: Digests of the column domains that the job bought, so that a later job of the
                same population may use them at no further cost.

        Raises:
            InputError: If there is no such reservation, or it was settled before.
        """
        bought = sorted(domains)
        with self._journal.writing() as writer:
            lines = [r.document for r in writer.rows if r.document.get("id") == reservation]
            if [d["action"] for d in lines] != ["reserved"]:
                settled = any(d["action"] == "settled" for d in lines)
                raise InputError(
                    "The reservation is settled already."
                    if settled
                    else "The ledger has no such reservation.",
                    hint="Settle once, with the id that reserve returned.",
                )
            writer.append(
                {
                    "action": "settled",
                    "id": reservation,
                    "population": lines[0]["population"],
                    "created": _now(),
                    **({"domains": bought} if bought else {}),
                }
            )

    def spent(self, population: str) -> Spent:
        """Prices the population's account; an unknown population has spent nothing."""
        entries = self.history(population)
        charged = _charged(entries)
        past = _events(charged)
        price = accountant.cost(past, delta=_account_delta(charged), thresholds_on_top=True)
        settled = {e.id for e in entries if e.action == "settled"}
        reserved = [e for e in entries if e.action == "reserved"]
        return Spent(
            epsilon=price.epsilon,
            naive_epsilon=math.fsum(e.epsilon or 0.0 for e in charged),
            delta=price.delta,
            cap=_cap(entries),
            releases=sum(_is_for_release(e) for e in reserved),
            unsettled=sum(e.id not in settled for e in reserved),
        )

    def history(self, population: str) -> tuple[Entry, ...]:
        """Returns the population's entries, oldest first, refusals and uncovered looks included."""
        return _entries(self._journal.rows(), population)

    def set_cap(self, population: str, epsilon: float) -> None:
        """Sets the lifetime cap; below what is spent, nothing more fits.

        Raises:
            InputError: If epsilon is not a finite number above 0.
        """
        _check_words(population, "")
        cap = accountant.check_epsilon(epsilon)
        document = {"action": "cap", "population": population, "created": _now(), "epsilon": cap}
        with self._journal.writing() as writer:
            writer.append(document)

    def populations(self) -> tuple[str, ...]:
        """Returns the names of all populations, sorted."""
        return tuple(sorted({str(r.document["population"]) for r in self._journal.rows()}))

    def verify_chain(self) -> None:
        """Checks every entry against its hash and its predecessor.

        Raises:
            IntegrityError: Names the first bad entry.
        """
        self._journal.rows()


def _refusal(
    population: str, entries: Sequence[Entry], planned: Sequence[Event], delta: float, alone: float
) -> BudgetExceeded | None:
    """Prices past and plan together; gives the refusal if the cap would be passed."""
    charged = _charged(entries)
    past = _events(charged)
    common = min(delta, _account_delta(charged))
    thresholds = accountant.threshold_delta([*past, *planned])
    if thresholds > _MAX_THRESHOLD_DELTA * (1 + 1e-9) and accountant.threshold_delta(planned) > 0:
        return BudgetExceeded(
            f"The privacy budget of {population} does not allow this job: the thresholds of all "
            f"its releases would add {thresholds:.2g} to delta, and at most "
            f"{_MAX_THRESHOLD_DELTA:.0e} is allowed.",
            hint="State a smaller delta, or declare the columns' domains in the schema so that "
            "none has to be bought.",
        )
    total = accountant.cost([*past, *planned], delta=common, thresholds_on_top=True).epsilon
    cap = _cap(entries)
    if total <= cap:
        return None
    before = accountant.cost(past, delta=common, thresholds_on_top=True).epsilon
    common += thresholds
    return BudgetExceeded(
        f"The privacy budget of {population} does not allow this job: its cap is epsilon "
        f"{cap:g}, {before:.3f} is spent, {alone:.3f} is requested at delta {delta:.2g}, and "
        f"together they would be {total:.3f} at delta {common:.2g}.",
        hint=f"About {max(0.0, cap - before):.3f} remains: request less epsilon, sample again "
        "from a model that is already trained (this is free), or have the data's owner raise the "
        "cap with `synthkit budget cap`.",
    )


def _entries(rows: Iterable[Row], population: str) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            sequence=row.sequence,
            id=str(row.document.get("id", "")),
            population=population,
            action=row.document["action"],
            created=row.document["created"],
            unit=row.document.get("unit"),
            epsilon=row.document.get("epsilon"),
            delta=row.document.get("delta"),
            events=tuple(row.document.get("events", ())),
            note=row.document.get("note", ""),
            domains=tuple(row.document.get("domains", ())),
            hash=row.hash,
        )
        for row in rows
        if row.document["population"] == population
    )


def _charged(entries: Iterable[Entry]) -> list[Entry]:
    return [e for e in entries if e.action == "reserved" and e.epsilon is not None]


def _events(entries: Iterable[Entry]) -> list[Event]:
    return [_event(document) for entry in entries for document in entry.events]


def _cap(entries: Sequence[Entry]) -> float:
    caps = [e.epsilon for e in entries if e.action == "cap" and e.epsilon is not None]
    return caps[-1] if caps else DEFAULT_CAP


def _account_delta(charged: Iterable[Entry]) -> float:
    """The delta at which an account is priced: the smallest of its entries', at most 1e-6.

    A cap on epsilon means nothing beside a careless delta: 9.9 at delta 0.5 is 32 at 1e-6.
    """
    return min([_MAX_DELTA, *(e.delta for e in charged if e.delta is not None)])


def _is_for_release(entry: Entry) -> bool:
    return entry.epsilon is not None or any(e.get("in_release", False) for e in entry.events)


def _event_document(event: Event) -> dict[str, Any]:
    return {"kind": _NAMES[type(event)], **asdict(event)}


def _event(document: Mapping[str, Any]) -> Event:
    fields = dict(document)
    with contextlib.suppress(KeyError, TypeError):
        return _KINDS[fields.pop("kind")](**fields)
    raise IntegrityError(
        "The ledger holds an event that this version of synthkit does not know.",
        hint="Use the version of synthkit that wrote it, or a newer one.",
    )


def _check_unit(entries: Iterable[Entry], unit: str) -> None:
    other = {e.unit for e in entries if e.action == "reserved"} - {unit}
    if other:
        raise InputError(
            f"This population's budget is counted by {other.pop()}, not by {unit}.",
            hint="An epsilon per row says little about a person: keep one privacy unit per "
            "population, or charge another population.",
        )


def _check_words(population: str, note: str) -> None:
    is_name = isinstance(population, str) and 0 < len(population) <= 200
    if not (is_name and population.isprintable() and population.strip() == population):
        raise InputError(
            "The population's name is empty, too long or holds unprintable characters.",
            hint="Name the people that the rows are about, for example reviewers-2025.",
        )
    if not isinstance(note, str) or len(note) > 500 or not (note.isprintable() or not note):
        raise InputError(
            "The note for the ledger is too long or holds unprintable characters.",
            hint="One line of up to 500 characters.",
        )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
