"""Hospital admissions of invented patients: one to twelve admissions each.

In: a number of rows and a seed. Out: a raw table as a hospital would export it. The structure is
written down in `STRUCTURE` and tested, so that a synthetic table can be judged against the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthkit.examples import draws

if TYPE_CHECKING:
    import polars as pl

STRUCTURE = """
**patients** is a simulated hospital's export: about 20,000 admissions of about 11,900 patients.

- A patient has k admissions with probability proportional to k^-2.3, at most 12. Sex, area and a
  hidden frailty belong to the patient; age grows with the date. Admissions lie between 2020-01-01
  and 2024-12-31.
- Diagnosis: 60 codes in 10 groups (the letter). The group depends on age, sex and season: B
  (birth) occurs only in women of 16 to 50, R (respiratory) peaks in winter (first admissions), I
  (injury) in the young; C, U and O grow with age. Half of the readmissions are for the group of
  the first. The sixth code of every group is rare: a few patients each.
- The second diagnosis is missing less often the frailer the patient, and never equals the first.
- Severity = frailty + severity of the group + chance. It drives intensive care, length of stay
  (log-normal, 0 to 180 days), discharge and death.
- Creatinine grows with age and is high in group U; hemoglobin is lower in women, in group O and in
  the frail; sodium falls slightly with severity; crp is high in group R and with severity.
- Laboratory values are missing not at random: the less severe, the more often (token `N`, for crp
  also `not done`).
- A patient who died has no later admission and is not readmitted.
- readmitted_30d: logistic in frailty, stay, number of earlier admissions and discharge. If the
  next admission in the table is within 30 days of discharge, it is true; if the next is later, it
  is false; without a next admission it may be true (readmitted elsewhere).
