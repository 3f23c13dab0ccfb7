"""What the accounting rests on: sensitivity, secrecy of the choice, post-processing only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthkit.encode import fit, n_tables
from synthkit.errors import InputError
from synthkit.privacy import mechanism
from synthkit.schema.model import Column, Schema
from tests.encode import strategies

relaxed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def last_rows_of_units(units: np.ndarray, *, most: int) -> tuple[np.ndarray, ...]:
    """Stands in for the secret choice, coupled between neighbours: same unit, same rows."""
    rows = [np.flatnonzero(units == u)[::-1] for u in np.unique(units)]
    return tuple(np.array([r[j] for r in rows if len(r) > j], dtype=np.int64) for j in range(most))


def counted(
    monkeypatch: pytest.MonkeyPatch,
    made: tuple[pl.DataFrame, Schema, np.ndarray],
    choose: Callable[..., tuple[np.ndarray, ...]] = last_rows_of_units,
    rows_per_unit: int = 1,
) -> tuple[np.ndarray, list[int]]:
    """Returns the exact counts that `fit` hands to the noise, and the size of each table."""
    seen: list[np.ndarray] = []

    def capture(counts: np.ndarray, *, sigma: float, cells: object) -> np.ndarray:
        seen.append(counts.copy())
        return counts

    with monkeypatch.context() as patch:
        patch.setattr(mechanism, "noisy_counts", capture)
        patch.setattr(mechanism, "rows_of_units", choose)
        fitted = fit(*made, sigma=1.0, rows_per_unit=rows_per_unit)
    assert len(seen) == 1, "one event, one call"
    assert seen[0].dtype == np.int64
    assert len(seen[0]) == rows_per_unit
    return seen[0].ravel(), [p.grid.n_cells for p in fitted.codec.parts] * rows_per_unit


def changes_per_table(before: np.ndarray, after: np.ndarray, sizes: list[int]) -> list[list[int]]:
    """Returns the non-zero changes of each table."""
    pieces = np.split(after - before, np.cumsum(sizes)[:-1])
    return [p[p != 0].tolist() for p in pieces]


def without_last_unit(made):
    table, schema, units = made
    keep = units != units.max()
    return table.filter(pl.Series(keep)), schema, units[keep]


@relaxed
@given(made=strategies.tables(min_rows=1))
def test_a_unit_changes_one_cell_of_each_table_by_one(monkeypatch, made):
    after, sizes = counted(monkeypatch, made)
    before, sizes_before = counted(monkeypatch, without_last_unit(made))
    assert sizes == sizes_before
    assert changes_per_table(before, after, sizes) == [[1]] * n_tables(made[1])


@pytest.mark.parametrize(("rows", "counted_rows"), [(1, 1), (2, 2), (3, 3), (7, 3)])
def test_with_three_rows_a_unit_changes_a_cell_of_each_table_of_as_many_sets(
    monkeypatch, rows, counted_rows
):
    made = person_with_rows(rows)
    after, sizes = counted(monkeypatch, made, rows_per_unit=3)
    before, _ = counted(monkeypatch, without_last_unit(made), rows_per_unit=3)
    assert changes_per_table(before, after, sizes) == [[1]] * 2 * counted_rows + [[]] * 2 * (
        3 - counted_rows
    )


def test_the_noise_of_three_rows_per_unit_is_the_sum_of_three():
    made = person_with_rows(7)
    fitted = fit(*made, sigma=5.0, rows_per_unit=3)
    assert fitted.one_way.sigma == pytest.approx(5.0 * 3**0.5)


def test_a_row_counts_in_the_cells_that_audits_are_told():
    made = person_with_rows(4)
    with mechanism._recording() as tape:
        fit(*made, sigma=1.0)
    asked = tape.draws[1].asked
    total = np.zeros(asked["counts"].size, dtype=np.int64)
    for cell in asked["cells"](made[0][[0, 0]]).ravel():
        total[cell] += 1
    # Unit 0 has one row; the other one's is whatever was chosen.
    rest = asked["counts"].ravel() - total / 2
    assert (rest >= 0).all()
    assert rest.sum() == 2


def person_with_rows(n: int) -> tuple[pl.DataFrame, Schema, np.ndarray]:
    columns = (
        Column(name="who", kind="person_id"),
        Column(name="age", kind="integer", bounds=(0, 90)),
        Column(name="flag", kind="boolean", nullable=True),
    )
    table = pl.DataFrame(
        {
            "who": ["a", *(["b"] * n)],
            "age": pl.Series([30, *range(n)], dtype=pl.Int64),
            "flag": pl.Series([True, *([None, False] * n)[:n]], dtype=pl.Boolean),
        }
    )
    schema = Schema(name="t", population="t", columns=columns)
    return table, schema, np.array([0, *([1] * n)], dtype=np.int64)


def test_the_sensitivity_test_catches_a_fit_that_counts_every_row(monkeypatch):
    """The planted fault: no bound on a person's contribution."""

    def every_row(units: np.ndarray, *, most: int) -> tuple[np.ndarray, ...]:
        return (np.arange(units.size),)

    made = person_with_rows(7)
    after, sizes = counted(monkeypatch, made, every_row)
    before, _ = counted(monkeypatch, without_last_unit(made), every_row)
    assert changes_per_table(before, after, sizes) != [[1], [1]]
    after, sizes = counted(monkeypatch, made)
    before, _ = counted(monkeypatch, without_last_unit(made))
    assert changes_per_table(before, after, sizes) == [[1], [1]]


