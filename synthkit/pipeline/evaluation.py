"""Evidence for any synthetic table, ours or another tool's; and its decision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthkit.artifacts import Decision, Evidence, PrivacyStatement
from synthkit.pipeline.progress import Progress, Stages
from synthkit.pipeline.run import EVALUATION, gather_evidence
from synthkit.pipeline.tables import checked, require_apart, require_frame
from synthkit.schema import Schema, from_data, not_public, opened

if TYPE_CHECKING:
    import polars as pl

    from synthkit.privacy.ledger import Ledger


def evaluate(
    train: pl.DataFrame,
    holdout: pl.DataFrame,
    synthetic: pl.DataFrame,
    schema: Schema,
    *,
    seed: int = 0,
    name: str | None = None,
    privacy: PrivacyStatement | None = None,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
) -> Evidence:
    """Measures fidelity, utility, attacks and validity of a synthetic table.

    Args:
        train: Real rows that the generator saw, shape (n_train, n_columns).
        holdout: Real rows that it did not see, shape (n_holdout, n_columns).
        synthetic: The synthetic rows; needs only the schema's encoded columns.
        schema: The tables' schema.
        seed: Public randomness of the evaluation.
        name: What the evidence is called; None: the schema's name.
        privacy: The statement of the model that made the table (`model.privacy`), on the caller's
            word; None for a table from elsewhere: rules that need one are inconclusive.
        ledger: Where the look is recorded; None: the ledger at `SYNTHKIT_LEDGER`, or the user's.
        progress: Receives stages and steps.

    Returns:
        The evidence; `decide` judges it.

    Raises:
        InputError: If a real table does not fit the schema, the synthetic one lacks columns, or
            train and holdout are not apart.
    """
    from synthkit.privacy.accountant import default_delta
    from synthkit.privacy.ledger import Ledger
    from synthkit.schema import Schema as SchemaType
    from synthkit.source import conform

    stages = Stages(progress)
    with stages("check"):
        # Real rows are compared as they are: only a public domain may refuse one.
        reading = opened(schema, not_public(schema))
        train = checked(train, reading, what="train table")
        holdout = checked(holdout, reading, what="holdout")
        require_apart(train, holdout, schema)
        # What was read from the table binds no synthetic one: its domain may have been bought.
        schema = opened(schema, from_data(schema))
        encoded = SchemaType(**{**vars(schema), "columns": schema.encoded, "unit": "row"})
        require_frame(synthetic, what="synthetic table")
        synthetic = conform(synthetic, encoded, what="synthetic table")
    # PRIVACY: recorded, not priced: the figures are functions of real rows without noise and stay
    # in the internal edition.
    ledger = ledger or Ledger()
    ledger.settle(
        ledger.reserve(
            schema.population,
            schema.privacy_unit,
            [EVALUATION],
            delta=default_delta(schema.rows_public),
            note="evaluate",
        )
    )
    evidence, _ = gather_evidence(train, holdout, synthetic, schema, seed=seed, stages=stages)
    return replace(evidence, name=name or schema.name, privacy=privacy)


def decide(evidence: Evidence, policy: str | Path = "internal") -> Decision:
    """Decides under a policy whether the table may be released.

    Args:
        evidence: What `evaluate` or a run found.
        policy: Name of a packaged policy, or the path of a policy file.

    Raises:
        ConfigError: If the policy breaks its rules.
    """
    from synthkit import gate

    return gate.decide(evidence, gate.load_policy(str(policy)))