- Discharge: nursing home and home care for the old and severe.
- patient_name is an identifier (invented names), note is free text; both are to be dropped.
"""

GROUPS = ("B", "C", "D", "E", "I", "M", "N", "O", "R", "U")
CODES = tuple(f"{g}{i:02d}" for g in GROUPS for i in range(1, 7))
# The sixth code of each group is rare.
CODE_SHARES = np.array([0.42, 0.24, 0.15, 0.11, 0.0775, 0.0025])
GROUP_BASE = np.array([-0.2, 0.3, 0.2, -0.4, 0.0, 0.1, -0.5, -0.2, 0.2, -0.3])
GROUP_BY_AGE = np.array([0.0, 0.9, 0.1, 0.2, -0.7, 0.3, 0.1, 0.6, 0.2, 0.5])
GROUP_BY_WOMAN = np.array([0.6, -0.2, 0.0, 0.2, -0.3, 0.1, 0.1, 0.1, -0.1, 0.3])
GROUP_SEVERITY = np.array([-0.9, 0.5, 0.0, -0.1, 0.1, -0.5, 0.2, 0.6, 0.4, 0.0])
AREAS = tuple(f"area-{i:02d}" for i in range(1, 11))
AREA_SHARES = np.array([0.2, 0.16, 0.13, 0.11, 0.1, 0.09, 0.08, 0.06, 0.04, 0.03])
AREA_FRAILTY = np.linspace(-0.25, 0.35, 10)
DISCHARGES = ("home", "home_care", "nursing_home", "other_hospital", "died")
FIRST_DAY = np.datetime64("2020-01-01")
N_DAYS = 1827
MOST_DAYS_OF_STAY = 180


def simulate(n_rows: int = 20_000, seed: int = 20_250_102) -> pl.DataFrame:
    """Simulates a raw table of admissions; the same arguments give the same table.

    Args:
        n_rows: Number of admissions.
        seed: Public randomness; no real data is involved.

    Returns:
        Raw table, shape (n_rows, 18), in the order of `patients.schema.yaml`, rows shuffled.
    """
    import polars as pl

    rng = np.random.default_rng(seed)
    patient = draws.persons_of_rows(n_rows, exponent=2.3, most=12, rng=rng)  # (n_rows,)
    is_first = draws.first_row_of_person(patient)
    is_last = np.roll(is_first, -1)
    first_row = np.flatnonzero(is_first)  # (n_patients,)
    earlier = np.arange(n_rows) - first_row[patient]
    n_patients = first_row.size

    is_woman = rng.random(n_patients)[patient] < 0.53
    area = rng.choice(10, size=n_patients, p=AREA_SHARES)[patient]
    age_at_first = _ages(n_patients, rng)[patient]
    frailty = rng.normal(0.0, 0.6, n_patients)[patient] + AREA_FRAILTY[area]
    frailty += 0.022 * (age_at_first - 50) + 0.12 * earlier

    # What the stay decides (severity, length, death) must come before the dates of later stays,
    # so group and severity use the age at the first admission; the shown age grows with the date.
    season_day = rng.integers(0, 365, n_rows)
    group = _groups(age_at_first, is_woman, season_day, first_row[patient], earlier, rng)
    severity = frailty + GROUP_SEVERITY[group] + rng.normal(0.0, 0.6, n_rows)
    icu = draws.happens(draws.logistic(1.5 * severity - 3.0), rng)
    stay = np.exp(rng.normal(1.1 + 0.45 * severity + 0.5 * icu, 0.6)) - 0.5
    stay = np.clip(np.rint(stay), 0, MOST_DAYS_OF_STAY).astype(np.int64)
    discharge = _discharges(age_at_first, severity, icu, is_last, rng)
    has_died = discharge == DISCHARGES.index("died")
    risk = 0.8 * frailty + 0.03 * np.minimum(stay, 30) + 0.25 * np.minimum(earlier, 4)
    risk += 0.5 * (discharge == DISCHARGES.index("home_care")) - 1.9
    readmitted = draws.happens(draws.logistic(risk), rng) & ~has_died
    day = _days(season_day, stay, readmitted, first_row[patient], is_first, rng)
    age = np.minimum(age_at_first + (day - day[first_row][patient]) // 365, 100)
    # A woman admitted to give birth must still be of that age when the day comes.
    group = np.where((group == 0) & (age > 50), GROUPS.index("E"), group)
    code = 6 * group + rng.choice(6, size=n_rows, p=CODE_SHARES)
    labs = _laboratory(age, is_woman, group, severity, frailty, rng)

    patient_number = 20_000 + rng.permutation(n_patients)
    has_second = draws.happens(draws.logistic(0.9 * frailty + 0.7), rng)
    table = pl.DataFrame(
        {
            "admission_id": draws.numbered("A", 100_000 + rng.permutation(n_rows), 6),
            "patient_id": draws.numbered("P", patient_number[patient], 5),
            "patient_name": _names(n_patients, rng).gather(pl.Series(patient)),
            "admission_date": pl.Series(FIRST_DAY + day).cast(pl.Date),
            "age": age.astype(np.int64),
            "sex": draws.label(("male", "female"), is_woman.astype(np.int64)),
            "area": draws.label(AREAS, area),
            "diagnosis": draws.label(CODES, code),
            "second_diagnosis": _second_diagnosis(code, age, has_second, rng),
            **labs,
            "length_of_stay_days": stay,
            "icu": icu,
            "discharge_to": draws.label(DISCHARGES, discharge),
            "readmitted_30d": readmitted,
            "note": _notes(group, icu, discharge, rng),
        }
    )
    return table[rng.permutation(n_rows)]


def _ages(n_patients: int, rng: np.random.Generator) -> np.ndarray:
    """Draws the age at the first admission: children, adults and the old; (n_patients,)."""
    stage = rng.choice(3, size=n_patients, p=(0.07, 0.33, 0.6))
    mean, spread = np.array([6.0, 34.0, 68.0])[stage], np.array([5.0, 10.0, 13.0])[stage]
    return np.clip(np.rint(rng.normal(mean, spread)), 0, 98).astype(np.int64)


def _groups(
    age: np.ndarray,
    is_woman: np.ndarray,
    season_day: np.ndarray,
    first_row: np.ndarray,
    earlier: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws the diagnosis group, shape (n_rows,), as an index into `GROUPS`."""
    scores = GROUP_BASE + GROUP_BY_AGE * ((age - 50) / 25)[:, None]  # (n_rows, n_groups)
    scores = scores + GROUP_BY_WOMAN * is_woman[:, None]
    scores[:, GROUPS.index("R")] += 0.9 * np.cos(2 * np.pi * (season_day - 20) / 365)
    weights = np.exp(scores)
    can_give_birth = is_woman & (age >= 16) & (age <= 50)
    weights[:, 0] *= np.where(can_give_birth, 3.0, 0.0)
    group = draws.choose(weights, rng)
    # The chronically ill come back for what they came for first.
    is_same = (earlier > 0) & (rng.random(age.size) < 0.5)
    return np.asarray(np.where(is_same, group[first_row], group))


