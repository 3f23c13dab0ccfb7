"""The plan of one release: `plan.yaml` as a frozen value.

Takes a YAML document (strict), gives a `Plan` whose paths are absolute. Nothing here opens a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from synthkit.errors import ConfigError

DOMAIN_SHARE = 0.1
"""Share of the budget's mu^2 that buys domains, where there are any to buy; see decision 0008."""
SPIKE_SHARE = 0.04
ROUNDNESS_SHARE = 0.02
"""Share of the budget's mu^2 that finds values which many rows share; see decision 0015."""
Domains = Literal["buy", "as_written"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `synthkit run` does: which table, which generator, how much privacy, for whom."""

    name: str
    table: Path
    schema: Path
    output: Path
    """Folder of the bundle; must not exist yet unless `replace` is true."""
    epsilon: float | None
    """Target of this release; None only for a generator without privacy."""
    delta: float | None = None
    """None: min(1e-6, rows_public ** -1.1), from the schema's public row count."""
    generator: str = "dpctgan"
    options: tuple[tuple[str, Any], ...] = ()
    domains: Domains = "buy"
    """What becomes of columns marked `from: data`: `buy` gets their domains from noisy counts
    within the budget; `as_written` takes them from the schema, outside it (no guarantee end to
    end)."""
    domain_share: float = DOMAIN_SHARE
    """Share of the budget's mu^2 that buys domains; nothing is spent where none is to be bought."""
    spike_share: float = SPIKE_SHARE
    """Share of the budget's mu^2 that finds numbers and times which many rows share, so that they
    keep their spikes; nothing is spent where there is no such column."""
    roundness_share: float = ROUNDNESS_SHARE
    """Share of the budget's mu^2 that finds how round numbers are; nothing is spent where there is
    no such column."""
    rows_per_person: int = 1
    """Most rows of a person that one look uses; more moves weight from persons towards rows, and
    makes the noise on each look larger."""
    policy: str = "internal"
    """Name of a packaged policy, or the path of a policy file."""
    purpose: str = ""
    recipient: str = ""
    holdout: Path | None = None
    """A file with rows that the generator never sees; None: split off `holdout_share`."""
    holdout_share: float = 0.2
    population: str | None = None
    rows: int | None = None
    """Rows to synthesise; None: the schema's public row count, else the noisy number of units."""
    seed: int = 0
    """Public randomness only (split, initial weights, sampling); never the noise."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    signing_key: Path | None = None
    audit: Path | None = None
    """An audit.json of `synthkit audit`, to be carried by the evidence; None: no audit was made."""
    invalid_values: Literal["refuse", "clamp"] = "refuse"
    replace: bool = False


def load_plan(path: str | Path) -> Plan:
    """Reads a plan; relative paths in it are relative to the plan's folder.

    Raises:
        ConfigError: If the document breaks the plan's rules (every problem at once).
    """
    from pydantic import BaseModel, ConfigDict, Field

    from synthkit.schema.document import read_document

    class PlanForm(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)

        synthkit: Literal["plan/1"]
        name: str = Field(min_length=1, max_length=200)
        table: str = Field(min_length=1)
        schema_: str = Field(alias="schema", min_length=1)
        output: str = Field(min_length=1)
        epsilon: float | None = Field(default=None, gt=0, allow_inf_nan=False)
        delta: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
        generator: str = "dpctgan"
        options: dict[str, int | float | str | bool] = {}
        domains: Domains = "buy"
        domain_share: float = Field(default=DOMAIN_SHARE, gt=0, le=0.5)
        spike_share: float = Field(default=SPIKE_SHARE, ge=0, le=0.5)
        roundness_share: float = Field(default=ROUNDNESS_SHARE, ge=0, le=0.5)
        rows_per_person: int = Field(default=1, ge=1, le=1000)
        policy: str = "internal"
        purpose: str = ""
        recipient: str = ""
        holdout: str | None = None
        holdout_share: float = Field(default=0.2, gt=0, le=0.5)
        population: str | None = Field(default=None, pattern=r"^[a-z0-9._/-]{1,100}$")
        rows: int | None = Field(default=None, ge=1)
        seed: int = Field(default=0, ge=0, lt=2**63)
        device: Literal["auto", "cpu", "cuda"] = "auto"
        signing_key: str | None = None
        audit: str | None = Field(default=None, min_length=1)
        invalid_values: Literal["refuse", "clamp"] = "refuse"
        replace: bool = False

    path = Path(path)
    form: Any = read_document(path, PlanForm, what="plan")
    folder = path.resolve().parent

    def resolved(name: str | None) -> Path | None:
        return None if name is None else (folder / Path(name).expanduser())

    values = form.model_dump(by_alias=False)
    del values["synthkit"]
    values["schema"] = values.pop("schema_")
    for key in ("table", "schema", "output", "holdout", "signing_key", "audit"):
        values[key] = resolved(values[key])
    values["options"] = tuple(sorted(values["options"].items()))
    if "/" in values["policy"] or values["policy"].endswith((".yaml", ".yml")):
        values["policy"] = str(folder / Path(values["policy"]).expanduser())
    plan = Plan(**values)
    require_epsilon(plan.generator, plan.epsilon)
    return plan


def require_epsilon(generator: str, epsilon: float | None) -> None:
    """Refuses an unknown generator, and a private one without a budget.

    Raises:
        ConfigError: If the generator is private and `epsilon` is None.
        InputError: If there is no such generator.
    """
    from synthkit.generate import load_generator

    if load_generator(generator).IS_PRIVATE and epsilon is None:
        raise ConfigError(
            f"The generator {generator} is private and needs an epsilon.",
            hint="Set `epsilon:` in the plan or pass --epsilon; 1.0 is a good first choice.",
        )
