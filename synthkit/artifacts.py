"""The nouns that rooms hand each other: frozen dataclasses, no behaviour.

Every artifact that ends in a bundle is written and named by `synthkit.canonical`; a number that
could not be measured is `None` and its `note` says why.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Outcome = Literal["pass", "fail", "inconclusive"]

Verdict = Literal["pass", "refused", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Codes:
    """A table as small unsigned integers, one per cell; the generators' only view of it."""

    columns: tuple[str, ...]
    """Names of the encoded columns, in order."""
    sizes: tuple[int, ...]
    """Number of codes of each column; codes run from 0 to size - 1."""
    values: np.ndarray
    """Codes, shape (n_rows, n_columns), uint8 or uint16."""
    units: np.ndarray
    """Index of the privacy unit of each row, shape (n_rows,), int64, 0 .. n_units - 1."""


@dataclass(frozen=True, kw_only=True)
class OneWayTables:
    """Counts of each code per column, measured with noise (or exactly, for non-private use)."""

    counts: tuple[np.ndarray, ...]
    """One float64 array of shape (size,) per column: non-negative, summing to `units`."""
    units: float
    """Number of rows counted, at most so many per privacy unit as the plan says (noisy when `sigma`
    is not None), at least 1."""
    sigma: float | None
    """Standard deviation of the noise per cell; None: exact, no guarantee."""
    cells: tuple[np.ndarray, ...] | None = None
    """How many measured cells each code sums, one int64 array of shape (size,) per column: the
    noise variance of a code is cells * sigma^2. None: one cell each."""


@dataclass(frozen=True, kw_only=True)
class EventRecord:
    """One line of the privacy statement: a look at real rows."""

    name: str
    mechanism: str
    covered: bool
    """True: inside the budget. False: a look that no epsilon covers; `note` says why."""
    in_release: bool
    """False: its result stays inside (the internal report); True: the release depends on it."""
    parameters: Mapping[str, float | int | str]
    note: str = ""
    share: float | None = None
    """About what part of the budget it takes, as squared Gaussian-DP mu; not part of the proof."""


@dataclass(frozen=True, kw_only=True)
class PrivacyStatement:
    """What is claimed about a model, and on which grounds; printed by every report."""

    private: bool
    """True only if every look that the release depends on is inside the budget."""
    generator: str
    epsilon: float | None
    """Epsilon spent by the covered events at `delta` (PLD, upper bound); None: no guarantee."""
    delta: float | None
    target_epsilon: float | None
    mu: float | None
    """Gaussian-DP bound that dominates the covered events' whole privacy loss, up to `mu_delta`."""
    cross_check: Mapping[str, float]
    """Epsilon of the same events by other accountants, for example `opacus_rdp`."""
    unit: Literal["person", "row"]
    unit_column: str | None
    neighboring_relation: str
    contribution: str
    """How each unit's contribution is bounded, in one sentence."""
    accountant: str
    events: tuple[EventRecord, ...]
    public_columns: tuple[str, ...]
    """Columns whose bounds or categories the schema declares public."""
    data_columns: tuple[str, ...]
    """Columns whose bounds or categories were read from the data, outside the budget."""
    theorem: str
    """Of each kind of look that was taken, of their composition and of the generator."""
    randomness: str
    floating_point: str
    population: str = ""
    recipe: str = ""
    """How the model was made, in one sentence."""
    mu_delta: float | None = None
    """What the bound `mu` leaves out, in delta."""
    rho: float | None = None
    """Zero-concentrated DP of the covered events, where all are tables without a threshold."""
    rho_note: str = ""
    """Why there is no `rho`."""
    bought_columns: tuple[str, ...] = ()
    """Columns whose bounds or categories were bought with noise: inside this budget, or that of an
    earlier release (`from: noisy` in the schema that was given)."""
    assumptions: str = ""
    """What is taken as declared by whoever signs the schema, in one sentence."""
    population_epsilon: float | None = None
    """Epsilon of every release of the population so far, this one included."""
    population_delta: float | None = None
    """At which delta `population_epsilon` is meant: thresholds take theirs on top of it, so that
    one release may cost a little less here than `epsilon` says."""
    epsilon_at_population_delta: float | None = None
    """Epsilon of this release alone at `population_delta`: the least that the account can hold."""
    population_cap: float | None = None
    population_releases: int | None = None


@dataclass(frozen=True, kw_only=True)
class AuditBound:
    """A lower bound on the epsilon that a fit really spent, from its canaries."""

    name: Literal["one_run", "gaussian_fit"]
    """`one_run`: assumes nothing (Steinke, Nasr and Jagielski 2023). `gaussian_fit`: assumes that
    the scores of canaries inside and outside are two normal distributions of one variance."""
    epsilon: float
    """The mechanism is not (epsilon', delta)-DP for any epsilon' below this, at `confidence`."""
    delta: float
    confidence: float
    mu: float | None = None
    """`gaussian_fit`: lower bound on the Gaussian-DP parameter."""
    ceiling: float | None = None
    """Largest epsilon that this bound could have shown with so many canaries, had every guess
    been right; `one_run` only."""


