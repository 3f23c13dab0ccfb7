"""The commands beside the main way: `keys`, `budget` and `list`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from synthkit.cli import results
from synthkit.cli.arguments import Json, positive_epsilon

keys_app = typer.Typer(no_args_is_help=True, help="Signing keys.")
budget_app = typer.Typer(no_args_is_help=True, help="Who has spent how much privacy.")
list_app = typer.Typer(no_args_is_help=True, help="What there is, one line each.")


@keys_app.command("new")
def keys_new(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the pair.")],
    name: Annotated[str, typer.Option(help="Name of the files.")] = "synthkit",
    as_json: Json = False,
) -> None:
    """Make an Ed25519 key pair; the private file is readable by you alone."""
    from synthkit.release import keys

    results.print_keys(keys.new(output, name=name), as_json=as_json)


@budget_app.command("show")
def budget_show(population: str, as_json: Json = False) -> None:
    """Print what a population has spent, tight and naive, and its cap."""
    from synthkit.privacy.ledger import Ledger

    ledger = Ledger()
    results.print_spent(population, ledger.spent(population), as_json=as_json)
    known = ledger.populations()
    if population not in known:
        listed = f"It has entries for: {', '.join(known)}." if known else "It is empty."
        print(f"Note: the ledger has no entry for {population}. {listed}", file=sys.stderr)


@budget_app.command("history")
def budget_history(population: str, as_json: Json = False) -> None:
    """Print every entry of a population, refused ones included."""
    from synthkit.privacy.ledger import Ledger

    results.print_history(population, Ledger().history(population), as_json=as_json)


@budget_app.command("cap")
def budget_cap(population: str, epsilon: float, as_json: Json = False) -> None:
    """Set a population's lifetime cap (10 unless set)."""
    from synthkit.privacy.ledger import Ledger

    ledger = Ledger()
    ledger.set_cap(population, positive_epsilon(epsilon))
    results.print_spent(population, ledger.spent(population), as_json=as_json)


def list_plugins(packages: tuple[str, ...], *, as_json: bool) -> None:
    """Prints name and summary of every plugin of the packages."""
    from synthkit import registry

    rows = [(n, registry.summary(p, n)) for p in packages for n in registry.names(p)]
    results.print_plugins(rows, as_json=as_json)


@list_app.command("generators")
def list_generators(as_json: Json = False) -> None:
    """Print the generators."""
    list_plugins(("synthkit.generate",), as_json=as_json)


@list_app.command("options")
def list_options(
    generator: Annotated[
        str, typer.Argument(help="As `synthkit list generators` names it.")
    ] = "dpctgan",
    as_json: Json = False,
) -> None:
    """Print the options of a generator, for `--option` and plans."""
    from synthkit import registry

    module = registry.load("synthkit.generate", generator)
    options = getattr(module, "OPTIONS", ())
    results.print_options(generator, options, as_json=as_json)


@list_app.command("metrics")
def list_metrics(as_json: Json = False) -> None:
    """Print the fidelity and utility measurements."""
    list_plugins(("synthkit.evaluate.fidelity", "synthkit.evaluate.utility"), as_json=as_json)


@list_app.command("attacks")
def list_attacks(as_json: Json = False) -> None:
    """Print the attacks."""
    list_plugins(("synthkit.evaluate.attacks",), as_json=as_json)


@list_app.command("rules")
def list_rules(as_json: Json = False) -> None:
    """Print the policy rules."""
    list_plugins(("synthkit.gate.rules",), as_json=as_json)
