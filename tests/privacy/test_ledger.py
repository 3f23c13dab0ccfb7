"""The ledger: charged before, refusing at the cap, tamper-evident; on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from synthkit.errors import BudgetExceeded, InputError, IntegrityError
from synthkit.privacy import accountant
from synthkit.privacy.event import Event, NoisyGradients, NoisyTables, UncoveredLook
from synthkit.privacy.ledger import Ledger, default_url

DELTA = 1e-6
SMALL = NoisyTables(name="one-way", sigma=60.0, tables=15)
LARGE = NoisyTables(name="all pairs", sigma=5.0, tables=60)  # epsilon 8: two do not fit in 10
GRADIENTS = NoisyGradients(name="d", noise_multiplier=2.0, sample_rate=0.01, steps=500)
PEEK = UncoveredLook(name="evaluation", reason="reads holdout rows", in_release=False)
COPY = UncoveredLook(name="non-private training", reason="no noise", in_release=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(url: str) -> Ledger:
    return Ledger(url)


def price(*events: Event, delta: float = DELTA) -> float:
    return accountant.cost(events, delta=delta).epsilon


def actions(ledger: Ledger, population: str = "people") -> list[str]:
    return [e.action for e in ledger.history(population)]


# Spending.


def test_an_unknown_population_has_spent_nothing(ledger: Ledger) -> None:
    spent = ledger.spent("people")
    assert (spent.epsilon, spent.naive_epsilon, spent.releases, spent.cap) == (0.0, 0.0, 0, 10.0)
    assert ledger.history("people") == ()
    assert ledger.populations() == ()


def test_releases_are_priced_together_and_not_added_up(ledger: Ledger) -> None:
    for events in ([SMALL, GRADIENTS], [SMALL], [GRADIENTS]):
        ledger.settle(ledger.reserve("people", "person", events, delta=DELTA))
    spent = ledger.spent("people")
    assert spent.epsilon == price(SMALL, SMALL, GRADIENTS, GRADIENTS)
    assert spent.naive_epsilon == pytest.approx(
        price(SMALL, GRADIENTS) + price(SMALL) + price(GRADIENTS)
    )
    assert spent.epsilon < 0.75 * spent.naive_epsilon
    assert (spent.releases, spent.unsettled, spent.delta) == (3, 0, DELTA)


def test_populations_do_not_share_a_budget(ledger: Ledger) -> None:
    ledger.reserve("people", "person", [LARGE], delta=DELTA)
    ledger.reserve("patients", "row", [LARGE], delta=DELTA)
    assert ledger.populations() == ("patients", "people")
    assert ledger.spent("people").epsilon == ledger.spent("patients").epsilon == price(LARGE)


def test_an_unsettled_reservation_is_spent(ledger: Ledger) -> None:
    ledger.reserve("people", "person", [SMALL], delta=DELTA)
    spent = ledger.spent("people")
    assert (spent.epsilon, spent.unsettled) == (price(SMALL), 1)


def test_the_account_is_priced_at_the_smallest_delta(ledger: Ledger) -> None:
    ledger.reserve("people", "person", [SMALL], delta=1e-7)
    ledger.reserve("people", "person", [SMALL], delta=1e-4)
    assert ledger.spent("people").delta == 1e-7
    assert ledger.spent("people").epsilon == price(SMALL, SMALL, delta=1e-7)


def test_a_careless_delta_does_not_get_past_the_cap(ledger: Ledger) -> None:
    ledger.reserve("people", "person", [LARGE], delta=DELTA)
    assert price(LARGE, LARGE, delta=0.5) < 10
    with pytest.raises(BudgetExceeded):
        ledger.reserve("people", "person", [LARGE], delta=0.5)


# The cap.


def test_a_refusal_names_the_numbers_and_costs_nothing(ledger: Ledger) -> None:
    ledger.reserve("people", "person", [LARGE], delta=DELTA)
    before = ledger.spent("people")
    with pytest.raises(BudgetExceeded) as caught:
        ledger.reserve("people", "person", [LARGE], delta=DELTA, note="again")
    assert caught.value.exit_code == 4
    for number in ("people", "epsilon 10", f"{price(LARGE):.3f}", f"{price(LARGE, LARGE):.3f}"):
        assert number in caught.value.message
    assert f"{10 - price(LARGE):.3f} remains" in caught.value.hint
    assert ledger.spent("people") == before
    assert actions(ledger) == ["reserved", "refused"]
    ledger.reserve("people", "person", [SMALL], delta=DELTA)  # what fits still fits


def test_a_budget_of_exactly_the_cap_fits(ledger: Ledger) -> None:
    ledger.set_cap("people", price(SMALL))
    ledger.reserve("people", "person", [SMALL], delta=DELTA)
    with pytest.raises(BudgetExceeded):
        ledger.reserve(
            "people", "person", [NoisyTables(name="t", sigma=1e4, tables=1)], delta=DELTA
        )


def test_the_cap_can_be_raised_and_lowered_below_what_is_spent(ledger: Ledger) -> None:
    ledger.set_cap("people", 100.0)
    for _ in range(2):
        ledger.reserve("people", "person", [LARGE], delta=DELTA)
    ledger.set_cap("people", 1.0)
    assert ledger.spent("people").cap == 1.0 < ledger.spent("people").epsilon
    with pytest.raises(BudgetExceeded, match=r"cap is epsilon 1,"):
        ledger.reserve("people", "person", [SMALL], delta=DELTA)
    assert actions(ledger) == ["cap", "reserved", "reserved", "cap", "refused"]


@pytest.mark.parametrize("cap", [0, -1, float("nan"), float("inf"), True, "3"])
def test_a_cap_must_be_a_number_above_zero(ledger: Ledger, cap: object) -> None:
    with pytest.raises(InputError):
        ledger.set_cap("people", cap)  # type: ignore[arg-type]
    assert ledger.history("people") == ()


# Looks outside the budget.


def test_uncovered_looks_are_recorded_and_free(ledger: Ledger) -> None:
    ledger.reserve("people", "person", [LARGE, PEEK], delta=DELTA)
    ledger.set_cap("people", 0.001)
    ledger.reserve("people", "person", [PEEK], delta=1e-12)
    last = ledger.history("people")[-1]
    assert last.epsilon is None
    assert last.events == (
        {
            "kind": "uncovered_look",
            "name": "evaluation",
            "reason": "reads holdout rows",
            "in_release": False,
        },
    )
    spent = ledger.spent("people")
    assert (spent.epsilon, spent.delta, spent.releases) == (price(LARGE), DELTA, 1)


def test_a_non_private_release_has_no_epsilon_and_counts_as_a_release(ledger: Ledger) -> None:
    ledger.reserve("people", "row", [COPY], delta=DELTA)
    assert ledger.history("people")[0].epsilon is None
    assert (ledger.spent("people").epsilon, ledger.spent("people").releases) == (0.0, 1)


# Bad requests.


def test_one_population_has_one_unit(ledger: Ledger) -> None:
    ledger.reserve("people", "row", [SMALL], delta=DELTA)
    with pytest.raises(InputError, match="counted by row, not by person"):
        ledger.reserve("people", "person", [SMALL], delta=DELTA)
    assert actions(ledger) == ["reserved"]


@pytest.mark.parametrize(
    ("population", "unit", "delta", "note"),
    [
        ("", "row", DELTA, ""),
        ("a\nb", "row", DELTA, ""),
        (" x", "row", DELTA, ""),
        ("x" * 201, "row", DELTA, ""),
        ("x", "household", DELTA, ""),
        ("x", "row", 0.0, ""),
        ("x", "row", 1.0, ""),
        ("x", "row", DELTA, "two\nlines"),
        ("x", "row", DELTA, "x" * 501),
    ],
)
def test_bad_words_and_numbers_charge_nothing(
    ledger: Ledger, population: str, unit: str, delta: float, note: str
) -> None:
    with pytest.raises(InputError):
        ledger.reserve(population, unit, [SMALL], delta=delta, note=note)
    assert ledger.populations() == ()


def test_settling_takes_a_reservation_once(ledger: Ledger) -> None:
    reservation = ledger.reserve("people", "person", [SMALL], delta=DELTA)
    ledger.settle(reservation)
    with pytest.raises(InputError, match="settled already"):
        ledger.settle(reservation)
    with pytest.raises(InputError, match="no such reservation"):
        ledger.settle("0123456789abcdef")


def test_a_refused_reservation_cannot_be_settled(ledger: Ledger) -> None:
    ledger.set_cap("people", 0.001)
    with pytest.raises(BudgetExceeded):
        ledger.reserve("people", "person", [SMALL], delta=DELTA)
    with pytest.raises(InputError, match="no such reservation"):
        ledger.settle(ledger.history("people")[-1].id)


# Where it lives.


def test_the_default_ledger_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SYNTHKIT_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert default_url() == f"sqlite:///{tmp_path}/xdg/synthkit/ledger.sqlite"
    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path / "home"))
    assert default_url() == f"sqlite:///{tmp_path}/home/ledger.sqlite"
    Ledger().set_cap("people", 3)
    assert (tmp_path / "home" / "ledger.sqlite").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("SYNTHKIT_LEDGER", f"sqlite:///{tmp_path}/other.sqlite")
    assert Ledger().populations() == ()
    assert Ledger(f"sqlite:///{tmp_path}/home/ledger.sqlite").populations() == ("people",)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://u@h/d",
        "sqlite://",
        "sqlite:///:memory:",
        "oracle://x",
        "postgresql+nodriver://u:secret@h/d",
        "sqlite:////proc/none/ledger.sqlite",
    ],
)
def test_an_unusable_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InputError) as caught:
        Ledger(url)
    assert "secret" not in caught.value.message
    assert caught.value.hint


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="cannot be opened for writing"):
        Ledger(f"sqlite:///{tmp_path}/file/ledger.sqlite")


# Tampering and corruption.


def run_sql(url: str, *statements: str) -> None:
    """Runs statements as whoever has the database's password may."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def tamper(url: str, *statements: str) -> None:
    on = " ON synthkit_ledger" if url.startswith("postgresql") else ""
    names = ("append_only",) if on else ("no_update", "no_delete")
    run_sql(url, *(f"DROP TRIGGER synthkit_ledger_{name}{on}" for name in names), *statements)


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    for _ in range(2):
        ledger.settle(ledger.reserve("people", "person", [LARGE if _ else SMALL], delta=DELTA))
    ledger.verify_chain()
    return ledger


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("UPDATE synthkit_ledger SET document = replace(document, '5.0', '500.0')", 3),
        ("UPDATE synthkit_ledger SET document = document || ' ' WHERE sequence = 2", 2),
        ("DELETE FROM synthkit_ledger WHERE sequence = 1", 1),
        ("DELETE FROM synthkit_ledger WHERE sequence = 3", 3),
        ("UPDATE synthkit_ledger SET prev_hash = hash WHERE sequence = 2", 2),
        ("UPDATE synthkit_ledger SET hash = prev_hash WHERE sequence = 4", 4),
        ("UPDATE synthkit_ledger SET sequence = 9 WHERE sequence = 4", 4),
        (
            "INSERT INTO synthkit_ledger SELECT 5, document, prev_hash, hash FROM synthkit_ledger "
            "WHERE sequence = 1",
            5,
        ),
    ],
)
def test_the_first_bad_entry_is_named_and_nothing_can_be_charged(
    filled: Ledger, url: str, statement: str, first_bad: int
) -> None:
    tamper(url, statement)
    for call in (
        filled.verify_chain,
        lambda: filled.spent("people"),
        lambda: filled.reserve("people", "person", [SMALL], delta=DELTA),
        lambda: filled.set_cap("people", 99),
    ):
        with pytest.raises(IntegrityError, match=f"entry {first_bad}\\b") as caught:
            call()
        assert caught.value.exit_code == 4


def test_the_database_itself_refuses_to_alter_entries(filled: Ledger, url: str) -> None:
    for statement in (
        "UPDATE synthkit_ledger SET document = ''",
        "DELETE FROM synthkit_ledger",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            run_sql(url, statement)
    filled.verify_chain()


def test_a_file_that_is_no_database_is_an_integrity_error(path: Path) -> None:
    path.write_bytes(b"this was a ledger once\n" * 500)
    with pytest.raises(IntegrityError, match="corrupt or not a ledger"):
        Ledger(f"sqlite:///{path}")


def test_a_truncated_database_is_an_integrity_error(path: Path) -> None:
    Ledger(f"sqlite:///{path}").reserve("people", "person", [SMALL], delta=DELTA)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    for leftover in (f"{path}-wal", f"{path}-shm"):
        Path(leftover).unlink(missing_ok=True)
    with pytest.raises(IntegrityError):
        Ledger(f"sqlite:///{path}").verify_chain()


def test_an_event_of_the_future_is_not_silently_free(filled: Ledger) -> None:
    with filled._journal.writing() as writer:
        writer.append({**writer.rows[0].document, "id": "1", "events": [{"kind": "psychic"}]})
    with pytest.raises(IntegrityError, match="does not know"):
        filled.spent("people")