@dataclass(frozen=True, kw_only=True)
class AuditCheck:
    """One deterministic or one-step check of an audit."""

    layer: Literal["replay", "step", "release"]
    name: str
    outcome: Outcome
    reason: str
    """One sentence with the numbers; never a cell."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an audit of one plan found: lower bounds beside the claim that they attack."""

    name: str
    generator: str
    options: Mapping[str, Any]
    unit: Literal["person", "row"]
    claim_epsilon: float
    claim_delta: float
    claim_mu: float | None
    canaries: int
    """Units made up for the audit; each was in the table by a fair coin of its own."""
    canaries_inside: int
    rows: int
    """Rows of the audited copy of the table, canaries included."""
    scored: tuple[str, ...]
    """Names of the events whose noisy results the attack read."""
    bounds: tuple[AuditBound, ...]
    checks: tuple[AuditCheck, ...]
    verdict: Verdict
    """`refused`: a bound above the claim or a failed check; `inconclusive`: nothing found by an
    audit too weak to find much; `pass`: nothing found by one that would have found twice the
    claim."""
    reasons: tuple[str, ...]
    """Why, one sentence each."""
    population: str = ""
    created: datetime.datetime | None = None
    plan_sha256: str = ""
    """Digest of what was audited (generator, options, budget, domains): a report quotes the audit
    only for a release made in the same way."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Libraries that drew the noise and did the accounting."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One number of the evidence."""

    name: str
    """Dotted name, for example `fidelity.tvd2`; policy rules refer to it."""
    value: float | None
    """None: could not be measured; `note` says why. Never NaN."""
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    """Level of the interval low .. high, for example 0.95."""
    n: int | None = None
    """Number of rows (or trials) behind the value."""
    reference: float | None = None
    """The same measurement for a real holdout of equal size."""
    goal: Literal["minimize", "maximize", "none"] = "none"
    disclosure: Literal["internal", "public"] = "internal"
    """`internal`: a function of real rows outside the budget; never printed in public."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class MarginalFigure:
    """Shares of one column's bins in train, holdout and synthetic rows, for a plot."""

    column: str
    labels: tuple[str, ...]
    train: tuple[float, ...]
    holdout: tuple[float, ...]
    synthetic: tuple[float, ...]
    tvd: float
    """Total variation distance of synthetic to train over these bins."""


@dataclass(frozen=True, kw_only=True)
class AssociationFigure:
    """Absolute difference of pair association (Cramer's V on shared bins) to train."""

    columns: tuple[str, ...]
    synthetic: tuple[tuple[float, ...], ...]
    holdout: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class ExpectationResult:
    """One Great Expectations result, without any cell value."""

    rule: str
    """Stable id, `column.check` or `table.check`."""
    expectation: str
    """Great Expectations type, for example `expect_column_values_to_be_between`."""
    column: str | None
    outcome: Outcome
    unexpected_share: float | None
    rows: int | None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Validity:
    """What Great Expectations found on the synthetic table."""

    results: tuple[ExpectationResult, ...]
    rows: int
    library: str
    """Name and version of the library."""


@dataclass(frozen=True, kw_only=True)
class RuleRecord:
    """A rule of the schema; its checks in `Validity` begin with `rule` (`rule1`, `rule2` ...)."""

    rule: str
    words: str
    broken_as_drawn: float | None = None
    """Share of rows that broke it before they were drawn again; None: made elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Omission:
    """A column that the synthetic table does not have, and why."""

    column: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the table came from and what was run; for the report's last section."""

    source_name: str
    source_fingerprint: str
    """HMAC-SHA256 of the source file under the installation's own key."""
    split: str
    """How train and holdout were separated, in one sentence."""
    seed: int
    """Public randomness only; never the noise."""
    rows_requested: int
    versions: Mapping[str, str]
    device: str
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything known about one synthetic table: what the gate decides on and the report prints.

    Only `measurements` is needed; a table from elsewhere has no privacy statement, and the rules
    that need one are inconclusive.
    """

    name: str
    """Name of the release, for people."""
    measurements: Mapping[str, Measurement]
    rows_synthetic: int
    release_id: str = ""
    purpose: str = ""
    recipient: str = ""
    created: datetime.datetime | None = None
    marginals: tuple[MarginalFigure, ...] = ()
    associations: AssociationFigure | None = None
    privacy: PrivacyStatement | None = None
    validity: Validity | None = None
    dictionary: tuple[Mapping[str, str], ...] = ()
    """One row per column of the schema: column, kind, role, domain, domain_source, treatment."""
    omissions: tuple[Omission, ...] = ()
    rules: tuple[RuleRecord, ...] = ()
    provenance: Provenance | None = None
    subject_sha256: str = ""
    """SHA-256 of the synthetic table's Parquet file, when there is one."""
    warnings: tuple[str, ...] = ()
    """Sentences for the first screen, for example that the privacy unit is the row."""
    audit: Audit | None = None
    """An audit that the plan names; it counts only where it is of this way of making a release."""
    audit_plan_sha256: str = ""
    """Digest of how this release was made, to be compared with the audit's `plan_sha256`."""


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """One policy rule, decided."""

    rule: str
    """Name of the rule's file under `gate/rules`."""
    axis: Literal["privacy", "validity", "fidelity", "utility", "governance"]
    question: str
    """The rule as a plain sentence (first line of its module docstring)."""
    outcome: Outcome
    value: float | None
    limit: float | None
    reason: str
    """One sentence with the numbers."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The gate's answer for one evidence under one policy."""

    verdict: Verdict
    policy: str
    policy_version: str
    policy_sha256: str
    recipient_class: str
    evidence_sha256: str
    rules: tuple[RuleResult, ...]
    valid_until: datetime.date | None
    """Last day on which the verdict stands; None when the evidence carries no date."""
