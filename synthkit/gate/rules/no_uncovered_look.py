"""Everything the release depends on is inside the privacy budget.

One look at real rows without noise, for example bounds read from the table, and epsilon says
nothing about what that look gave away. NIST SP 800-226 (2025) lists such steps among the hazards
of a differential privacy claim. With `allow_data_domains` a policy tolerates exactly two such
looks: reading bounds and categories of named columns from the data, and using a schema as it was
proposed from the data.
"""

from __future__ import annotations

from synthkit.artifacts import Evidence
from synthkit.gate.finding import Finding, NotMeasured, statement
from synthkit.gate.parameters import Flag

AXIS = "privacy"
PARAMETERS = {"allow_data_domains": Flag()}

DOMAIN_LOOK = "domains read from the data"
PROPOSAL_LOOK = "schema as proposed from the data"
"""Names of the two events that `allow_data_domains` tolerates, once each."""


def check(evidence: Evidence, *, allow_data_domains: bool) -> Finding:
    """Counts the looks that no epsilon covers.

    Args:
        evidence: Needs the privacy statement with its events.
        allow_data_domains: Whether bounds and categories may have been read from the data.

    Raises:
        NotMeasured: If there is no statement, or it lists no event at all.
    """
    claim = statement(evidence)
    if not claim.events:
        raise NotMeasured("The privacy statement lists no look at real rows at all.")
    looks = [e for e in claim.events if e.in_release and not e.covered]
    names = {e.name for e in looks} & {DOMAIN_LOOK, PROPOSAL_LOOK} if allow_data_domains else set()
    tolerated = sorted(names)
    refused = len(looks) - len(tolerated)
    read = 0 if allow_data_domains else len(claim.data_columns)
    if refused or read:
        parts = [f"{refused} looks at real rows outside the budget"] if refused else []
        parts += [f"bounds or categories of {read} columns read from the data"] if read else []
        return _finding(max(refused, 1), f"The release depends on {' and on '.join(parts)}.")
    if claim.epsilon is None or not (claim.private or tolerated):
        return _finding(1, "The release carries no differential privacy guarantee.")
    inside = sum(1 for e in claim.events if e.covered)
    if claim.data_columns:
        return _finding(
            0,
            f"{inside} looks are inside the budget; bounds or categories of "
            f"{len(claim.data_columns)} columns were read from the data, which the policy allows.",
        )
    if tolerated:
        return _finding(
            0,
            f"{inside} looks are inside the budget; the schema is used as it was proposed from "
            "the data, which the policy allows.",
        )
    bought = len(claim.bought_columns)
    and_domains = f", domains of {bought} columns bought with noise among them" if bought else ""
    return _finding(
        0, f"All {inside} looks that the release depends on are inside the budget{and_domains}."
    )


def _finding(looks: int, reason: str) -> Finding:
    return Finding(
        outcome="fail" if looks else "pass", value=float(looks), limit=0.0, reason=reason
    )
