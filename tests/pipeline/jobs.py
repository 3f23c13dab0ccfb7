"""A small job: a table of ward visits, its schema and its plan, with a sentinel in every secret."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import polars as pl

from synthkit.schema import Schema, parse

PATIENT, VISIT, NOTE = "PatientSentinel", "VisitSentinel", "NoteSentinel"
"""Every cell of the columns that no release may carry begins with one of these."""

SCHEMA = """\
synthkit: schema/1
name: visits
population: visits-test
rows_public: 300
targets: [returned]
columns:
  - {name: visit, kind: id}
  - {name: patient, kind: person_id}
  - {name: age, kind: integer, bounds: [0, 120], from: public}
  - {name: weight, kind: float, bounds: [30, 150], decimals: 1, nullable: true, from: public}
  - {name: ward, kind: categorical, categories: [north, south, east], from: public}
  - {name: grade, kind: ordinal, categories: [1, 2, 3], from: public}
  - {name: admitted, kind: date, bounds: [2020-01-01, 2020-03-31], from: public}
  - {name: returned, kind: boolean, from: public}
  - {name: note, kind: text}
"""
PLAN = """\
synthkit: plan/1
name: Visits
table: visits.csv
schema: visits.yaml
output: bundle
generator: independent
epsilon: 2.0
"""
ENCODED = ["age", "weight", "ward", "grade", "admitted", "returned"]


def schema(text: str = SCHEMA) -> Schema:
    """Parses the schema, or a changed one."""
    return parse(text)


def visits(n_rows: int = 400, *, seed: int = 0, first_patient: int = 0) -> pl.DataFrame:
    """Makes a table, two rows per patient, shape (n_rows, 9)."""
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 90, n_rows)
    weight = np.round(rng.uniform(45, 110, n_rows), 1)
    days = rng.integers(0, 90, n_rows)
    return pl.DataFrame(
        {
            "visit": [f"{VISIT}{i}" for i in range(n_rows)],
            "patient": [f"{PATIENT}{first_patient + i // 2}" for i in range(n_rows)],
            "age": age,
            "weight": [None if i % 17 == 0 else float(w) for i, w in enumerate(weight)],
            "ward": rng.choice(["north", "south", "east"], n_rows),
            "grade": rng.integers(1, 4, n_rows),
            "admitted": [datetime.date(2020, 1, 1) + datetime.timedelta(int(d)) for d in days],
            "returned": age + rng.normal(0, 20, n_rows) > 60,
            "note": [f"{NOTE} {i}" for i in range(n_rows)],
        }
    )


def write_job(folder: Path, plan: str = PLAN, schema_text: str = SCHEMA) -> Path:
    """Writes table, schema and plan into a folder; returns the plan's path."""
    folder.mkdir(parents=True, exist_ok=True)
    visits().write_csv(folder / "visits.csv")
    (folder / "visits.yaml").write_text(schema_text)
    (folder / "plan.yaml").write_text(plan)
    return folder / "plan.yaml"
