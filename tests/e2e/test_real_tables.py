"""`inspect` and `run` on real public tables, with nothing but the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PLAN = """\
synthkit: plan/1
name: {name}
purpose: development
table: {table}
schema: schema.yaml
output: bundle
epsilon: 1.0
"""


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("name", ["clothing_reviews", "diabetes130", "adult", "support2"])
def test_a_real_table_goes_from_inspect_to_a_verified_bundle(
    name: str, real_table, command, tmp_path: Path
):
    table = real_table(name)
    schema, key = tmp_path / "schema.yaml", tmp_path / "synthkit.pub.pem"
    assert command("inspect", table, "-o", schema, "--name", name).code == 0
    assert command("check", table, "--schema", schema).code == 0
    assert command("keys", "new", "-o", tmp_path).code == 0
    plan = PLAN.format(name=name, table=table) + "signing_key: synthkit.key.pem\n"
    (tmp_path / "plan.yaml").write_text(plan)
    outcome = command("run", tmp_path / "plan.yaml", "--json")
    assert outcome.code in (0, 1, 2), outcome.err
    printed = json.loads(outcome.out)
    assert printed["verdict"] in ("pass", "refused", "inconclusive")
    assert 0.9 < printed["epsilon"] <= 1.0
    assert command("verify", tmp_path / "bundle", "--key", key).code == 0
    evidence = json.loads((tmp_path / "bundle" / "evidence.json").read_text())
    unmeasured = [k for k, m in evidence["measurements"].items() if m["value"] is None]
    assert not unmeasured
