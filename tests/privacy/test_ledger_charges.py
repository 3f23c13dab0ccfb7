"""Whatever looks at the rows is charged: a retry, a second trial, a run whose gate refuses.

Each time the account grows, and what it says is the price of all looks together: never less than
the accountant gives for their events in one, and less than the sum of the single prices.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import synthkit as sk
from synthkit.privacy import accountant, ledger
from synthkit.privacy.event import Event
from synthkit.privacy.ledger import Ledger, Spent
from tests.pipeline.jobs import PLAN, schema, visits, write_job
from tests.privacy.conftest import empty_ledger

POPULATION = "visits-test"
SMALL = {
    "critic_steps": 2,
    "batch_size": 64,
    "hidden": 16,
    "latent": 4,
    "critic_hidden": 8,
}
"""Options of a generator that trains in no time."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty ledger; whole jobs are run on it, so PostgreSQL's turn is among the slow tests."""
    return empty_ledger(request, tmp_path)


@pytest.fixture
def account(url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Spent]:
    """Reads the account of an empty ledger, which is everybody's during the test."""
    monkeypatch.setenv("SYNTHKIT_LEDGER", url)
    return lambda: Ledger(url).spent(POPULATION)


def events_of(entry: ledger.Entry) -> list[Event]:
    return [ledger._event(e) for e in entry.events]


def charged() -> list[list[Event]]:
    """The events of each reservation, oldest first."""
    return [events_of(e) for e in Ledger().history(POPULATION) if e.action == "reserved"]


def is_tight(spent: Spent) -> bool:
    """Whether the account is the price of all reservations' events in one composition."""
    parts = charged()
    together = accountant.cost([e for part in parts for e in part], delta=spent.delta).epsilon
    single = [accountant.cost(part, delta=spent.delta).epsilon for part in parts]
    return max(single) < spent.epsilon == together < sum(single)


KILLED_AT_THE_FIRST_LOOK = """
    import os, signal, sys
    import synthkit as sk
    from synthkit.privacy import mechanism
    mechanism.noisy_counts = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
    sk.run(sk.load_plan(sys.argv[1]))
"""


def test_a_retry_after_a_crash_is_charged_again(
    account: Callable[[], Spent], tmp_path: Path
) -> None:
    plan = write_job(tmp_path / "job")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED_AT_THE_FIRST_LOOK), plan],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    before = account()
    assert 1.5 < before.epsilon <= 2.0
    assert before.unsettled == 1
    sk.fit(visits(), schema(), epsilon=2.0, generator="independent")
    after = account()
    assert after.epsilon > before.epsilon
    assert after.naive_epsilon == pytest.approx(2 * before.naive_epsilon)
    assert (after.releases, after.unsettled) == (2, 1)
    assert is_tight(after)


def test_a_second_trial_with_other_options_is_charged_beside_the_first(
    account: Callable[[], Spent],
) -> None:
    trials = ({"match_steps": 5}, {"match_steps": 6, "two_way_share": 0.7})
    spent = []
    for options in trials:
        sk.fit(visits(), schema(), epsilon=1.0, generator="dpctgan", options={**SMALL, **options})
        spent.append(account())
    assert 0.9 < spent[0].epsilon <= 1.0 < spent[1].epsilon
    assert spent[1].unsettled == 0
    assert is_tight(spent[1])
    first, second = charged()
    assert first != second  # the shares differ: two looks, not one that is counted twice


def test_a_run_that_the_gate_refuses_is_charged_and_so_is_the_next(
    account: Callable[[], Spent], tmp_path: Path
) -> None:
    job = write_job(
        tmp_path / "job", PLAN.replace("epsilon: 2.0", "epsilon: 4.0") + "policy: public\n"
    )
    plan = sk.load_plan(job)
    spent = []
    for output in ("first", "second"):
        result = sk.run(dataclasses.replace(plan, output=tmp_path / output))
        assert result.decision.verdict == "refused"
        spent.append(account())
    assert 3.5 < spent[0].epsilon <= 4.0 < spent[1].epsilon
    assert (spent[1].releases, spent[1].unsettled) == (2, 0)
    assert is_tight(spent[1])
