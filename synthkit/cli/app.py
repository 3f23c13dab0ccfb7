"""The commands, one per room; each parses, calls the pipeline and prints."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from synthkit.cli import results
from synthkit.cli.arguments import (
    Device,
    Generator,
    Json,
    Population,
    Replace,
    SchemaPath,
    Seed,
    known_device,
    pairs,
    positive_epsilon,
    table_name,
    typed,
    write_text,
)
from synthkit.cli.auditing import audit
from synthkit.cli.console import progress
from synthkit.cli.drawing import complete, sample, segments
from synthkit.cli.inventory import budget_app, keys_app, list_app
from synthkit.errors import InputError, PublishError

if TYPE_CHECKING:
    from synthkit.pipeline.plan import Domains

app = typer.Typer(
    name="synthkit",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Turn a sensitive table into a synthetic one that may be released: differentially "
    "private generator, evidence, policy gate, signed report.\n\nStart with `synthkit demo`, then "
    "`synthkit inspect your-table.csv -o schema.yaml`.",
    epilog="Exit codes: 0 pass, 1 refused by policy, 2 inconclusive, 3 bad input or usage, "
    "4 integrity or budget; 130 interrupted, 143 ended from outside.",
)
app.add_typer(keys_app, name="keys")
app.add_typer(budget_app, name="budget")
app.add_typer(list_app, name="list")


@app.callback(invoke_without_command=True)
def general_options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log each stage to stderr.")
    ] = False,
) -> None:
    """Prints the version when asked, and sets how much is logged."""
    if verbose:
        logging.getLogger("synthkit").setLevel(logging.INFO)
    if version:
        from synthkit import __version__

        print(f"synthkit {__version__}")
        raise typer.Exit(0)


@app.command()
def demo(
    example: Annotated[str, typer.Argument(help="reviews or patients.")] = "reviews",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make.")] = Path(
        "synthkit-demo"
    ),
    epsilon: Annotated[float, typer.Option(help="Privacy budget.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Do the whole job on bundled example data."""
    from synthkit.pipeline.demo import demo as run_demo

    with progress() as bars:
        result = run_demo(example, folder=output, epsilon=positive_epsilon(epsilon), progress=bars)
    raise typer.Exit(results.print_run(result, as_json=as_json))


