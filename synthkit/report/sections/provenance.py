"""Section 8: where the table came from, what was run, and the digests that bind it."""

from __future__ import annotations

from typing import Any

from synthkit.artifacts import Decision, Evidence
from synthkit.report.numbers import count, seconds
from synthkit.report.tables import Table, headers


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns origin, versions, times and digests."""
    found = evidence.provenance
    digests = (
        ("Synthetic table, SHA-256", evidence.subject_sha256 or "no file was bound"),
        ("Evidence, SHA-256", decision.evidence_sha256 or "not stated"),
        ("Policy, SHA-256", decision.policy_sha256 or "not stated"),
    )
    if found is None:
        return {"facts": (), "digests": digests, "versions": None, "times": None}
    return {
        "facts": (
            ("Source", found.source_name or "not stated"),
            ("Source fingerprint (keyed)", found.source_fingerprint or "not stated"),
            ("Split", found.split or "not stated"),
            ("Seed (public randomness only, never the noise)", str(found.seed)),
            ("Rows asked for", count(found.rows_requested)),
            ("Device", found.device or "not stated"),
        ),
        "digests": digests,
        "versions": Table(
            caption="Versions",
            headers=headers("Package", "=Version"),
            rows=tuple(sorted(found.versions.items())),
            is_compact=True,
        )
        if found.versions
        else None,
        "times": Table(
            caption="Time per stage, longest first",
            headers=headers("Stage", "#Time"),
            rows=tuple(
                (stage, seconds(value))
                for stage, value in sorted(found.seconds.items(), key=lambda i: (-i[1], i[0]))
            ),
            is_compact=True,
        )
        if found.seconds
        else None,
    }
