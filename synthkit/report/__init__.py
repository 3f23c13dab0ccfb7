"""The report room: (evidence, decision) -> one HTML page and its JSON twin.

The page is self-contained (inline SVG and CSS, no script, nothing fetched), prints on A4 and is
written for the person who signs: what, for whom, verdict, why, until when, and then the evidence.
It is the internal edition: evaluation figures are functions of real rows.

Spine: ISO/IEC 27559 (context, data, identifiability, governance); privacy statement after
NIST SP 800-226; limitation texts are fixed in `wording`.
"""

from synthkit.report.key_numbers import KeyNumber, key_numbers
from synthkit.report.page import SCHEMA_VERSION, render, render_audit, to_json
from synthkit.report.sections.audit import WORDS as AUDIT_WORDS
from synthkit.report.wording import verdict_word

__all__ = [
    "AUDIT_WORDS",
    "SCHEMA_VERSION",
    "KeyNumber",
    "key_numbers",
    "render",
    "render_audit",
    "to_json",
    "verdict_word",
]
