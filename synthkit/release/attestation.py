"""What is signed: an in-toto Statement v1 about every file, inside a DSSE envelope.

- Statement: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. Its subjects are
  all files of the bundle and the manifest, each with its SHA-256; its predicate is the verdict.
- Envelope: https://github.com/secure-systems-lab/dsse/blob/master/envelope.md. The signature covers
  the pre-authentication encoding (PAE) of payload type and payload, so neither can be exchanged.

Both documents have exactly one valid form, the canonical JSON below: a reader that re-writes what
it read and compares the bytes leaves no byte that could be altered unseen.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthkit.release import keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MANIFEST = "manifest.json"
ATTESTATION = "attestation.dsse.json"
RESERVED = frozenset({MANIFEST, ATTESTATION})
AUDIENCES = ("release", "internal")
MANIFEST_FORMAT = "https://synthkit.dev/manifest/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://synthkit.dev/release-verdict/v1"

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


def canonical(value: Any) -> bytes:
    """Returns the one JSON form of plain values: sorted keys, compact, UTF-8, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def is_safe_name(name: object) -> bool:
    """Says whether a file name stays inside the bundle: relative, plain segments, no dots first."""
    if not isinstance(name, str) or len(name) > 400:
        return False
    segments = name.split("/")
    return len(segments) <= 8 and all(_SEGMENT.fullmatch(s) for s in segments)


def statement(digests: Mapping[str, str], *, predicate: Mapping[str, Any]) -> dict[str, Any]:
    """Builds the in-toto Statement.

    Args:
        digests: SHA-256 (hex) of each file, the manifest included, by name.
        predicate: Plain JSON values.
    """
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": n, "digest": {"sha256": digests[n]}} for n in sorted(digests)],
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(predicate),
    }


def pae(payload_type: str, payload: bytes) -> bytes:
    """Returns DSSE's pre-authentication encoding, the bytes that are signed."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, private_key: Ed25519PrivateKey) -> bytes:
    """Returns the envelope, as canonical JSON, of a payload signed with Ed25519."""
    signature = private_key.sign(pae(PAYLOAD_TYPE, payload))
    return canonical(envelope(payload, signature, keys.key_id(private_key.public_key())))


def envelope(payload: bytes, signature: bytes, key_id: str) -> dict[str, Any]:
    """Builds the DSSE envelope of one signature."""
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode("ascii"),
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode("ascii")}],
    }
