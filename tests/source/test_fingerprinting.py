from __future__ import annotations

import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import synthkit.source
from synthkit.errors import InputError, IntegrityError, PublishError
from synthkit.source import fingerprint, fingerprint_key
from synthkit.source.fingerprinting import data_folder

KEY = bytes(range(32))


def test_the_fingerprint_is_the_standards_hmac(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"x" * (3 * 1024 * 1024 + 5))
    assert fingerprint(path, KEY) == hmac.new(KEY, path.read_bytes(), hashlib.sha256).hexdigest()
    # RFC 4231, test case 1.
    path.write_bytes(b"Hi There")
    assert fingerprint(path, b"\x0b" * 20) == (
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    )


def test_one_byte_or_another_key_changes_it(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n")
    first = fingerprint(path, KEY)
    assert fingerprint(path, bytes(32)) != first
    path.write_bytes(b"a,b\n1,3\n")
    assert fingerprint(path, KEY) != first


def test_a_short_key_and_an_absent_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="shorter than 16 bytes"):
        fingerprint(tmp_path / "t.csv", b"short")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        fingerprint(tmp_path / "t.csv", KEY)


def test_the_key_is_made_once_and_only_its_owner_reads_it():
    key = fingerprint_key()
    path = data_folder() / "fingerprint.key"
    assert len(key) == 32
    assert len(set(key)) > 8
    assert fingerprint_key() == key == path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["fingerprint.key"]


def test_a_key_that_others_may_read_is_closed():
    key = fingerprint_key()
    path = data_folder() / "fingerprint.key"
    path.chmod(0o644)
    assert fingerprint_key() == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_installation_has_its_own_key(tmp_path, monkeypatch):
    first = fingerprint_key()
    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path / "new" / "home"))
    assert fingerprint_key() != first
    assert stat.S_IMODE((tmp_path / "new" / "home").stat().st_mode) == 0o700


def test_processes_that_start_together_agree_on_the_key(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path / "race"))
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: fingerprint_key(), range(64)))
    assert len(keys) == 1
    assert [p.name for p in (tmp_path / "race").iterdir()] == ["fingerprint.key"]


def test_a_damaged_key_and_a_folder_that_cannot_be_written_are_said(tmp_path, monkeypatch):
    fingerprint_key()
    (data_folder() / "fingerprint.key").write_bytes(b"short")
    with pytest.raises(IntegrityError, match="5 bytes instead of 32"):
        fingerprint_key()
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SYNTHKIT_HOME", str(blocked / "home"))
    with pytest.raises((PublishError, InputError), match="cannot be"):
        fingerprint_key()


def test_the_folder_follows_the_xdg_rules(monkeypatch):
    monkeypatch.setenv("SYNTHKIT_HOME", "")
    monkeypatch.setenv("XDG_DATA_HOME", "/data/of/mine")
    assert data_folder() == Path("/data/of/mine/synthkit")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/someone")
    assert data_folder() == Path("/home/someone/.local/share/synthkit")
    monkeypatch.setenv("SYNTHKIT_HOME", "/own")
    assert data_folder() == Path("/own")


def test_every_public_name_of_the_room_can_be_loaded():
    for name in synthkit.source.__all__:
        assert getattr(synthkit.source, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'raed'"):
        _ = synthkit.source.raed