def _discharges(
    age: np.ndarray,
    severity: np.ndarray,
    icu: np.ndarray,
    is_last: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws where a patient goes, shape (n_rows,); only the last admission can end in death."""
    old = np.maximum(age - 60, 0) / 20
    scores = np.stack(
        [
            np.full(age.size, 2.2),
            0.2 + 0.5 * old + 0.4 * severity,
            -1.6 + 1.1 * old + 0.5 * severity,
            -1.0 + 0.6 * icu,
            -2.6 + 1.1 * severity + 1.0 * icu,
        ],
        axis=1,
    )  # (n_rows, n_discharges)
    weights = np.exp(scores)
    weights[:, 4] *= is_last
    return draws.choose(weights, rng)


def _days(
    season_day: np.ndarray,
    stay: np.ndarray,
    readmitted: np.ndarray,
    first_row: np.ndarray,
    is_first: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Dates every admission, in days since 2020-01-01, shape (n_rows,).

    The gap to the next admission is 1 to 30 days after discharge if readmitted, else more. A first
    admission falls on its `season_day` in a year that leaves room for the later ones.
    """
    wait = np.where(
        readmitted,
        rng.integers(1, 31, stay.size),
        31 + np.minimum(rng.exponential(45.0, stay.size), 110.0).astype(np.int64),
    )
    gap = np.where(is_first, 0, np.roll(stay + wait, 1))  # (n_rows,) days since the one before
    since_start = np.cumsum(gap)
    since_first = since_start - since_start[first_row]
    person = np.cumsum(is_first) - 1
    span = np.zeros(int(person[-1]) + 1, dtype=np.int64)
    np.maximum.at(span, person, since_first)
    starts = season_day[is_first]
    room = np.maximum((N_DAYS - 1 - span - starts) // 365, 0)  # whole years left over
    start = starts + 365 * (rng.random(room.size) * np.minimum(room + 1, 5)).astype(np.int64)
    # A history too long for its season starts as late as it can.
    start = np.clip(start, 0, np.maximum(N_DAYS - 1 - span, 0))
    return np.asarray(np.minimum(start[person] + since_first, N_DAYS - 1))


def _laboratory(
    age: np.ndarray,
    is_woman: np.ndarray,
    group: np.ndarray,
    severity: np.ndarray,
    frailty: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, pl.Series]:
    """Draws laboratory values as a text file holds them, tokens where missing."""
    import polars as pl

    def is_in(letter: str) -> np.ndarray:
        return np.asarray(group == GROUPS.index(letter))

    creatinine = np.exp(
        rng.normal(-0.25 + 0.006 * (age - 40) + 0.55 * is_in("U") - 0.12 * is_woman, 0.3)
    )
    hemoglobin = rng.normal(14.6 - 1.4 * is_woman - 1.7 * is_in("O") - 0.35 * frailty, 1.3)
    sodium = rng.normal(139.5 - 0.8 * severity, 3.0)
    crp = np.exp(rng.normal(1.6 + 1.2 * is_in("R") + 0.7 * severity, 0.9))
    values = {
        "creatinine": (creatinine, 0.2, 20.0, 2, -1.6),
        "hemoglobin": (hemoglobin, 3.0, 22.0, 1, -2.0),
        "sodium": (sodium, 110.0, 170.0, 0, -1.8),
        "crp": (crp, 0.1, 500.0, 1, -0.4),
    }
    columns = {}
    for name, (value, low, high, decimals, offset) in values.items():
        is_missing = draws.happens(draws.logistic(offset - 0.9 * severity), rng)
        rounded = np.clip(np.round(value, decimals), low, high)
        columns[name] = draws.written(rounded, is_missing, "N")
    is_not_done = pl.Series(rng.random(age.size) < 0.4)
    columns["crp"] = columns["crp"].set((columns["crp"] == "N") & is_not_done, "not done")
    return columns


def _second_diagnosis(
    code: np.ndarray, age: np.ndarray, has_second: np.ndarray, rng: np.random.Generator
) -> pl.Series:
    """Draws a second code that differs from the first and is no birth; null where there is none."""
    import polars as pl

    scores = GROUP_BASE + GROUP_BY_AGE * ((age - 50) / 25)[:, None]  # (n_rows, n_groups)
    weights = np.exp(1.5 * scores)
    weights[:, 0] = 0.0
    second = 6 * draws.choose(weights, rng) + rng.choice(5, size=code.size, p=_COMMON)
    # The next common code of the group, where the draw repeats the first diagnosis.
    second = np.where(second == code, second - second % 6 + (second % 6 + 1) % 5, second)
    return draws.label(CODES, second).set(pl.Series(~has_second), None)


_COMMON = CODE_SHARES[:5] / CODE_SHARES[:5].sum()
SYLLABLES = ("ba", "do", "ke", "li", "mu", "na", "po", "ri", "sa", "te", "vo", "zu")


def _names(n_patients: int, rng: np.random.Generator) -> pl.Series:
    """Builds invented names from syllables, shape (n_patients,)."""
    parts = [draws.label(SYLLABLES, rng.integers(0, 12, n_patients)) for _ in range(5)]
    given = (parts[0] + parts[1]).str.to_titlecase()
    return given + " " + (parts[2] + parts[3] + parts[4]).str.to_titlecase()


COMPLAINTS = (
    "Admitted for delivery.",
    "Chest pain on exertion.",
    "Abdominal pain.",
    "Poorly controlled sugar.",
    "Fall at home.",
    "Back pain.",
    "Dizziness.",
    "Planned treatment cycle.",
    "Cough and fever.",
    "Flank pain.",
)
ENDINGS = ("Sent home.", "Home with care.", "Placed in care.", "Transferred.", "Died in hospital.")


def _notes(
    group: np.ndarray, icu: np.ndarray, discharge: np.ndarray, rng: np.random.Generator
) -> pl.Series:
    """Builds a short note from templates, shape (n_rows,)."""
    remarks = ("", "Family informed.", "Medication reviewed.", "Slept well.", "Seen by therapist.")
    parts = [
        draws.label(COMPLAINTS, group),
        draws.label(("", "Monitored in intensive care."), icu.astype(np.int64)),
        draws.label(remarks, rng.integers(0, len(remarks), group.size)),
        draws.label(ENDINGS, discharge),
    ]
    return draws.sentences(parts)
