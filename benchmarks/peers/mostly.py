"""MOSTLY AI's engine (Apache-2.0), TabularARGN at its defaults, with and without privacy.

It takes no public domain: with privacy, an eleventh of epsilon finds ranges and categories (its
default ratio to the epsilon of training), the rest trains. What its statistics keep without noise
(missing cells, digits, rare values) is not covered by its figure.
"""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.peers.job import finish, read

VALUES_SHARE = 1 / 11


def main() -> None:
    """Fits as the job says; options are TabularARGN's."""
    engine = importlib.import_module("mostlyai.engine")
    configs = importlib.import_module("mostlyai.engine.domain")
    job = read()
    private: dict[str, Any] = {}
    if job.epsilon is not None:
        private["differential_privacy"] = configs.DifferentialPrivacyConfig(
            max_epsilon=job.epsilon * (1 - VALUES_SHARE),
            value_protection_epsilon=job.epsilon * VALUES_SHARE,
            delta=job.delta,
        )
    kinds = dict.fromkeys(job.names("category"), "TABULAR_CATEGORICAL")
    kinds |= dict.fromkeys(job.names("number"), "TABULAR_NUMERIC_AUTO")
    model = engine.TabularARGN(
        tgt_encoding_types=kinds, random_state=job.seed, device="cpu", verbose=0,
        **private, **job.options,
    )  # fmt: skip
    model.fit(job.train)
    finish(
        job,
        lambda n: model.sample(n_samples=n),
        packages=("mostlyai-engine", "opacus", "torch", "numpy", "pandas"),
        epsilon_spent=job.epsilon,
    )


if __name__ == "__main__":
    main()
