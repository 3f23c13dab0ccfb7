"""The figures of the benchmarks, against tables counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.distances import distance, mean_distances, triples
from benchmarks.summary import markdown, read_runs

REAL = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 1], [1, 1, 1]])
OTHER = np.array([[0, 0, 0], [0, 0, 0], [1, 1, 0], [1, 1, 0]])
SIZES = (2, 2, 2)


def test_one_way_distances_counted_by_hand() -> None:
    assert distance(REAL, OTHER, SIZES, (0,)) == 0
    assert distance(REAL, OTHER, SIZES, (1,)) == 0
    assert distance(REAL, OTHER, SIZES, (2,)) == 0.5  # half ones against none


def test_two_way_distances_counted_by_hand() -> None:
    # Real: a quarter in each of the four cells; other: half in 00 and half in 11.
    assert distance(REAL, OTHER, SIZES, (0, 1)) == 0.5
    # Real: half 00, half 11; other: half 00, half 10.
    assert distance(REAL, OTHER, SIZES, (0, 2)) == 0.5


def test_the_means_are_over_all_columns_pairs_and_triples() -> None:
    found = mean_distances(REAL, OTHER, SIZES)
    # Pair (1, 2): real a quarter in each cell, other half 00 and half 10.
    assert found["tvd1"] == pytest.approx(0.5 / 3)
    assert found["tvd2"] == pytest.approx((0.5 + 0.5 + 0.5) / 3)
    # Real: 000 010 101 111, a quarter each; other: half 000, half 110. They share a quarter.
    assert found["tvd3"] == pytest.approx(0.75)


def test_a_table_is_at_no_distance_from_itself_repeated() -> None:
    assert set(mean_distances(REAL, np.concatenate([REAL] * 3), SIZES).values()) == {0.0}


def test_tables_without_a_common_row_are_at_distance_one() -> None:
    assert distance(np.zeros((5, 2), int), np.ones((3, 2), int), (2, 2), (0, 1)) == 1


def test_triples_are_fixed_distinct_and_in_range() -> None:
    found = triples(15)
    assert found == triples(15)
    assert len(set(found)) == 30
    assert all(0 <= a < b < c < 15 for a, b, c in found)
    assert triples(3) == [(0, 1, 2)]


def test_the_table_of_runs_has_means_and_intervals_over_seeds(tmp_path: Path) -> None:
    for seed, value in enumerate((0.02, 0.03, 0.04)):
        run = {
            "table": "t", "name": "made up", "epsilon": 1.0, "seed": seed, "date": "2026-01-01",
            "versions": {"python": "3"}, "machine": "m", "result": {"tvd2": value},
        }  # fmt: skip
        (tmp_path / f"{seed}.json").write_text(json.dumps(run))
    # Standard deviation .01, t(2) = 4.303: half-width 4.303 * .01 / sqrt(3) = .0248.
    assert "| t | made up | 1 | 3 | 0.0300 ± 0.0248 |" in markdown(read_runs(tmp_path))
