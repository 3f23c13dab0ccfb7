"""Rules that real public tables keep to (SYNTHKIT_DATA says where they are), on models of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl
import pytest

import synthkit as sk
from synthkit.privacy.ledger import Ledger
from synthkit.schema import broken, dump, parse
from synthkit.schema.rules import breaks

ACS = """\
constraints:
- {when: {column: AGEP, range: [null, 14]}, then: {column: MSP, is: N}, exactly: true}
- {when: {column: AGEP, range: [null, 14]}, then: {column: PINCP, missing: true}, exactly: true}
- {when: {column: AGEP, range: [null, 14]}, then: {column: PINCP_DECILE, is: N}, exactly: true}
- {when: {column: HOUSING_TYPE, is: [2, 3]}, then: {column: OWN_RENT, is: 0}, exactly: true}
- {column: INDP_CAT, follows: INDP}
"""
REVIEWS = """\
constraints:
- {column: Department Name, follows: Class Name}
"""
SUPPORT = """\
constraints:
- {order: [hday, d.time]}
- {when: {column: hospdead, is: 1}, then: {column: death, is: 1}}
"""


@pytest.mark.realdata
@pytest.mark.parametrize("generator", ["independent", "dpctgan"])
@pytest.mark.parametrize(
    ("name", "rules", "where"),
    [
        ("nist_acs2019", ACS, {"MSP": "N"}),
        ("clothing_reviews", REVIEWS, {"Department Name": "Tops"}),
        ("support2", SUPPORT, {"hospdead": 1}),
    ],
)
def test_rules_of_a_real_table_hold_in_every_row(
    real_table, tmp_path: Path, name: str, rules: str, where: dict, generator: str
):
    table = sk.read(real_table(name))
    proposed = sk.inspect(table, name=name)
    public = tuple(dataclasses.replace(c, domain_source="public") for c in proposed.columns)
    names = {c.name for c in public if c.is_encoded}
    assert set(where) <= names, "inspect proposes them as learned columns"
    schema = parse(dump(dataclasses.replace(proposed, columns=public)) + rules)
    if name != "support2":
        assert broken(table, schema) == ()  # the rule is one that the table keeps to
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    small = {} if generator == "independent" else {"gradient_share": 0.0}
    model = sk.fit(table, schema, epsilon=1.0, generator=generator, options=small, ledger=ledger)
    columns = {c.name: c for c in model.schema.columns}
    for asked in ({}, {"where": where}):
        drawing = model.draw(20_000, seed=0, **asked)
        rows = drawing.table()
        assert rows.height == 20_000
        assert [int(breaks(rows, r, columns).sum()) for r in model.schema.constraints] == [
            0 for _ in model.schema.constraints
        ]
        assert drawing.tally.constructed == 0
    ((key, value),) = where.items()
    assert (rows[key].cast(pl.String) == str(value)).all()
