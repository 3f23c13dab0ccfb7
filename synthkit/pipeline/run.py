"""The whole job: table -> schema -> model -> synthetic -> evidence -> verdict -> signed bundle."""

from __future__ import annotations

import datetime
import secrets
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit import canonical
from synthkit.artifacts import Audit, Decision, Evidence, Measurement, Omission, Provenance
from synthkit.errors import PublishError
from synthkit.pipeline import ruling
from synthkit.pipeline.contribution import rows_beyond_bound
from synthkit.pipeline.documents import read_audit
from synthkit.pipeline.fitting import fit_checked, plan_fit
from synthkit.pipeline.making import Planned, making_of, reading_schema, way_of_making
from synthkit.pipeline.model import Model, without_unlearned_domains
from synthkit.pipeline.plan import Plan, require_epsilon
from synthkit.pipeline.progress import Progress, Stages
from synthkit.pipeline.rescue import keep_after_fault, rescued
from synthkit.pipeline.tables import checked, require_apart, sha256_of, write_table
from synthkit.pipeline.versions import versions
from synthkit.privacy.event import UncoveredLook
from synthkit.schema import Schema

if TYPE_CHECKING:
    import polars as pl

    from synthkit.privacy.ledger import Ledger

EVALUATION = UncoveredLook(
    name="evaluation on real rows",
    reason="fidelity, utility and attacks compare with real rows; the figures stay in the "
    "internal edition",
    in_release=False,
)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a run leaves behind."""

    bundle: Path
    evidence: Evidence
    decision: Decision
    public_key: Path
    key_id: str


def run(plan: Plan, *, ledger: Ledger | None = None, progress: Progress | None = None) -> RunResult:
    """Carries out a plan from the real table to the signed bundle.

    Everything that can be refused without looking at rows is refused first: a bad schema, policy,
    key or output folder costs no privacy.

    Args:
        plan: What to do; `load_plan` reads one.
        ledger: None: the ledger at `SYNTHKIT_LEDGER`, or the user's own.
        progress: Receives stages and steps.

    Raises:
        InputError: If the table, schema, policy, key or an option is unusable.
        BudgetExceeded: If the population's cap would be passed; nothing is trained then.
        PublishError: If the bundle cannot be written; the model is kept, see the hint.
    """
    from synthkit import gate, release
    from synthkit.pipeline.signing import signing_key
    from synthkit.privacy.ledger import Ledger
    from synthkit.schema import load

    stages = Stages(progress)
    # Again, since a plan may be changed after it was loaded (--generator).
    require_epsilon(plan.generator, plan.epsilon)
    schema = load(plan.schema)
    policy = gate.load_policy(plan.policy)
    key = signing_key(plan.signing_key)
    audit = None if plan.audit is None else read_audit(plan.audit)
    release.require_publishable(plan.output, replace=plan.replace)
    ledger = ledger or Ledger()

    reading = reading_schema(schema, generator=plan.generator, domains=plan.domains)
    job = plan_fit(schema, making_of(plan), stages)
    train, holdout, split = train_and_holdout(plan, reading, stages)
    model = fit_checked(
        train,
        job,
        ledger=ledger,
        population=plan.population or schema.population,
        also=[EVALUATION],
        note=f"run: {plan.name}",
        stages=stages,
    )
    try:
        return _release(plan, job, policy, key, audit, train, holdout, split, model, stages)
    except PublishError as error:
        raise rescued(model, error) from None
    except BaseException:
        keep_after_fault(model)
        raise


def train_and_holdout(
    plan: Plan, schema: Schema, stages: Stages
) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    """Reads a plan's rows, checks them and sets the holdout apart, in one sentence as well.

    Raises:
        InputError: If a table cannot be read, breaks the schema, or holdout and train share people.
    """
    from synthkit.source import read
    from synthkit.source import split as split_rows

    with stages("read and check"):
        table = checked(read(plan.table), schema, what="table", invalid_values=plan.invalid_values)
        if plan.holdout is None:
            parts = split_rows(table, schema, holdout_share=plan.holdout_share, seed=plan.seed)
            return parts.train, parts.holdout, parts.description
        holdout = checked(
            read(plan.holdout), schema, what="holdout", invalid_values=plan.invalid_values
        )
        require_apart(table, holdout, schema)
    return (
        table,
        holdout,
        f"train and holdout came as two files: {table.height:,} and {holdout.height:,} rows",
    )


def _release(
    plan: Plan,
    job: Planned,
    policy: Any,
    key: Any,
    audit: Audit | None,
    train: pl.DataFrame,
    holdout: pl.DataFrame,
    split: str,
    model: Model,
    stages: Stages,
) -> RunResult:
    from synthkit import gate, release, report
    from synthkit.schema import dump

    schema = model.schema  # with the domains that were bought, if any were
    rows = int(plan.rows or schema.rows_public or max(1, round(model.units, -2)))
    with stages("sample"):
        drawing = model.draw(rows, seed=plan.seed)
        synthetic = drawing.table()
    with tempfile.TemporaryDirectory(prefix="synthkit-") as folder:
        parquet, csv = Path(folder, "synthetic.parquet"), Path(folder, "synthetic.csv")
        write_table([synthetic], parquet)
        write_table([synthetic], csv)
        evidence, suite = gather_evidence(
            train, holdout, synthetic, schema, seed=plan.seed, stages=stages
        )
        evidence = replace(
            evidence,
            name=plan.name,
            release_id=f"{schema.name}-{secrets.token_hex(4)}",
            purpose=plan.purpose,
            recipient=plan.recipient,
            privacy=model.privacy,
            subject_sha256=sha256_of(parquet),
            warnings=warnings(model, schema, evidence),
            measurements={
                **evidence.measurements,
                **rows_beyond_bound(train, schema, job.plan.rows_per_unit),
                **ruling.measurements(drawing),
            },
            rules=ruling.records(schema, drawing.tally),
            audit=audit,
            audit_plan_sha256=way_of_making(job),
            provenance=_provenance(plan, split, rows, stages),
        )
        with stages("decide and report"):
            decision = gate.decide(evidence, policy)
            page = report.render(evidence, decision)
        files: dict[str, bytes | Path] = {
            "synthetic.parquet": parquet,
            "synthetic.csv": csv,
            "schema.yaml": dump(without_unlearned_domains(schema)).encode(),
            "suite.json": suite,
            "evidence.json": canonical.canonical_json(evidence),
            "verdict.json": canonical.canonical_json(decision),
            "report.html": page.encode(),
            "report.json": report.to_json(evidence, decision),
        }
        with stages("sign and publish"):
            bundle = release.publish(
                plan.output,
                files,
                audiences=audiences(model),
                facts=facts(evidence, decision),
                private_key=key.private,
                replace=plan.replace,
            )
    return RunResult(
        bundle=bundle,
        evidence=evidence,
        decision=decision,
        public_key=key.public_path,
        key_id=key.key_id,
    )


def _provenance(plan: Plan, split: str, rows: int, stages: Stages) -> Provenance:
    from synthkit import source
    from synthkit.generate.device import resolve

    return Provenance(
        source_name=plan.table.name,
        source_fingerprint=source.fingerprint(plan.table, source.fingerprint_key()),
        split=split,
        seed=plan.seed,
        rows_requested=rows,
        versions=versions(),
        device=str(resolve(plan.device)),
        seconds=dict(stages.seconds),
    )


def gather_evidence(
    train: pl.DataFrame,
    holdout: pl.DataFrame,
    synthetic: pl.DataFrame,
    schema: Schema,
    *,
    seed: int,
    stages: Stages,
) -> tuple[Evidence, bytes]:
    """Evaluates and validates one synthetic table.

    Args:
        train: Conformed real rows that the generator saw.
        holdout: Conformed real rows that it did not see.
        synthetic: Conformed synthetic rows (encoded columns).
        schema: Their schema.
        seed: Public randomness of the evaluation.
        stages: Times and announces the stages.

    Returns:
        The evidence without name and privacy, and the Great Expectations suite as JSON.
    """
    from synthkit.evaluate import evaluate
    from synthkit.schema import dictionary
    from synthkit.validate import measurements, validate

    with stages("evaluate"):
        found = evaluate(
            train, holdout, synthetic, schema, seed=seed, progress=stages.progress.step
        )
    with stages("validate"):
        validity, suite = validate(synthetic, ruling.completed(schema, synthetic))
    numbers: dict[str, Measurement] = {**found.measurements, **measurements(validity)}
    return (
        Evidence(
            name=schema.name,
            measurements=numbers,
            rows_synthetic=synthetic.height,
            created=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
            marginals=found.marginals,
            associations=found.associations,
            validity=validity,
            dictionary=dictionary(schema),
            rules=ruling.records(schema),
            omissions=tuple(
                Omission(column=c.name, reason=c.omission_reason)
                for c in schema.columns
                if not c.is_encoded
            ),
        ),
        suite,
    )


def warnings(model: Model, schema: Schema, evidence: Evidence) -> tuple[str, ...]:
    """Sentences that belong on the first screen of the report."""
    from synthkit.encode.domains import OTHER

    found = []
    if model.privacy.epsilon is None:
        found.append(
            "The generator gives no privacy guarantee: treat model and table as personal data."
        )
    if schema.privacy_unit == "row":
        found.append(
            "The privacy unit is the row: a person with several rows is protected less than the "
            "stated epsilon says. Declare a person_id column if rows can share a person."
        )
    if model.privacy.population != schema.population:
        found.append(
            f"The budget was charged to {model.privacy.population}, not to {schema.population}, "
            "the people whom the schema names: what was spent on those is not counted here."
        )
    if schema.proposed:
        found.append(
            "The schema is a proposal that nobody has signed: kinds of columns and words for "
            "missing were read from the table, which no budget covers. Review it and delete its "
            "line `proposed: true`."
        )
    if model.privacy.data_columns:
        listed = ", ".join(model.privacy.data_columns[:8])
        more = len(model.privacy.data_columns) - 8
        listed += f" and {more} more" if more > 0 else ""
        found.append(
            "Bounds or categories of these columns were read from the data, outside the privacy "
            f"budget: {listed}. Declare them public in the schema, or let a private generator buy "
            "them (`domains: buy`), to close this."
        )
    untold = [c.name for c in schema.encoded if c.categories == (OTHER,)]
    if untold:
        found.append(
            "No value of these columns is shared by enough people to be told within the budget; "
            f"the synthetic table has only {OTHER} there: {', '.join(untold)}. Declare their "
            "categories public, or leave the columns out."
        )
    if schema.privacy_unit == "person":
        found.append(
            "Each synthetic row stands for itself: how many rows a person has, and what links "
            "them, is not modelled."
        )
        if model.privacy.epsilon is not None:
            found.append(
                "Shares and means are those of people rather than of rows: of a person at most "
                "rows_per_person rows count, by default one."
            )
    dropped = [o.column for o in evidence.omissions if "free text" in o.reason]
    if dropped:
        found.append(f"Free text is left out of the synthetic table: {', '.join(dropped)}.")
    return tuple(found)


def audiences(model: Model) -> dict[str, str]:
    """Says which files may leave the house once the verdict is a pass."""
    is_from_data = model.privacy.data_columns or model.schema.proposed
    schema = "internal" if is_from_data else "release"
    return {
        "synthetic.parquet": "release",
        "synthetic.csv": "release",
        "schema.yaml": schema,
        "suite.json": schema,
        "evidence.json": "internal",
        "verdict.json": "internal",
        "report.html": "internal",
        "report.json": "internal",
    }


def facts(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """The facts that the manifest signs beside the files' digests."""
    privacy = evidence.privacy
    return {
        "release_id": evidence.release_id,
        "name": evidence.name,
        "created": evidence.created,
        "verdict": decision.verdict,
        "valid_until": decision.valid_until,
        "policy": f"{decision.policy} {decision.policy_version}",
        "policy_sha256": decision.policy_sha256,
        "recipient_class": decision.recipient_class,
        "rows": evidence.rows_synthetic,
        "epsilon": privacy.epsilon if privacy else None,
        "delta": privacy.delta if privacy else None,
        "private": privacy.private if privacy else False,
        "unit": privacy.unit if privacy else None,
        "versions": versions(),
    }
