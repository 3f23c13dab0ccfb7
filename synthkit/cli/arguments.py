"""What several commands ask for in the same words, and how odd values are refused."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from synthkit.errors import InputError

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
SchemaPath = Annotated[Path, typer.Option("--schema", "-s", help="The table's schema (YAML).")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Seed = Annotated[int, typer.Option(min=0, help="Public randomness only; never the noise.")]
Generator = Annotated[str, typer.Option(help="See `synthkit list generators`.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace an existing file.")]
Population = Annotated[
    str | None, typer.Option(help="Whom the ledger charges; default: the schema's population.")
]


def positive_epsilon(epsilon: float) -> float:
    """Refuses an epsilon that is not a positive, finite number."""
    import math

    if not (math.isfinite(epsilon) and epsilon > 0):
        raise InputError(
            f"Epsilon must be a positive number, not {epsilon}.",
            hint="1.0 is a good first choice; smaller is more private.",
        )
    return epsilon


def known_device(device: str) -> str:
    """Refuses a device that is neither auto, cpu nor cuda."""
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"There is no device {device!r}.", hint="Use auto, cpu or cuda.")
    return device


def pairs(texts: Sequence[str] | None, option: str) -> dict[str, str]:
    """Splits each NAME=VALUE of a repeated option.

    Raises:
        InputError: If one is not of this form, or a name is given twice.
    """
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(
                f"{option} {text!r} is not NAME=VALUE.",
                hint="Write the name, an equals sign and the value, without spaces around it.",
            )
        if name in found:
            raise InputError(
                f"{option} names {name!r} twice.", hint="Give each name one value: all must hold."
            )
        found[name] = value
    return found


def typed(text: str) -> int | float | str | bool:
    """Reads an option's value as a plan would: a number, true or false, else a word."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def write_text(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    from synthkit.pipeline.documents import write_whole

    write_whole(path, text.encode())


def table_name(path: Path) -> str:
    """Names a table after its file; after its folder where the file's name says nothing.

    The ledger's population is derived from it, and tables called `data` would share one.
    """
    says_nothing = path.stem.lower() in ("data", "table", "train", "export", "input")
    return path.resolve().parent.name or path.stem if says_nothing else path.stem
