"""The whole job on bundled example data, in one folder, with nothing to prepare."""

from __future__ import annotations

import shutil
from pathlib import Path

from synthkit.errors import InputError, PublishError
from synthkit.pipeline.plan import Plan, load_plan
from synthkit.pipeline.progress import Progress
from synthkit.pipeline.run import RunResult, run

MARKER = ".synthkit-demo"
"""A demo folder may be replaced only if this file says that a demo made it."""

PLAN = """\
# The plan of `synthkit demo {example}`; copy it for a table of your own.
synthkit: plan/1
name: {title}
purpose: Show the whole job on simulated data
recipient: Anyone who tries synthkit
table: {example}.parquet
schema: {example}.schema.yaml
output: bundle
generator: dpctgan
epsilon: {epsilon}
policy: internal
seed: 7
signing_key: keys/demo.key.pem
"""
TITLES = {"reviews": "Example reviews", "patients": "Example patients"}


def write_demo(folder: Path, example: str, *, epsilon: float) -> Plan:
    """Writes an example's table, schema, keys and plan into a folder of their own.

    Raises:
        InputError: If there is no such example, or the folder holds something else.
        PublishError: If the folder cannot be written.
    """
    from synthkit import examples
    from synthkit.pipeline.tables import write_table
    from synthkit.release import keys

    if example not in examples.names():
        raise InputError(
            f"There is no example named {example!r}.",
            hint=f"Examples: {', '.join(examples.names())}.",
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file.", hint="Choose another folder with --output.")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise InputError(
            f"The folder {folder} holds something else.",
            hint="Choose another folder with --output, or empty this one.",
        )
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        (folder / MARKER).write_text("made by synthkit demo; safe to delete\n")
        write_table([examples.table(example)], folder / f"{example}.parquet")
        (folder / f"{example}.schema.yaml").write_text(examples.schema_text(example))
        (folder / "plan.yaml").write_text(
            PLAN.format(example=example, title=TITLES.get(example, example), epsilon=epsilon)
        )
        keys.new(folder / "keys", name="demo")
    except PublishError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise PublishError(
            f"The demo folder {folder} could not be written: {error.strerror}.",
            hint="Choose another folder with --output, or make space.",
        ) from None
    return load_plan(folder / "plan.yaml")


def demo(
    example: str = "reviews",
    *,
    folder: Path = Path("synthkit-demo"),
    epsilon: float = 1.0,
    progress: Progress | None = None,
) -> RunResult:
    """Runs the whole job on a bundled example.

    The example's people are simulated, so its ledger lives in the demo folder and starts afresh
    with it; a real population's ledger never does.

    Args:
        example: `reviews` or `patients`.
        folder: Where everything is written; replaced if an earlier demo made it.
        epsilon: Privacy budget.
        progress: Receives stages and steps.

    Raises:
        InputError: If there is no such example, or the folder holds something else.
    """
    from synthkit.privacy.ledger import Ledger

    plan = write_demo(folder, example, epsilon=epsilon)
    ledger = Ledger(f"sqlite:///{(folder / 'ledger.sqlite').resolve()}")
    return run(plan, ledger=ledger, progress=progress)
