"""(evidence, decision) -> one self-contained HTML page, and its JSON twin.

The same evidence and decision give the same bytes. A decision that was made on other evidence is
refused: its verdict must never stand above these numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from synthkit.artifacts import Audit, Decision, Evidence
from synthkit.canonical import canonical_json, digest
from synthkit.errors import InputError, IntegrityError
from synthkit.report.numbers import NOT_MEASURED
from synthkit.report.sections import (
    attacks,
    audit,
    dictionary,
    fidelity,
    privacy,
    provenance,
    summary,
    utility,
    validity,
    verdict,
)
from synthkit.report.wording import GLOSSARY, clean, limits, shorten

if TYPE_CHECKING:
    from jinja2 import Environment

SCHEMA_VERSION = "synthkit.report/1"
"""Version of the JSON twin's shape."""

SECTIONS = (
    ("verdict", "Verdict"),
    ("privacy", "Privacy statement"),
    ("attacks", "Attacks"),
    ("audit", "Empirical audit"),
    ("fidelity", "Fidelity"),
    ("utility", "Utility"),
    ("validity", "Validity"),
    ("dictionary", "Data dictionary"),
    ("provenance", "Provenance"),
    ("limits", "Limits of this report"),
    ("glossary", "Glossary"),
)
"""Fixed ids and titles, in order; the audit only where the evidence carries one."""

_VIEWS: dict[str, Callable[[Evidence, Decision], dict[str, Any]]] = {
    "summary": summary.view,
    "verdict": verdict.view,
    "privacy": privacy.view,
    "attacks": attacks.view,
    "audit": audit.view,
    "fidelity": fidelity.view,
    "utility": utility.view,
    "validity": validity.view,
    "dictionary": dictionary.view,
    "provenance": provenance.view,
}


def render(evidence: Evidence, decision: Decision) -> str:
    """Returns the report as one HTML page, internal edition.

    Args:
        evidence: Everything known about the synthetic table; parts may be missing.
        decision: The gate's answer for exactly this evidence.

    Raises:
        IntegrityError: If the decision was made on other evidence.
    """
    _bind(evidence, decision)
    views = {name: view(evidence, decision) for name, view in _VIEWS.items()}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            **views,
            limits=limits(evidence, decision),
            glossary=GLOSSARY,
            sections=[s for s in SECTIONS if s[0] != "audit" or evidence.audit is not None],
        )
    )


def render_audit(found: Audit) -> str:
    """Returns an audit as one HTML page of its own, in the design of the report."""
    return (
        _environment()
        .get_template("audit_page.html.j2")
        .render(audit=audit.content(found), page=audit.opening(found))
    )


def to_json(evidence: Evidence, decision: Decision) -> bytes:
    """Returns the JSON twin: canonical JSON of schema version, evidence and decision.

    Raises:
        IntegrityError: If the decision was made on other evidence.
        InputError: If the evidence holds NaN or infinity.
    """
    _bind(evidence, decision)
    try:
        return canonical_json(
            {"schema": SCHEMA_VERSION, "evidence": evidence, "decision": decision}
        )
    except ValueError as error:
        raise InputError(
            "The evidence holds a number that is not finite.",
            hint="A number that could not be measured is None, and its note says why.",
        ) from error


def _bind(evidence: Evidence, decision: Decision) -> None:
    """Makes sure that the decision is about this evidence.

    Evidence that has no JSON form has no digest; the gate binds it by an empty one and never lets
    it pass.
    """
    try:
        own = digest(evidence)
    except (TypeError, ValueError):
        own = ""
    if decision.evidence_sha256 != own or (not own and decision.verdict == "pass"):
        raise IntegrityError(
            "The decision was made on other evidence than this.",
            hint="Decide on this evidence again, then write the report.",
        )


def _environment() -> Environment:
    """Returns the template environment: everything escaped, holes are errors."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("synthkit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    # Only drawings pass unescaped; they have escaped whatever is foreign to them.
    environment.filters["drawing"] = lambda figure: Markup(figure.svg)  # noqa: S704
    environment.filters["cut"] = shorten
    return environment


def _printable(value: Any) -> Any:
    """Cleans every text on its way to the page; no hole is ever printed as such."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOT_MEASURED
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return clean(value)
    return value
