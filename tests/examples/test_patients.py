"""The simulated admissions have the structure that the description claims.

Seeded tables of 20,000 rows; see `test_reviews` for why plain distances are enough.
"""

from __future__ import annotations

import polars as pl
import pytest

from synthkit.examples import patients

C = pl.col
GROUP = C("diagnosis").str.slice(0, 1)
LABS = ("creatinine", "hemoglobin", "sodium", "crp")


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return patients.simulate()


@pytest.fixture(scope="module")
def measured(table) -> pl.DataFrame:
    """The laboratory values as numbers."""
    return table.with_columns(C(n).cast(pl.Float64, strict=False) for n in LABS)


def share(table: pl.DataFrame, condition: pl.Expr, value: pl.Expr) -> float:
    return float(table.filter(condition).select(value.mean()).item())


def gaps(table: pl.DataFrame) -> pl.DataFrame:
    """Every admission that has a later one, with the days from discharge to it."""
    ordered = table.sort("patient_id", "admission_date").with_columns(
        C("admission_date").shift(-1).over("patient_id").alias("next")
    )
    days = (C("next") - C("admission_date")).dt.total_days() - C("length_of_stay_days")
    return ordered.filter(C("next").is_not_null()).with_columns(days.alias("gap"))


def test_patients_have_one_to_twelve_admissions(table):
    rows = table.group_by("patient_id").len().get_column("len")
    assert 11_500 <= len(rows) <= 12_500
    assert rows.max() == 12
    assert 0.6 < (rows == 1).mean() < 0.8


def test_what_belongs_to_a_patient_is_the_same_in_all_rows(table):
    per_patient = table.group_by("patient_id").agg(C("patient_name", "sex", "area").n_unique())
    assert per_patient.drop("patient_id").max().row(0) == (1, 1, 1)


def test_age_grows_with_the_date(table):
    ordered = table.sort("patient_id", "admission_date")
    older = ordered.select(C("age").diff().over("patient_id").alias("d")).get_column("d")
    assert older.min() >= 0
    assert older.max() <= 5


def births_outside_their_rule(table: pl.DataFrame) -> int:
    outside = (C("sex") != "female") | ~C("age").is_between(16, 50)
    return table.filter((GROUP == "B") & outside).height


def test_births_occur_only_in_women_of_16_to_50(table):
    assert births_outside_their_rule(table) == 0
    assert table.filter(GROUP == "B").height > 800
    shuffled = table.with_columns(C("sex").reverse())
    assert births_outside_their_rule(shuffled) > 100, "a planted break is caught"


def test_ten_codes_are_rare_and_the_others_are_not(table):
    patients_of = dict(table.group_by("diagnosis").agg(C("patient_id").n_unique()).iter_rows())
    rare = {code for code, n in patients_of.items() if n < 10}
    assert len(patients_of) == 60
    assert rare == {c for c in patients.CODES if c.endswith("06")}
    assert min(n for code, n in patients_of.items() if code not in rare) > 50


def test_diagnoses_follow_age_season_and_the_first_stay(table):
    old, young = C("age") >= 70, C("age").is_between(18, 45)
    assert share(table, old, GROUP == "C") > 2 * share(table, young, GROUP == "C")
    assert share(table, young, GROUP == "I") > 2 * share(table, old, GROUP == "I")
    first = table.sort("admission_date").unique("patient_id", keep="first", maintain_order=True)
    month = C("admission_date").dt.month()
    respiratory = GROUP == "R"
    winter, summer = month.is_in([12, 1, 2]), month.is_in([6, 7, 8])
    assert share(first, winter, respiratory) > 2 * share(first, summer, respiratory)
    ordered = table.sort("patient_id", "admission_date").with_columns(GROUP.alias("group"))
    same = ordered.select((C("group") == C("group").first().over("patient_id")).alias("same"))
    is_first = ordered.select(C("patient_id").is_first_distinct()).to_series()
    assert 0.5 < same.filter(~is_first).to_series().mean() < 0.7


