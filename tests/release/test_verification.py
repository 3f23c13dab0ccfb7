"""Verification: every altered byte is caught and its file named; nothing unsigned is believed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from synthkit.errors import InputError
from synthkit.release import attestation, keys, verify
from tests.release.conftest import FACTS, FILES, Signer

Make = Callable[..., Path]
ALL_FILES = [*FILES, "manifest.json", "attestation.dsse.json"]


def problems(place: Path, signer: Signer) -> tuple[str, ...]:
    found = verify(place, signer.public)
    assert found.ok == (not found.problems)
    return found.problems


def test_a_whole_bundle_verifies_with_the_public_key_alone(
    make_bundle: Make, signer: Signer, tmp_path: Path
) -> None:
    moved = shutil.copytree(make_bundle(), tmp_path / "elsewhere" / "copy")
    start = time.process_time()
    found = verify(moved, signer.public)
    assert time.process_time() - start < 2
    assert (found.ok, found.problems, found.key_id) == (True, (), signer.pair.key_id)
    assert found.facts == FACTS


def test_verification_loads_no_heavy_library() -> None:
    code = (
        "import sys; from synthkit.release import verify, keys\n"
        "heavy = {'numpy', 'polars', 'pandas', 'torch', 'sqlalchemy', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# One altered byte.


@pytest.mark.parametrize("name", [n for n in ALL_FILES if n != "empty.txt"])
def test_every_flipped_byte_is_caught_and_its_file_named(
    make_bundle: Make, signer: Signer, name: str
) -> None:
    place = make_bundle()
    path = place / name
    whole = path.read_bytes()
    for position in range(len(whole)):
        altered = bytearray(whole)
        altered[position] ^= (0x01, 0x20, 0x80)[position % 3]
        path.write_bytes(altered)
        found = problems(place, signer)
        assert len(found) == 1, (position, found)
        assert found[0].startswith((f"{name}: altered", "attestation.dsse.json: wrong key or alt"))
        assert found[0].startswith(name)
    path.write_bytes(whole)
    assert problems(place, signer) == ()


@pytest.mark.parametrize("name", ALL_FILES)
@pytest.mark.parametrize(
    "change", [lambda b: b + b"\n", lambda b: b" " + b, lambda b: b[:-1] or b"x", lambda b: b + b]
)
def test_bytes_added_or_cut_are_caught(
    make_bundle: Make, signer: Signer, name: str, change: Callable[[bytes], bytes]
) -> None:
    place = make_bundle()
    whole = (place / name).read_bytes()
    changed = change(whole)
    if changed == whole:
        changed = b"x"
    (place / name).write_bytes(changed)
    found = problems(place, signer)
    assert len(found) == 1
    assert found[0].startswith(f"{name}: ")


# Files.


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_missing_file_is_named(make_bundle: Make, signer: Signer, name: str) -> None:
    place = make_bundle()
    (place / name).unlink()
    assert f"{name}: missing." in problems(place, signer)


def test_extra_files_and_folders_are_named(make_bundle: Make, signer: Signer) -> None:
    place = make_bundle()
    (place / "extra.txt").write_text("")
    (place / "figures" / ".hidden").write_text("")
    (place / "empty folder" / "inner").mkdir(parents=True)
    (place / "odd\nname").write_text("")
    assert [p.partition(": ")[0] for p in problems(place, signer)] == [
        "empty folder",
        "empty folder/inner",
        "extra.txt",
        "figures/.hidden",
        "'odd\\nname'",
    ]


def test_several_problems_are_all_named(make_bundle: Make, signer: Signer) -> None:
    place = make_bundle()
    (place / "synthetic.csv").write_text("age,city\n")
    (place / "report.html").unlink()
    (place / "manifest.json").write_text("{}")
    assert {p.partition(":")[0] for p in problems(place, signer)} == {
        "synthetic.csv",
        "report.html",
        "manifest.json",
    }
    assert verify(place, signer.public).facts == FACTS  # signed, hence still true


@pytest.mark.parametrize("name", ["synthetic.csv", "manifest.json", "attestation.dsse.json"])
def test_a_link_is_refused_even_to_the_right_bytes(
    make_bundle: Make, signer: Signer, tmp_path: Path, name: str
) -> None:
    place = make_bundle()
    (place / name).rename(tmp_path / "real")
    (place / name).symlink_to(tmp_path / "real")
    assert any(p.startswith(f"{name}: a symbolic link") for p in problems(place, signer))


def test_a_linked_folder_is_refused(make_bundle: Make, signer: Signer, tmp_path: Path) -> None:
    place = make_bundle()
    (place / "figures").rename(tmp_path / "real")
    (place / "figures").symlink_to(tmp_path / "real")
    found = problems(place, signer)
    assert any(p.startswith("figures/tvd.svg: a symbolic link on its path") for p in found)


@pytest.mark.parametrize("name", ["synthetic.csv", "attestation.dsse.json"])
def test_a_special_file_does_not_hang(make_bundle: Make, signer: Signer, name: str) -> None:
    place = make_bundle()
    (place / name).unlink()
    os.mkfifo(place / name)
    assert any(p.startswith(f"{name}: not a regular file") for p in problems(place, signer))


# Signatures.


def test_another_key_is_named_as_the_wrong_key(make_bundle: Make) -> None:
    other = Ed25519PrivateKey.generate().public_key()
    found = verify(make_bundle(), other)
    assert not found.ok
    assert "wrong key" in found.problems[0]
    assert found.key_id == keys.key_id(other)
    assert found.facts == {}


def envelope_of(place: Path) -> dict[str, Any]:
    return dict(json.loads((place / "attestation.dsse.json").read_bytes()))


def write_envelope(place: Path, envelope: Any) -> None:
    (place / "attestation.dsse.json").write_bytes(attestation.canonical(envelope))


def payload_with(place: Path, **changes: Any) -> bytes:
    statement = json.loads(base64.b64decode(envelope_of(place)["payload"]))
    return attestation.canonical({**statement, **changes})


def test_a_statement_of_someone_else_under_our_key_id_is_caught(
    make_bundle: Make, signer: Signer
) -> None:
    place = make_bundle()
    forged = payload_with(place, predicate={"facts": {"verdict": "pass", "epsilon": 0.01}})
    signature = Ed25519PrivateKey.generate().sign(attestation.pae(attestation.PAYLOAD_TYPE, forged))
    write_envelope(place, attestation.envelope(forged, signature, signer.pair.key_id))
    found = verify(place, signer.public)
    assert found.problems == ("attestation.dsse.json: altered, its signature does not hold.",)
    assert found.facts == {}


def test_a_signature_over_another_payload_type_does_not_count(
    make_bundle: Make, signer: Signer
) -> None:
    place = make_bundle()
    payload = base64.b64decode(envelope_of(place)["payload"])
    signature = signer.private.sign(attestation.pae("text/plain", payload))
    write_envelope(place, attestation.envelope(payload, signature, signer.pair.key_id))
    assert "signature does not hold" in problems(place, signer)[0]


def test_a_second_signature_or_field_is_an_alteration(make_bundle: Make, signer: Signer) -> None:
    place = make_bundle()
    envelope = envelope_of(place)
    for altered in (
        {**envelope, "note": "approved"},
        {**envelope, "signatures": envelope["signatures"] * 2},
        {**envelope, "signatures": [{**envelope["signatures"][0], "cert": ""}]},
    ):
        write_envelope(place, altered)
        assert problems(place, signer) == (
            "attestation.dsse.json: altered outside the signed part.",
        )
    (place / "attestation.dsse.json").write_text(json.dumps(envelope, indent=2))
    assert problems(place, signer) == ("attestation.dsse.json: altered outside the signed part.",)


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"payload":1,"signatures":[]}',
        b"[" * 100_000,
        b'{"payload":"!","signatures":[{"keyid":"","sig":""}]}',
        b'{"payload":"","signatures":[{"keyid":[],"sig":"AA=="}]}',
    ],
)
def test_junk_instead_of_an_envelope_is_a_problem_and_not_a_crash(
    make_bundle: Make, signer: Signer, junk: bytes
) -> None:
    place = make_bundle()
    (place / "attestation.dsse.json").write_bytes(junk)
    found = problems(place, signer)
    assert len(found) == 1
    assert found[0].startswith("attestation.dsse.json: ")


def sign_again(place: Path, signer: Signer, **changes: Any) -> None:
    """A statement that our own key signed, but that synthkit would not have written."""
    payload = payload_with(place, **changes)
    (place / "attestation.dsse.json").write_bytes(attestation.sign(payload, signer.private))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "", "a\x00b", 7, None])
def test_a_signed_name_that_leaves_the_bundle_is_refused(
    make_bundle: Make, signer: Signer, tmp_path: Path, name: Any
) -> None:
    place = make_bundle()
    (tmp_path / "out" / "secret").write_text("x")
    sign_again(place, signer, subject=[{"name": name, "digest": {"sha256": "00"}}])
    assert problems(place, signer) == (
        "attestation.dsse.json: signed, but it names a file outside the bundle.",
    )


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "not a release verdict"),
        ({"predicateType": "https://slsa.dev/provenance/v1"}, "not a release verdict"),
        ({"predicate": None}, "not a release verdict"),
        ({"predicate": {}}, "not a release verdict"),
        ({"subject": []}, "manifest is not among its subjects"),
        ({"subject": None}, "manifest is not among its subjects"),
        ({"subject": [{}]}, "no name or digest"),
        ({"predicate": {"facts": {"verdict": "other"}}}, "other facts"),
    ],
)
def test_a_signed_statement_that_does_not_match_is_refused(
    make_bundle: Make, signer: Signer, changes: dict[str, Any], word: str
) -> None:
    place = make_bundle()
    sign_again(place, signer, **changes)
    found = problems(place, signer)
    assert len(found) == 1
    assert word in found[0]


def test_a_manifest_that_lists_other_files_than_the_statement_is_refused(
    make_bundle: Make, signer: Signer
) -> None:
    import hashlib

    place = make_bundle()
    manifest = json.loads((place / "manifest.json").read_bytes())
    manifest["files"] = manifest["files"][1:]
    (place / "manifest.json").write_bytes(attestation.canonical(manifest))
    subjects = json.loads(base64.b64decode(envelope_of(place)["payload"]))["subject"]
    for subject in subjects:
        if subject["name"] == "manifest.json":
            content = (place / "manifest.json").read_bytes()
            subject["digest"]["sha256"] = hashlib.sha256(content).hexdigest()
    sign_again(place, signer, subject=subjects)
    assert problems(place, signer) == (
        "manifest.json: does not match the signed statement: other files or digests.",
    )


def test_no_bundle_and_no_key_are_input_errors(tmp_path: Path, signer: Signer) -> None:
    with pytest.raises(InputError, match="no bundle"):
        verify(tmp_path / "nothing", signer.public)
    with pytest.raises(InputError, match="not an Ed25519 public key"):
        verify(tmp_path, signer.private)


def test_a_large_bundle_verifies_within_two_seconds(make_bundle: Make, signer: Signer) -> None:
    place = make_bundle(files={"big.bin": bytes(64 * 2**20)}, audiences={"big.bin": "release"})
    start = time.process_time()
    assert verify(place, signer.public).ok
    assert time.process_time() - start < 2