@app.command()
def inspect(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write the schema.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the table; default: file name.")] = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Propose a schema for a table.

    Kinds, roles, person id, bounds and categories, and what looks wrong. Review what it writes:
    what is marked `from: data` was read from the table; a private generator ignores it and buys
    its own within the budget. What is publicly known (`from: public`) is free and better.
    """
    from synthkit.pipeline.tables import require_folder, require_other
    from synthkit.schema import dump
    from synthkit.schema import inspect as inspect_table
    from synthkit.source import read

    if output is not None:
        require_other(output, [table])
        require_folder(output)
        if output.exists() and not replace:
            raise InputError(
                f"{output} exists already.",
                hint="Pass --replace to replace it, or choose another name.",
            )
    # PRIVACY: reads every cell to propose domains; the proposal goes to the operator, marks each
    # domain as read from the data, and is replaced (or refused) where it would be used.
    proposal = inspect_table(read(table, infer_types=True), name=name or table_name(table))
    text = dump(proposal.schema)
    if output is not None:
        write_text(output, text)
    results.print_proposal(text, proposal.notes, output, as_json=as_json)


@app.command()
def check(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    schema: SchemaPath,
    as_json: Json = False,
) -> None:
    """List all problems of a table at once.

    Rows that break a rule (`constraints`) are counted too; they are warnings, for no fit looks at
    them.
    """
    from synthkit.schema import broken, load
    from synthkit.schema import check as check_table
    from synthkit.source import read

    raw, loaded = read(table), load(schema)
    problems = (*check_table(raw, loaded), *broken(raw, loaded))
    raise typer.Exit(results.print_problems(problems, table, as_json=as_json))


@app.command()
def run(
    plan: Annotated[Path, typer.Argument(help="The plan (YAML); `synthkit demo` writes one.")],
    generator: Annotated[str | None, typer.Option(help="Overrides the plan's.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda; overrides.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Public randomness; overrides.")] = None,
    population: Annotated[str | None, typer.Option(help="Overrides the plan's.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing bundle.")] = False,
    as_json: Json = False,
) -> None:
    """Do the whole job of a plan: table to signed bundle.

    Read, split, fit, sample, evaluate, validate, gate, report, sign. The exit code is the verdict.
    """
    import dataclasses

    from synthkit.pipeline.plan import load_plan
    from synthkit.pipeline.run import run as run_plan

    given: dict[str, Any] = {
        "generator": generator,
        "device": None if device is None else known_device(device),
        "seed": seed,
        "population": population,
        "replace": replace or None,
    }
    loaded = dataclasses.replace(
        load_plan(plan), **{k: v for k, v in given.items() if v is not None}
    )
    with progress() as bars:
        result = run_plan(loaded, progress=bars)
    raise typer.Exit(results.print_run(result, as_json=as_json))


@app.command()
def fit(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    schema: SchemaPath,
    output: Annotated[Path, typer.Option("--output", "-o", help="The model file to write.")],
    epsilon: Annotated[float | None, typer.Option(help="Privacy budget of this fit.")] = None,
    delta: Annotated[
        float | None, typer.Option(help="Default: min(1e-6, rows_public ** -1.1).")
    ] = None,
    generator: Generator = "dpctgan",
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="NAME=VALUE, as `synthkit list options` names them."),
    ] = None,
    domains: Annotated[
        str,
        typer.Option(
            help="Columns marked `from: data`: buy (within the budget) or as_written (outside it)."
        ),
    ] = "buy",
    rows_per_person: Annotated[
        int, typer.Option(min=1, max=1000, help="Most rows of a person that one look uses.")
    ] = 1,
    device: Device = "auto",
    seed: Seed = 0,
    population: Population = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Train a generator; the model file holds no row.

    Trains on all rows of the table and charges the ledger before the first look.
    """
    from synthkit.pipeline.fitting import fit as fit_table
    from synthkit.pipeline.rescue import rescued
    from synthkit.pipeline.tables import require_output
    from synthkit.schema import load
    from synthkit.source import read

    require_output(output, replace=replace, inputs=[table, schema])
    loaded = load(schema)
    with progress() as bars:
        model = fit_table(
            read(table),
            loaded,
            epsilon=None if epsilon is None else positive_epsilon(epsilon),
            delta=delta,
            generator=generator,
            options={k: typed(v) for k, v in pairs(option, "--option").items()},
            seed=seed,
            device=known_device(device),
            population=population,
            domains=cast("Domains", domains),  # `fit` refuses any other word
            rows_per_person=rows_per_person,
            progress=bars,
        )
    try:
        model.save(output, replace=replace)
    except PublishError as error:
        raise rescued(model, error) from None
    results.print_model(model, output, as_json=as_json)


app.command()(sample)
app.command()(complete)
app.command()(segments)


@app.command()
def evaluate(
    train: Annotated[Path, typer.Option(help="Real rows that the generator saw.")],
    holdout: Annotated[Path, typer.Option(help="Real rows that it did not see.")],
    synthetic: Annotated[Path, typer.Option(help="The synthetic rows.")],
    schema: SchemaPath,
    output: Annotated[Path, typer.Option("--output", "-o", help="evidence.json to write.")],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Measure any synthetic table, ours or another tool's.

    Fidelity, utility, attacks and validity, each beside the same number for real holdout rows.
    """
    from synthkit.canonical import canonical_json
    from synthkit.pipeline.documents import read_evidence, require_document
    from synthkit.pipeline.evaluation import evaluate as evaluate_tables
    from synthkit.schema import load
    from synthkit.source import read

    require_document(output, read_evidence, inputs=[train, holdout, synthetic, schema])
    loaded = load(schema)
    with progress() as bars:
        evidence = evaluate_tables(
            read(train), read(holdout), read(synthetic), loaded, seed=seed, progress=bars
        )
    write_text(output, canonical_json(evidence).decode())
    results.print_evidence(evidence, output, as_json=as_json)


@app.command()
def gate(
    evidence: Annotated[Path, typer.Argument(help="evidence.json of `evaluate` or a bundle.")],
    policy: Annotated[
        str, typer.Option("--policy", "-p", help="internal, partner, public or a policy file.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="verdict.json to write.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Decide under a policy; the exit code says it.

    The evidence is taken at its word: check a bundle with `synthkit verify` first.
    """
    from synthkit.canonical import canonical_json
    from synthkit.pipeline.documents import read_evidence, read_verdict, require_document
    from synthkit.pipeline.evaluation import decide

    if output is not None:
        require_document(output, read_verdict, inputs=[evidence, Path(policy)])
    decision = decide(read_evidence(evidence), policy)
    if output is not None:
        write_text(output, canonical_json(decision).decode())
    raise typer.Exit(results.print_decision(decision, as_json=as_json))


@app.command()
def report(
    evidence: Annotated[Path, typer.Argument(help="evidence.json.")],
    verdict: Annotated[Path, typer.Argument(help="verdict.json of `synthkit gate`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the report.")],
    as_json: Json = False,
) -> None:
    """Write the report for evidence and verdict."""
    from synthkit.pipeline.documents import read_evidence, read_verdict
    from synthkit.pipeline.tables import require_no_bundle
    from synthkit.report import render, to_json

    require_no_bundle(output)
    found, decision = read_evidence(evidence), read_verdict(verdict)
    page, twin = render(found, decision), to_json(found, decision)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PublishError(
            f"The folder {output} could not be made: {error.strerror}.",
            hint="Choose a folder you may write to.",
        ) from None
    write_text(output / "report.html", page)
    write_text(output / "report.json", twin.decode())
    results.print_report(output, as_json=as_json)


app.command()(audit)


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="The bundle folder.")],
    key: Annotated[Path, typer.Option("--key", "-k", help="The signer's public key (PEM).")],
    as_json: Json = False,
) -> None:
    """Check a bundle's signature and every file."""
    from synthkit.pipeline.python_api import verify as verify_bundle

    raise typer.Exit(results.print_verification(verify_bundle(bundle, key), as_json=as_json))