def test_the_second_diagnosis_differs_from_the_first(table):
    second = table.filter(C("second_diagnosis").is_not_null())
    assert (second.get_column("second_diagnosis") != second.get_column("diagnosis")).all()
    missing = C("second_diagnosis").is_null()
    young, old = share(table, C("age") < 40, missing), share(table, C("age") > 70, missing)
    assert young - old > 0.1


def test_laboratory_values_depend_on_group_sex_and_age(measured):
    def mean(name: str, condition: pl.Expr) -> float:
        return share(measured, condition, C(name))

    assert mean("creatinine", GROUP == "U") > 1.4 * mean("creatinine", GROUP == "D")
    assert mean("creatinine", C("age") > 70) > 1.1 * mean("creatinine", C("age") < 40)
    assert mean("hemoglobin", C("sex") == "male") - mean("hemoglobin", C("sex") == "female") > 1
    assert mean("hemoglobin", GROUP == "D") - mean("hemoglobin", GROUP == "O") > 1
    assert mean("crp", GROUP == "R") > 3 * mean("crp", GROUP == "D")
    assert mean("sodium", C("icu")) < mean("sodium", ~C("icu")) - 0.5


def test_laboratory_values_are_missing_not_at_random(table, measured):
    for name, low, high in (("creatinine", 0.1, 0.3), ("crp", 0.3, 0.5)):
        assert low < measured.get_column(name).is_null().mean() < high
        missing = C(name).is_null()
        assert share(measured, ~C("icu"), missing) > 1.8 * share(measured, C("icu"), missing)
    tokens = table.get_column("crp").value_counts()
    counts = dict(tokens.filter(C("crp").is_in(["N", "not done"])).iter_rows())
    assert counts["N"] > counts["not done"] > 1_000
    unread = measured.get_column("sodium").is_null()
    assert unread.equals(table.get_column("sodium") == "N"), "every other token is a number"


def test_stays_have_a_heavy_tail_and_grow_with_severity(table):
    stay = table.get_column("length_of_stay_days")
    assert stay.min() == 0
    assert stay.median() <= 4
    assert 60 < stay.max() <= patients.MOST_DAYS_OF_STAY
    days = C("length_of_stay_days")
    assert share(table, C("icu"), days) > 2 * share(table, ~C("icu"), days)


def test_the_dead_do_not_come_back(table):
    dead = C("discharge_to") == "died"
    assert table.filter(dead).height > 100
    assert not table.filter(dead).get_column("readmitted_30d").any()
    assert gaps(table).filter(dead).height == 0
    assert share(table, C("icu"), dead) > 5 * share(table, ~C("icu"), dead)


def test_the_dates_agree_with_the_readmissions(table):
    later = gaps(table)
    again, not_again = later.filter("readmitted_30d"), later.filter(~C("readmitted_30d"))
    assert again.get_column("gap").min() >= 1
    assert again.get_column("gap").max() <= 30
    assert not_again.get_column("gap").min() > 30
    assert again.height > 1_000


def test_readmission_rises_with_age_and_length_of_stay(table):
    rate = C("readmitted_30d")
    assert 0.15 < table.select(rate.mean()).item() < 0.35
    assert share(table, C("age") > 75, rate) > 1.7 * share(table, C("age") < 40, rate)
    days = C("length_of_stay_days")
    assert share(table, days >= 10, rate) > 1.4 * share(table, days <= 2, rate)


def test_dates_lie_in_five_years_without_a_heap_at_the_end(table):
    dates = table.get_column("admission_date")
    years = dict(table.group_by(C("admission_date").dt.year()).len().iter_rows())
    assert set(years) == {2020, 2021, 2022, 2023, 2024}
    assert min(years.values()) > 2_500
    assert dates.value_counts().get_column("count").max() < 40
