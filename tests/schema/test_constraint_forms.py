"""Rules as people write them: every mistake is told at its place, all at once."""

from __future__ import annotations

import pytest

from synthkit.errors import ConfigError
from synthkit.schema import Follows, Implies, Order, ValueSet, in_words, json_schema, parse

BASE = """\
synthkit: schema/1
name: visits
population: visits
columns:
  - {name: visit, kind: id}
  - {name: "it's", kind: integer, bounds: [0, 9], from: public}
  - {name: age, kind: integer, bounds: [0, 120], from: public}
  - {name: ward, kind: categorical, categories: [north, south, N], from: public}
  - {name: site, kind: categorical, categories: [a, b], from: public, nullable: true}
  - {name: grade, kind: ordinal, categories: [1, 2, 3], from: public}
  - {name: admitted, kind: date, bounds: [2020-01-01, 2020-03-31], from: public}
  - {name: left, kind: date, bounds: [2020-01-01, 2020-04-30], from: public, nullable: true}
  - {name: seen, kind: datetime, bounds: [2020-01-01, 2020-04-30], from: public}
  - {name: returned, kind: boolean, from: public}
  - {name: icd, kind: categorical}
constraints:
"""


def told(rules: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse(BASE + rules)
    return [str(d).partition(": ")[2] for d in error.value.details]


def test_the_three_kinds_are_read():
    rules = parse(
        BASE
        + """\
  - {column: site, follows: ward, map: {north: a}}
  - {column: icd, follows: [grade, returned], map: [[1, true, x], [2, false, y]]}
  - {order: [admitted, left], strict: true}
  - {when: {column: age, range: [null, 14]}, then: {column: ward, is: N}, exactly: true}
  - {when: {column: site, missing: false}, then: {column: grade, is_not: [1, 2]}}
"""
    ).constraints
    assert rules == (
        Follows(column="site", of=("ward",), known=((("north",), "a"),)),
        Follows(
            column="icd", of=("grade", "returned"), known=(((1, True), "x"), ((2, False), "y"))
        ),
        Order(columns=("admitted", "left"), strict=True),
        Implies(
            when=ValueSet(column="age", bounds=(None, 14)),
            then=ValueSet(column="ward", values=("N",)),
            exactly=True,
        ),
        Implies(
            when=ValueSet(column="site", excluded=True),
            then=ValueSet(column="grade", values=(1, 2), excluded=True, missing=True),
        ),
    )
    assert [in_words(r) for r in rules] == [
        "site follows ward (1 value publicly known)",
        "icd follows grade and returned (2 values publicly known)",
        "admitted < left",
        "ward is N exactly when age is at most 14",
        "grade is not 1 or 2 whenever site is not missing",
    ]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("{column: sit, folows: ward}", "unknown key 'folows'; did you mean 'follows'?"),
        ("{whn: {column: age}}", "unknown key 'whn'; did you mean 'when'?"),
        ("{order: [admitted, left], strct: true}", "unknown key 'strct'; did you mean 'strict'?"),
        ("{nothing: 1}", "must be a mapping with one of the keys follows, order or when"),
        ("7", "must be a mapping with one of the keys follows, order or when"),
        ("{order: [admitted]}", "must have at least 2 entries"),
        ("{column: site, follows: wad}", "there is no column 'wad'; did you mean 'ward'?"),
        ("{column: site, follows: visit}", "column 'visit' is left out of the synthetic table"),
        ("{column: site, follows: age}", "column 'age' is integer; only categories can decide"),
        ("{column: site, follows: site}", "column 'site' cannot follow itself"),
        (
            "{column: site, follows: ward, map: {nort: a}}",
            "has no category 'nort'; did you mean 'n",
        ),
        ("{column: site, follows: ward, map: {north: c}}", "column 'site' has no category 'c'"),
        ("{column: site, follows: [ward, icd], map: {north: a}}", "must be a list of lists"),
        ("{column: site, follows: ward, map: [[north]]}", "must have 2 entries"),
        ("{column: site, follows: ward, map: [[north, a], [north, b]]}", "is written twice"),
        ("{column: grade, follows: ward, map: [[north, null]]}", "column 'grade' is never missing"),
        ("{order: [admitted, admitted]}", "column 'admitted' is named twice"),
        ("{order: [admitted, seen]}", "compares dates with datetimes"),
        ("{order: [ward, age]}", "column 'ward' is categorical, which has no order here"),
        ('{order: ["it\'s", age]}', "has a quote"),
        ("{when: {column: age, range: [9, 3]}, then: {column: ward, is: N}}", "is reversed"),
        ("{when: {column: age, range: [200, 300]}, then: {column: ward, is: N}}", "lies outside"),
        ("{when: {column: age, range: [null, null]}, then: {column: ward, is: N}}", "a lowest or"),
        ("{when: {column: age}, then: {column: ward, is: N}}", "says nothing of the column"),
        ("{when: {column: age, is: 3, range: [1, 2]}, then: {column: ward, is: N}}", "one of them"),
        ("{when: {column: ward, range: [a, b]}, then: {column: age, is: 3}}", "list its values"),
        ("{when: {column: age, is: 3}, then: {column: ward, is: NN}}", "has no category 'NN'"),
        ("{when: {column: age, is: 3}, then: {column: ward, missing: true}}", "is never missing"),
        ("{when: {column: age, is: x}, then: {column: ward, is: N}}", "name a number"),
        ("{when: {column: returned, is: 1}, then: {column: ward, is: N}}", "is true or false"),
        ("{when: {column: seen, is: x}, then: {column: ward, is: N}}", "write YYYY-MM-DD"),
        ("{when: {column: age, is: 3}, then: {column: age, is: 4}}", "must be another column"),
    ],
)
def test_a_mistake_is_told(rule: str, sentence: str):
    assert any(sentence in t for t in told(f"  - {rule}\n"))


