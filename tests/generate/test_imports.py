from __future__ import annotations

import subprocess
import sys

BANNED = ("polars", "pandas", "pyarrow", "sklearn", "sdmetrics", "great_expectations")

# Libraries may look for these as optional extras (opendp and torch do), so the program is run as on
# a machine that has none of them: whatever needs one fails.
PROGRAM = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {banned!r}:
            return None
        return PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [Without if finder is PathFinder else finder for finder in sys.meta_path]
import numpy as np
from synthkit import registry
from synthkit.artifacts import Codes, OneWayTables
from synthkit.generate import load_generator, storage

{extra}
for name in registry.names("synthkit.generate"):
    if name == "ctgan":
        continue
    generator = load_generator(name)
    plan = generator.plan(epsilon=1.0, delta=1e-6, n_tables=2, options={options})
    values = np.random.default_rng(0).integers(0, 3, (50, 2)).astype(np.uint8)
    codes = Codes(columns=("a", "b"), sizes=(3, 3), values=values, units=np.arange(50))
    tables = OneWayTables(
        counts=(np.full(3, 17.0), np.full(3, 17.0)), units=51.0, sigma=plan.table_sigma
    )
    model = generator.fit(codes, tables, plan, seed=0, device="cpu")
    generator.load(model.arrays(), model.description()).sample(10, np.random.default_rng(0))
print("loaded", *sorted(set({banned!r}) & set(sys.modules)))
"""


def _run(extra: str = "") -> subprocess.CompletedProcess[str]:
    options = '{"match_steps": 2, "critic_steps": 2} if name == "dpctgan" else {}'
    program = PROGRAM.format(banned=BANNED, extra=extra, options=options)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_generators_fit_and_draw_without_any_table_library() -> None:
    result = _run()
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.split() == ["loaded"]


def test_an_import_of_a_table_library_would_be_caught() -> None:
    result = _run("import importlib; importlib.import_module('pandas')")
    assert result.returncode != 0
    assert "No module named 'pandas'" in result.stderr


def test_the_room_itself_loads_nothing_heavy() -> None:
    program = (
        "import sys, synthkit.generate, synthkit.generate.dpctgan, synthkit.generate.ctgan;"
        "print([m for m in ('torch', 'opacus', 'ctgan', 'pandas', 'safetensors') "
        "if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


COMPILER = """
import sys
import numpy as np
from synthkit.artifacts import Codes, OneWayTables
from synthkit.generate import dpctgan

options = {options}
plan = dpctgan.plan(epsilon=1.0, delta=1e-6, n_tables=2, options=options)
values = np.random.default_rng(0).integers(0, 3, (50, 2)).astype(np.uint8)
codes = Codes(columns=("a", "b"), sizes=(3, 3), values=values, units=np.arange(50))
counts = (np.full(3, 17.0), np.full(3, 17.0))
tables = OneWayTables(counts=counts, units=51.0, sigma=plan.table_sigma)
model = dpctgan.fit(codes, tables, plan, seed=0, device="cpu")
model.sample(10, np.random.default_rng(0))
print([m for m in ("torch._dynamo", "sympy", "opacus") if m in sys.modules])
"""


def test_a_fit_by_the_defaults_loads_neither_torchs_compiler_nor_opacus() -> None:
    def loaded(options: str) -> str:
        program = COMPILER.format(options=options)
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr[-2000:]
        return result.stdout.strip()

    assert loaded('{"match_steps": 2}') == "[]"
    # And where a discriminator is asked for, the same question has another answer.
    with_gradients = loaded('{"match_steps": 2, "critic_steps": 2, "gradient_share": 0.1}')
    assert "opacus" in with_gradients
