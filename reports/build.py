"""Rebuilds the example reports from the bundled examples: `make reports`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from synthkit.pipeline.demo import demo


def main() -> None:
    """Runs both demos and copies their report pages beside this file."""
    for example in ("reviews", "patients"):
        with tempfile.TemporaryDirectory() as folder:
            result = demo(example, folder=Path(folder) / "demo")
            page = Path(__file__).parent / f"{example}.html"
            shutil.copyfile(result.bundle / "report.html", page)
            print(f"{page.name}: {result.decision.verdict}")


if __name__ == "__main__":
    main()
