"""`synthkit sample`, `complete` and `segments`: what a fitted model gives."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthkit.cli.arguments import Json, Replace, pairs
from synthkit.cli.console import progress
from synthkit.cli.results import print_json, printable
from synthkit.errors import InputError

if TYPE_CHECKING:
    from synthkit.pipeline.drawing import Drawing
    from synthkit.pipeline.model import Model
    from synthkit.pipeline.progress import Stages

ModelFile = Annotated[Path, typer.Argument(help="Model file of `synthkit fit`.")]
TableFile = Annotated[Path, typer.Option("--output", "-o", help=".parquet or .csv to write.")]
FreshSeed = Annotated[int | None, typer.Option(min=0, help="Default: a fresh one.")]


def sample(
    model: ModelFile,
    output: TableFile,
    rows: Annotated[int, typer.Option("--rows", "-n", help="Number of rows.")],
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            help="COLUMN=VALUE, COLUMN=LOW..HIGH, COLUMN=A|B or segment=NUMBER; with nothing "
            "after the equals sign: cells that are missing. May be repeated: all hold.",
        ),
    ] = None,
    balance: Annotated[
        str | None, typer.Option(help="COLUMN whose categories all get the same share.")
    ] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(
            "--share", help="COLUMN=VALUE:SHARE, for example disease=yes:0.2; may be repeated."
        ),
    ] = None,
    seed: FreshSeed = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Draw synthetic rows into a Parquet or CSV file.

    Conditions follow the model's conditional distribution; shares are exact up to whole rows.
    """
    from synthkit.pipeline.progress import Stages, counted
    from synthkit.pipeline.tables import require_output, writable_format, write_table

    writable_format(output)
    require_output(output, replace=replace, inputs=[model])
    conditions, shares = pairs(where, "--where"), _balance(balance, share)
    with progress() as bars:
        stages = Stages(bars)
        loaded = _loaded(model, stages)
        with stages("sample"):
            drawing = loaded.draw(rows, seed=seed, where=conditions, balance=shares)
            chunks = counted(drawing.chunks(), rows, bars)
            written = write_table(chunks, output, replace=replace)
    _print_sample(written, output, drawing, as_json=as_json)


def complete(
    model: ModelFile,
    table: Annotated[Path, typer.Argument(help="CSV or Parquet with some of its columns.")],
    output: TableFile,
    seed: FreshSeed = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Fill in partial rows (imputation).

    Each empty cell is drawn from the model's posterior given the row's other cells; columns that
    are left out are drawn too. The model is only post-processed. If the rows are real, the output
    holds their own cells, which no epsilon covers: it is as sensitive as the table given.
    """
    from synthkit.pipeline.progress import Stages
    from synthkit.pipeline.tables import require_output, writable_format, write_table
    from synthkit.source import read

    writable_format(output)
    require_output(output, replace=replace, inputs=[model, table])
    with progress() as bars:
        stages = Stages(bars)
        loaded = _loaded(model, stages)
        with stages("complete"):
            # PRIVACY: the rows may be real; they go to the output and nowhere else.
            done = loaded.complete(read(table), seed=seed, progress=bars)
        with stages("write"):
            written = write_table([done.table], output, replace=replace)
    if as_json:
        print_json(
            {
                "rows": written,
                "output": str(output),
                "filled": done.filled,
                "left_empty": dict(done.left_empty),
                "thin_rows": done.thin,
                **({"redrawn_rows": done.tally.redrawn} if done.tally else {}),
                "covered_by_epsilon": False,
            }
        )
        return
    print(f"{written:,} rows in {output}, {done.filled:,} cells filled")
    if done.tally:
        print(f"  {done.tally.in_words()}")
    note = done.note()
    if note:
        _note(note)
    _note("Cells that were given are in the output as they were: real ones stay real.")


def segments(
    model: ModelFile,
    count: Annotated[int, typer.Option(help="Number of segments, 2 to 50.")] = 8,
    as_json: Json = False,
) -> None:
    """List groups of alike rows that the model has.

    Each with its share and the values that set it apart. From the model alone: free of charge.
    `synthkit sample --where segment=3` (or 3/5 under --count 5) draws from one.
    """
    from synthkit.pipeline.progress import Stages

    with progress() as bars:
        stages = Stages(bars)
        loaded = _loaded(model, stages)
        with stages("find segments"):
            found = loaded.segments(count)
    if as_json:
        print_json({"segments": found})
        return
    for segment in found:
        print(f"Segment {segment.number}  {segment.share:.1%} of rows")
        for trait in segment.traits:
            name, value = printable(trait.column), printable(trait.value)
            print(
                f"  {name} = {value}: {trait.share:.0%} here, {trait.overall:.0%} overall "
                f"(x{trait.lift:.1f})"
            )
    if len(found) < count:
        _note(f"The model has {len(found)} segments that differ, not {count}.")


def _loaded(model: Path, stages: Stages) -> Model:
    """Reads a model file; most of the time goes into loading the generator's library."""
    with stages("read the model"):
        from synthkit.pipeline.model import Model

        return Model.load(model)


def _balance(balance: str | None, share: Sequence[str] | None) -> dict[str, object]:
    """Reads `--balance` and `--share` into what `Model.sample` takes.

    Raises:
        InputError: If a share is malformed, or both options are given.
    """
    if balance is not None and share:
        raise InputError("--balance and --share exclude each other.", hint="Leave out one of them.")
    if balance is not None:
        return {balance: "uniform"}
    found: dict[str, dict[str, float]] = {}
    for text in share or ():
        name, equals, rest = text.partition("=")
        value, colon, number = rest.rpartition(":")
        try:
            part = float(number)
        except ValueError:
            part = float("nan")
        if not (name and equals and colon) or not 0 <= part <= 1:
            raise InputError(
                f"--share {text!r} is not COLUMN=VALUE:SHARE.",
                hint="For example --share disease=yes:0.2, with a share from 0 to 1.",
            )
        if value in found.setdefault(name, {}):
            raise InputError(f"--share names {name}={value} twice.", hint="Name it once.")
        found[name][value] = part
    return dict(found)


def _print_sample(rows: int, output: Path, drawing: Drawing, *, as_json: bool) -> None:
    """Prints how many rows were written, on what each condition rests, and what rules changed."""
    from synthkit.pipeline import supporting
    from synthkit.pipeline.ruling import records

    supports = [(part.label, part.support) for part in drawing.parts]
    rules = records(drawing.model.schema, drawing.tally)
    if as_json:
        result: dict[str, object] = {"rows": rows, "output": str(output)}
        if supports:
            result["conditions"] = [{"part": label, "support": s} for label, s in supports]
        if rules:
            result["rules"] = rules
            result["redrawn_share"] = drawing.tally.redrawn_share
        print_json(result)
        return
    print(f"{rows:,} synthetic rows in {output}")
    if rules:
        print(f"  {drawing.tally.in_words()}")
        for rule in rules:
            print(f"    {rule.broken_as_drawn or 0:.1%} broke it as drawn: {printable(rule.words)}")
    for label, s in supports:
        what = f"{printable(label)}: " if label else ""
        looked = supporting.in_words(s)
        print(f"  {what}{_share(s.mass)} of the model's rows satisfy the condition ({looked})")
        note = supporting.note(s, rows)
        if note:
            _note(f"{what}{note}")


def _note(text: str) -> None:
    print(f"Note: {text}", file=sys.stderr)


def _share(mass: float) -> str:
    """Writes a share so that a small one does not look like none: `12.345%`, `0.0012%`."""
    return f"{mass:.3%}" if mass >= 1e-4 else f"{100 * mass:.2g}%"
