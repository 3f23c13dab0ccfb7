"""Makes the environments of the peers: one virtual environment per set of exact pins.

    python -m benchmarks.peers.environment [dpmm ctgan smartnoise mostly]

The environments lie under benchmarks/peers/.environments (which git ignores). Their packages are no
dependency of synthkit; the licence of each is its own (ctgan is under the Business Source License).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements"
ENVIRONMENTS = HERE / ".environments"


def names() -> list[str]:
    """Returns the environments that can be made."""
    return sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))


def python(name: str, environments: Path = ENVIRONMENTS) -> Path:
    """Returns the Python of an environment.

    Raises:
        FileNotFoundError: If the environment has not been made, with the command that makes it.
    """
    path = environments / name / "bin" / "python"
    if not path.exists():
        raise FileNotFoundError(
            f"The environment {name!r} of this peer is missing; make it with "
            f"`python -m benchmarks.peers.environment {name}`."
        )
    return path


def make(name: str) -> None:
    """Makes one environment with Python 3.11, the only one that all peers run on."""
    folder = ENVIRONMENTS / name
    if sys.version_info[:2] != (3, 11):
        raise SystemExit("The pins of the peers are for Python 3.11: run this with python3.11.")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run(
        # The pins are whole: what a package would pull in besides is left out on purpose
        # (torchvision of another build stops MOSTLY AI's engine from being imported).
        [str(python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--no-deps", "-r", str(REQUIREMENTS / f"{name}.txt")],
        check=True,
    )  # fmt: skip
    print(f"{folder} is made.")


def main() -> None:
    """Makes the environments that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *names()])
    for name in parser.parse_args().names or names():
        make(name)


if __name__ == "__main__":
    main()
