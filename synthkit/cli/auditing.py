"""`synthkit audit`: attack a plan's fit with canaries, print what was found, write it down."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from synthkit.artifacts import Audit
from synthkit.canonical import canonical_json
from synthkit.cli.arguments import Json, known_device, write_text
from synthkit.cli.console import progress
from synthkit.cli.results import MARKS, VERDICT_WORDS, print_json, print_pairs, printable
from synthkit.errors import InputError, PublishError

LEAST_CONFIDENCE = 0.9
"""Bounds at a lower confidence are used by no policy."""
NAMES = {"one_run": "assumption-free", "gaussian_fit": "Gaussian fit"}


def audit(
    plan: Annotated[Path, typer.Argument(help="The plan whose fit is audited (YAML).")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for audit.json and audit.html.")
    ] = None,
    canaries: Annotated[
        int, typer.Option(min=50, max=1_000_000, help="Made-up units to hide in a copy.")
    ] = 1000,
    confidence: Annotated[float, typer.Option(help="Of each bound, from 0.9 up to 1.")] = 0.95,
    generator: Annotated[str | None, typer.Option(help="Overrides the plan's.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda; overrides.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing audit.")] = False,
    as_json: Json = False,
) -> None:
    """Attack a plan's fit: lower bounds on epsilon.

    Fits the plan once more, on a copy of the table with canaries, and bounds from below what was
    really spent. Charged like a fit; releases no model. The exit code is the verdict: 0 nothing
    found, 1 a bound above the claim or a failed check, 2 too weak to tell.
    """
    from synthkit.gate.decision import EXIT_CODES
    from synthkit.pipeline import auditing
    from synthkit.pipeline.plan import load_plan, require_epsilon

    if not LEAST_CONFIDENCE <= confidence < 1:
        raise InputError(
            f"The confidence of an audit is from {LEAST_CONFIDENCE:g} up to 1, not {confidence}.",
            hint="0.95 is usual.",
        )
    given: dict[str, Any] = {
        "generator": generator,
        "device": None if device is None else known_device(device),
    }
    loaded = dataclasses.replace(
        load_plan(plan), **{k: v for k, v in given.items() if v is not None}
    )
    require_epsilon(loaded.generator, loaded.epsilon)
    if output is not None:
        _prepare(output, replace=replace)  # before the charge: a full disk must not cost a budget
    with progress() as bars:
        found = auditing.audit(loaded, canaries=canaries, confidence=confidence, progress=bars)
    try:
        if output is not None:
            _write(found, output)
    except PublishError:
        print_audit(found, None, as_json=as_json)  # it was charged: what it found is not lost
        raise
    print_audit(found, output, as_json=as_json)
    raise typer.Exit(EXIT_CODES[found.verdict])


def print_audit(found: Audit, output: Path | None, *, as_json: bool) -> None:
    """Prints claim, bounds, checks, verdict and what it means."""
    from synthkit.report import AUDIT_WORDS

    if as_json:
        print_json({"output": None if output is None else str(output), "audit": found})
        return
    unit = "people" if found.unit == "person" else "rows"
    print_pairs(
        [
            ("Verdict", f"{VERDICT_WORDS[found.verdict]} - {_lower(AUDIT_WORDS[found.verdict])}"),
            ("Audited", printable(f"{found.name}, generator {found.generator}")),
            (
                "Canaries",
                f"{found.canaries:,} made-up {unit}, {found.canaries_inside:,} of them in the copy",
            ),
            ("Claim", f"epsilon {found.claim_epsilon:.3g} at delta {found.claim_delta:.2g}"),
            *((NAMES[b.name].capitalize(), _bound(b)) for b in found.bounds),
        ]
    )
    if found.checks:
        print("\nChecks")
        for check in found.checks:
            print(f"  {MARKS[check.outcome]}  {check.name}: {check.reason}")
    print()
    for reason in found.reasons:
        print(f"- {reason}")
    if output is not None:
        written = output.resolve() / "audit.json"  # a plan's paths are relative to the plan
        print()
        print_pairs(
            [
                ("Report", f"{output / 'audit.html'}"),
                ("Next", f"write into the plan: audit: {written}"),
            ]
        )


def _bound(bound: Any) -> str:
    most = f", could show up to {bound.ceiling:.3g}" if bound.ceiling is not None else ""
    return f"at least epsilon {bound.epsilon:.3g} (confidence {100 * bound.confidence:g}%{most})"


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def _prepare(folder: Path, *, replace: bool) -> None:
    """Makes the folder, and makes sure that it can be written to and holds no other audit."""
    if (folder / "audit.json").exists() and not replace:
        raise InputError(
            f"{folder} holds an audit already.",
            hint="Pass --replace to replace it, or choose another folder.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".audit.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PublishError(
            f"The folder {folder} could not be made or written to: {error.strerror}.",
            hint="Choose a folder you may write to.",
        ) from None


def _write(found: Audit, folder: Path) -> None:
    from synthkit.report import render_audit

    write_text(folder / "audit.json", canonical_json(found).decode())
    write_text(folder / "audit.html", render_audit(found))