def test_the_row_of_a_unit_is_chosen_by_the_secret_mechanism():
    """100 rows of one person, 60 fits: the same row each time has chance 100^-59."""
    made = person_with_rows(90)
    seen = set()
    for _ in range(60):
        with mechanism._recording() as tape:
            fit(*made, sigma=1.0)
        kinds = [d.kind for d in tape.draws]
        assert kinds == ["rows_of_units", "noisy_counts"]
        seen.add(tape.draws[1].asked["counts"].tobytes())
    assert len(seen) > 1


def outcome(
    monkeypatch: pytest.MonkeyPatch,
    fitting: Callable[..., object],
    made: tuple[pl.DataFrame, Schema, np.ndarray],
    release: dict[str, np.ndarray],
) -> tuple[object, ...]:
    """Everything releasable of a fit whose noisy counts are frozen to the first call's."""

    def frozen(counts: np.ndarray, *, sigma: float, cells: object) -> np.ndarray:
        noise = np.arange(counts.size) % 3 - 1
        release.setdefault("counts", counts + noise)
        if release["counts"].shape != counts.shape:
            return counts + noise
        return release["counts"].copy()

    with monkeypatch.context() as patch:
        patch.setattr(mechanism, "noisy_counts", frozen)
        fitted = fitting(*made, sigma=1.0)
    one_way = fitted.one_way
    return (
        fitted.codec.to_dict(),
        [c.tolist() for c in one_way.counts],
        one_way.units,
        fitted.codes.sizes,
        fitted.codes.values.dtype,
    )


def depends_on_rows(monkeypatch, fitting, made, neighbour) -> bool:
    release: dict[str, np.ndarray] = {}
    first = outcome(monkeypatch, fitting, made, release)
    return outcome(monkeypatch, fitting, neighbour, release) != first


@relaxed
@given(made=strategies.tables(min_rows=1), keep=st.integers(0, 12))
def test_under_a_frozen_release_the_rows_do_not_matter(monkeypatch, made, keep):
    table, schema, units = made
    for neighbour in (
        without_last_unit(made),
        (table.clear(), schema, units[:0]),
        (table.reverse(), schema, units),
        (pl.concat([table, table]), schema, np.concatenate([units, units + units.max() + 1])),
    ):
        assert not depends_on_rows(monkeypatch, fit, made, neighbour)


def fit_with_bounds_from_the_data(table, schema, units, *, sigma):
    """Planted fault: the grid reaches from the smallest to the largest value seen."""
    columns = tuple(
        Column(
            name=c.name,
            kind=c.kind,
            bounds=(table[c.name].min(), table[c.name].max()) if c.bounds else None,
            nullable=c.nullable,
        )
        for c in schema.encoded
    )
    return fit(table, Schema(name="t", population="t", columns=columns), units, sigma=sigma)