def test_all_mistakes_are_told_at_once_beside_those_of_columns():
    text = (BASE + "  - {column: sit, follows: ward}\n  - {order: [admitted, seen]}\n").replace(
        "bounds: [0, 120]", "bounds: [120, 0]"
    )
    with pytest.raises(ConfigError) as error:
        parse(text)
    assert len(error.value.details) == 3


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (
            "  - {column: site, follows: ward}\n  - {column: ward, follows: site}\n",
            "runs in a circle: column 'ward' follows itself by way of other rules",
        ),
        (
            "  - {order: [admitted, left]}\n  - {order: [left, admitted]}\n",
            "runs in a circle: column 'admitted' comes before itself by other rules",
        ),
        (
            "  - {column: site, follows: ward}\n  - {column: site, follows: grade}\n",
            "column 'site' follows other columns already (rule 1)",
        ),
        (
            "  - {when: {column: age, range: [0, 120]}, then: {column: ward, is: N}}\n"
            "  - {when: {column: ward, is: N}, then: {column: grade, is: 3}}\n"
            "  - {when: {column: grade, is: 3}, then: {column: age, is: 7}}\n"
            "  - {when: {column: age, is: 7}, then: {column: ward, is_not: N}}\n",
            "bar every row: no row of the declared domain obeys all of them",
        ),
        (
            "  - {when: {column: age, range: [0, 120]}, then: {column: admitted, is: 2020-03-31}}\n"
            "  - {when: {column: age, range: [0, 120]}, then: {column: left, range: [null, "
            "2020-02-01]}}\n  - {order: [admitted, left]}\n",
            "bar every row: no row of the declared domain obeys all of them",
        ),
    ],
)
def test_rules_that_contradict_each_other_are_told(rules: str, sentence: str):
    assert any(sentence in t for t in told(rules))


def test_editors_are_told_of_rules():
    text = str(json_schema())
    for key in ("follows", "order", "exactly", "is_not"):
        assert f"'{key}'" in text
