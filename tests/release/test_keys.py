"""Key pairs: made once, readable by their owner, never overwritten, and clear about mistakes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from synthkit.errors import InputError, PublishError
from synthkit.release import keys

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def test_a_new_pair_signs_and_verifies(tmp_path: Path) -> None:
    pair = keys.new(tmp_path / "a" / "b", name="demo")
    assert (pair.private.name, pair.public.name) == ("demo.key.pem", "demo.pub.pem")
    private, public = keys.load_private(pair.private), keys.load_public(pair.public)
    public.verify(private.sign(b"x"), b"x")
    raw = public.public_bytes_raw()
    assert keys.key_id(public) == pair.key_id == hashlib.sha256(raw).hexdigest()[:16]
    assert keys.public_path(pair.private) == pair.public
    assert sorted(p.name for p in pair.private.parent.iterdir()) == ["demo.key.pem", "demo.pub.pem"]


def test_the_private_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        pair = keys.new(tmp_path / "keys")
    finally:
        os.umask(old)
    assert pair.private.stat().st_mode & 0o777 == 0o600
    assert pair.private.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("survivor", ["private", "public"])
def test_a_key_is_never_overwritten(tmp_path: Path, survivor: str) -> None:
    pair = keys.new(tmp_path)
    other = {"private": pair.public, "public": pair.private}[survivor]
    other.unlink()
    kept = getattr(pair, survivor)
    before = kept.read_bytes()
    with pytest.raises(InputError, match="already a file"):
        keys.new(tmp_path)
    assert kept.read_bytes() == before
    assert not other.exists()


def test_two_pairs_differ(tmp_path: Path) -> None:
    assert keys.new(tmp_path, name="a").key_id != keys.new(tmp_path, name="b").key_id


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x y", "a\n"])
def test_an_odd_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        keys.new(tmp_path, name=name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_publish_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError) as caught:
        keys.new(tmp_path / "file" / "keys")
    assert caught.value.hint


def test_a_missing_public_half_comes_with_a_command_that_works(tmp_path: Path) -> None:
    pair = keys.new(tmp_path)
    before = pair.public.read_bytes()
    pair.public.unlink()
    with pytest.raises(InputError) as caught:
        keys.public_path(pair.private)
    command = caught.value.hint.partition(": ")[2].split()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert keys.public_path(pair.private).read_bytes() == before


def private_pem(key: object, password: bytes | None = None) -> bytes:
    protection = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(PEM, PKCS8, protection)  # type: ignore[attr-defined,no-any-return]


CURVE = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "no private key"),
        (b"", "not a PEM key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a PEM key"),
        (bytes(range(156, 256)), "not a PEM key"),
        (private_pem(CURVE), "another kind"),
        (private_pem(Ed25519PrivateKey.generate(), b"pass"), "passphrase"),
        (Ed25519PrivateKey.generate().public_key().public_bytes(PEM, SPKI), "a public key"),
    ],
)
def test_what_is_not_a_private_key_is_refused(
    tmp_path: Path, content: bytes | None, word: str
) -> None:
    path = tmp_path / "k.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=word) as caught:
        keys.load_private(path)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "no public key"),
        (b"", "not a PEM key"),
        (bytes(range(156, 256)), "not a PEM key"),
        (CURVE.public_key().public_bytes(PEM, SPKI), "another kind"),
        (private_pem(Ed25519PrivateKey.generate()), "a private key"),
    ],
)
def test_what_is_not_a_public_key_is_refused(
    tmp_path: Path, content: bytes | None, word: str
) -> None:
    path = tmp_path / "k.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=word):
        keys.load_public(path)


def test_a_folder_is_not_a_key(tmp_path: Path) -> None:
    for load in (keys.load_private, keys.load_public):
        with pytest.raises(InputError, match="cannot be read"):
            load(tmp_path)