def fit_with_exact_number_of_units(table, schema, units, *, sigma):
    """Planted fault: the release states the exact number of people."""
    import dataclasses

    fitted = fit(table, schema, units, sigma=sigma)
    one_way = dataclasses.replace(fitted.one_way, units=float(np.unique(units).size))
    return dataclasses.replace(fitted, one_way=one_way)


def fit_with_exact_masses(table, schema, units, *, sigma):
    """Planted fault: noise is charged, exact counts are used."""
    return fit(table, schema, units, sigma=None)


def fit_with_nullability_from_the_data(table, schema, units, *, sigma):
    """Planted fault: a missing code only where a value is missing."""
    columns = tuple(
        Column(name=c.name, kind=c.kind, bounds=c.bounds, nullable=table[c.name].null_count() > 0)
        for c in schema.encoded
    )
    return fit(table, Schema(name="t", population="t", columns=columns), units, sigma=sigma)


@pytest.mark.parametrize(
    "faulty",
    [
        fit_with_bounds_from_the_data,
        fit_with_exact_number_of_units,
        fit_with_exact_masses,
        fit_with_nullability_from_the_data,
    ],
)
def test_the_replay_catches_a_fit_that_looks_past_the_noise(monkeypatch, faulty):
    made = person_with_rows(7)
    neighbour = without_last_unit(made)
    assert depends_on_rows(monkeypatch, faulty, made, neighbour)
    assert not depends_on_rows(monkeypatch, fit, made, neighbour)


@settings(max_examples=80, deadline=None)
@given(strategies.tables(), st.sampled_from([None, 0.7, 20.0]))
def test_one_way_tables_are_consistent(made, sigma):
    table, schema, units = made
    fitted = fit(table, schema, units, sigma=sigma)
    one_way = fitted.one_way
    assert one_way.sigma == sigma
    assert one_way.units >= 1
    assert len(one_way.counts) == n_tables(schema)
    for counts, size in zip(one_way.counts, fitted.codec.sizes, strict=True):
        assert counts.shape == (size,)
        assert counts.dtype == np.float64
        assert counts.min() >= 0
        np.testing.assert_allclose(counts.sum(), one_way.units, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(strategies.tables(min_rows=1))
def test_without_noise_the_tables_are_the_shares_of_all_rows(made):
    table, schema, units = made
    fitted = fit(table, schema, units, sigma=None)
    assert fitted.one_way.units == np.unique(units).size
    for i, counts in enumerate(fitted.one_way.counts):
        exact = np.bincount(fitted.codes.values[:, i], minlength=fitted.codec.sizes[i])
        np.testing.assert_allclose(counts / counts.sum(), exact / table.height, atol=1e-12)


def test_noisy_tables_are_near_the_truth():
    """4,000 people, sigma 5, 3 columns of at most 91 cells: 8 sigma is never passed in practice."""
    rng = np.random.default_rng(11)
    _, schema, _ = person_with_rows(1)
    n = 4_000
    table = pl.DataFrame({"age": rng.integers(0, 91, n), "flag": rng.random(n) < 0.3})
    fitted = fit(table, schema, np.arange(n), sigma=5.0)
    assert abs(fitted.one_way.units - n) < 8 * 5.0 / np.sqrt(1 / 91 + 1 / 3)
    exact = np.bincount(fitted.codes.values[:, 1], minlength=fitted.codec.sizes[1])
    assert np.abs(fitted.one_way.counts[1] - exact).max() < 8 * 5.0


@pytest.mark.parametrize(
    "options",
    [
        {"sigma": 0.0},
        {"sigma": -1.0},
        {"sigma": float("nan")},
        {"sigma": 1.0, "max_codes": 1},
        {"sigma": 1.0, "max_bins": 0},
        {"sigma": 1.0, "max_codes": 10**6},
    ],
)
def test_unusable_options_are_refused_before_any_look(monkeypatch, options):
    monkeypatch.setattr(mechanism, "rows_of_units", None)
    with pytest.raises(InputError):
        fit(*person_with_rows(2), **options)


def test_absent_columns_and_wrong_units_are_refused_by_name():
    table, schema, units = person_with_rows(2)
    with pytest.raises(InputError, match="flag"):
        fit(table.drop("flag"), schema, units, sigma=1.0)
    with pytest.raises(InputError, match="different numbers of rows"):
        fit(table, schema, units[1:], sigma=1.0)
