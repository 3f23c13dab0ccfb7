"""Publishing: what is written, what is refused, and that a failure leaves nothing behind."""

from __future__ import annotations

import base64
import datetime
import errno
import fcntl
import hashlib
import json
import math
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthkit.errors import InputError, PublishError
from synthkit.release import bundle, publish, require_publishable, staging, verify
from tests.release.conftest import AUDIENCES, FACTS, FILES, Signer

Make = Callable[..., Path]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_bundle_holds_the_files_the_manifest_and_the_attestation(make_bundle: Make) -> None:
    place = make_bundle()
    assert names(place) == [
        "attestation.dsse.json",
        "empty.txt",
        "figures",
        "manifest.json",
        "report.html",
        "synthetic.csv",
    ]
    for name, content in FILES.items():
        assert (place / name).read_bytes() == content
    assert names(place.parent) == ["bundle"]


def test_only_the_owner_can_read_it(make_bundle: Make) -> None:
    place = make_bundle()
    assert place.stat().st_mode & 0o777 == 0o700
    modes = {p.stat().st_mode & 0o777 for p in place.rglob("*") if p.is_file()}
    assert modes == {0o600}


def test_the_manifest_lists_digest_size_and_audience(make_bundle: Make) -> None:
    manifest = json.loads((make_bundle() / "manifest.json").read_bytes())
    assert manifest["facts"] == FACTS
    assert {f["path"]: f["audience"] for f in manifest["files"]} == AUDIENCES
    for listed in manifest["files"]:
        content = FILES[listed["path"]]
        assert isinstance(content, bytes)
        assert listed["sha256"] == hashlib.sha256(content).hexdigest()
        # The size of an internal file is a function of real rows.
        assert listed.get("bytes") == (len(content) if listed["audience"] == "release" else None)


def test_the_attestation_is_an_in_toto_statement_in_a_dsse_envelope(
    make_bundle: Make, signer: Signer
) -> None:
    place = make_bundle()
    envelope = json.loads((place / "attestation.dsse.json").read_bytes())
    payload = base64.b64decode(envelope["payload"])
    statement = json.loads(payload)
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://synthkit.dev/release-verdict/v1"
    assert {s["name"]: s["digest"]["sha256"] for s in statement["subject"]} == {
        name: hashlib.sha256((place / name).read_bytes()).hexdigest()
        for name in [*FILES, "manifest.json"]
    }
    # PAE written out by hand, as the DSSE protocol document gives it.
    signed = b"DSSEv1 28 application/vnd.in-toto+json %d " % len(payload) + payload
    signer.public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)


def test_same_input_same_bytes(make_bundle: Make, tmp_path: Path) -> None:
    one, other = make_bundle(tmp_path / "one"), make_bundle(tmp_path / "other")
    for name in ("manifest.json", "attestation.dsse.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_a_file_can_be_given_by_its_path(make_bundle: Make, tmp_path: Path, signer: Signer) -> None:
    source = tmp_path / "big.bin"
    source.write_bytes(os.urandom(3 * 2**20 + 7))
    place = make_bundle(files={"big.bin": source}, audiences={"big.bin": "release"})
    assert (place / "big.bin").read_bytes() == source.read_bytes()
    assert verify(place, signer.public).ok


def test_dates_in_facts_become_text(make_bundle: Make, signer: Signer) -> None:
    place = make_bundle(facts={"valid_until": datetime.date(2030, 1, 2)})
    assert verify(place, signer.public).facts == {"valid_until": "2030-01-02"}


# Refusals, before anything is written.


@pytest.mark.parametrize(
    ("files", "audiences", "word"),
    [
        ({}, {}, "at least one file"),
        ({"../x": b""}, {"../x": "release"}, "plain relative name"),
        ({"/etc/x": b""}, {"/etc/x": "release"}, "plain relative name"),
        ({"a//b": b""}, {"a//b": "release"}, "plain relative name"),
        ({"a\\b": b""}, {"a\\b": "release"}, "plain relative name"),
        ({".hidden": b""}, {".hidden": "release"}, "plain relative name"),
        ({"a\nb": b""}, {"a\nb": "release"}, "plain relative name"),
        ({"manifest.json": b""}, {"manifest.json": "release"}, "bundle itself uses"),
        ({"Manifest.JSON": b""}, {"Manifest.JSON": "release"}, "only in case"),
        ({"a": b"", "A": b""}, {"a": "release", "A": "release"}, "only in case"),
        ({"a": b"", "a/b": b""}, {"a": "release", "a/b": "release"}, "file and a folder"),
        ({"a": b""}, {}, "no audience"),
        ({"a": b""}, {"a": "everyone"}, "no audience"),
        ({"a": b""}, {"a": "release", "b": "release"}, "no content"),
        ({"a": "text"}, {"a": "release"}, "neither bytes nor a path"),
        ({"a": Path("/no/such/file")}, {"a": "release"}, "no readable file"),
    ],
)
def test_unusable_files_are_refused(
    make_bundle: Make, tmp_path: Path, files: Any, audiences: dict[str, str], word: str
) -> None:
    with pytest.raises(InputError) as caught:
        make_bundle(files=files, audiences=audiences)
    assert any(word in line for line in caught.value.details)
    assert names(tmp_path) == []


@pytest.mark.parametrize("facts", [{"epsilon": math.nan}, {"epsilon": object()}, [1, 2]])
def test_facts_without_a_json_form_are_refused(
    make_bundle: Make, tmp_path: Path, facts: Any
) -> None:
    with pytest.raises(InputError, match="facts"):
        make_bundle(facts=facts)
    assert names(tmp_path) == []


def test_a_public_key_does_not_sign(make_bundle: Make, signer: Signer) -> None:
    with pytest.raises(InputError, match="not an Ed25519 private key"):
        make_bundle(private_key=signer.public)


def test_what_stands_there_is_never_touched(make_bundle: Make, tmp_path: Path) -> None:
    place = make_bundle()
    before = (place / "attestation.dsse.json").read_bytes()
    with pytest.raises(InputError, match="already something"):
        make_bundle(facts={"verdict": "refused"})
    assert (place / "attestation.dsse.json").read_bytes() == before
    assert names(place.parent) == ["bundle"]


@pytest.mark.parametrize("kind", ["folder", "file", "link", "dangling link"])
def test_only_a_bundle_is_replaced(make_bundle: Make, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    if kind == "folder":
        target.mkdir()
        (target / "thesis.txt").write_text("years of work")
    elif kind == "file":
        target.write_text("years of work")
    else:
        target.symlink_to(make_bundle() if kind == "link" else tmp_path / "nowhere")
    with pytest.raises(InputError, match="not a bundle"):
        make_bundle(target, replace=True)
    assert os.path.lexists(target)
    if kind == "folder":
        assert (target / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("can_swap", [True, False])
def test_a_bundle_is_replaced_as_a_whole(
    make_bundle: Make, signer: Signer, monkeypatch: pytest.MonkeyPatch, can_swap: bool
) -> None:
    place = make_bundle()
    if not can_swap:
        monkeypatch.setattr(staging, "_exchange", cannot_swap)
    again = make_bundle(files={"new.txt": b"2"}, audiences={"new.txt": "release"}, replace=True)
    assert again == place
    assert names(place) == ["attestation.dsse.json", "manifest.json", "new.txt"]
    assert verify(place, signer.public).ok
    assert names(place.parent) == ["bundle"]


def cannot_swap(one: Path, other: Path) -> None:
    raise OSError(errno.EINVAL, "no swap here")


def test_this_system_swaps_in_one_step(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("")
    try:
        staging._exchange(tmp_path / "one", tmp_path / "other")
    except OSError as error:
        pytest.skip(f"this file system cannot swap names: {error}")
    assert (names(tmp_path / "one"), names(tmp_path / "other")) == (["other"], ["one"])


def test_a_target_can_be_checked_before_the_work(tmp_path: Path, make_bundle: Make) -> None:
    assert require_publishable(tmp_path / "new" / "deep") == tmp_path / "new" / "deep"
    assert names(tmp_path) == []
    place = make_bundle()
    assert require_publishable(place, replace=True) == place
    with pytest.raises(InputError):
        require_publishable(place)
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match="cannot be written"):
        require_publishable(tmp_path / "file" / "bundle")


def test_a_read_only_folder_is_a_publish_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(PublishError, match="cannot be written") as caught:
        require_publishable(tmp_path / "bundle")
    assert caught.value.hint


# Leftovers of killed runs.


def test_leftovers_of_killed_runs_are_cleaned_and_live_runs_are_not(
    make_bundle: Make, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    dead, live = (out / f".bundle.staging-{d * 16}" for d in "ab")
    others = [out / ".bundle.staging-x", out / ".bundle2.staging-aaaaaaaaaaaaaaaa", out / "notes"]
    for folder in (dead, live, *others):
        folder.mkdir(parents=True)
        (folder / "part").write_text("")
    held = os.open(live, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    make_bundle()
    assert names(out) == sorted(["bundle", live.name, *(o.name for o in others)])
    os.close(held)
    make_bundle(replace=True)
    assert not live.exists()


def test_a_bundle_that_stepped_aside_comes_back(
    make_bundle: Make, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_bundle()
    place.rename(place.with_name(".bundle.previous-0123456789abcdef"))  # killed at that moment
    monkeypatch.setattr(bundle, "_write", fail(errno.ENOSPC))
    with pytest.raises(PublishError):
        make_bundle()
    assert names(place.parent) == ["bundle"]
    assert verify(place, signer.public).ok


# Failing disks.


def fail(code: int) -> Callable[..., Any]:
    def failing(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return failing


FAULTS = ("open", "write", "fsync", "mkdir", "rename")


def fail_at(monkeypatch: pytest.MonkeyPatch, function: str, turn: int, code: int) -> list[int]:
    """Makes the `turn`-th call of an `os` function fail; returns the counter of calls."""
    real, calls = getattr(os, function), [0]

    def counted(*arguments: Any, **keywords: Any) -> Any:
        calls[0] += 1
        if calls[0] == turn:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **keywords)

    monkeypatch.setattr(os, function, counted)
    return calls


@pytest.mark.parametrize("function", FAULTS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_failure_of_any_call_leaves_no_trace(
    tmp_path: Path, signer: Signer, function: str, code: int
) -> None:
    arguments: dict[str, Any] = {
        "files": FILES,
        "audiences": AUDIENCES,
        "facts": FACTS,
        "private_key": signer.private,
    }
    out = tmp_path / "out"
    old = publish(out / "bundle", **arguments)
    before = (old / "attestation.dsse.json").read_bytes()
    failures = []
    for turn in range(1, 100):
        with pytest.MonkeyPatch.context() as patch:
            calls = fail_at(patch, function, turn, code)
            failure = failure_of(lambda: publish(out / "new", **arguments))
        if (out / "new").exists():  # whole, and said to be there
            assert failure is None or "The bundle stands at" in failure.message
            assert verify(out / "new", signer.public).ok
            subprocess.run(["rm", "-r", str(out / "new")], check=True)
        else:
            assert failure is not None
            assert "could not be written" in failure.message
        assert names(out) == ["bundle"]
        failures += [failure] if failure else []
        if calls[0] < turn:
            break
    assert calls[0] < turn
    assert len(failures) > 0
    assert all(os.strerror(code) in f.message and f.hint for f in failures)
    assert (old / "attestation.dsse.json").read_bytes() == before


def failure_of(call: Callable[[], Any]) -> PublishError | None:
    try:
        call()
    except PublishError as error:
        return error
    return None


def test_an_interrupt_leaves_no_trace(
    make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle, "_sign", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_bundle()
    assert names(tmp_path / "out") == []


def test_a_disk_that_is_really_full_leaves_no_trace(tmp_path: Path, make_bundle: Make) -> None:
    if os.geteuid() != 0:
        pytest.skip("a full disk is made with a small tmpfs, which needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a full disk is made with a small tmpfs, which cannot be mounted here")
    try:
        place = make_bundle(disk / "bundle")
        before = (place / "manifest.json").read_bytes()
        big = {"big.bin": os.urandom(200_000)}
        with pytest.raises(PublishError, match="No space left") as caught:
            make_bundle(place, files=big, audiences={"big.bin": "release"}, replace=True)
        assert "Free disk space" in caught.value.hint
        assert names(disk) == ["bundle"]
        assert (place / "manifest.json").read_bytes() == before
    finally:
        subprocess.run(["umount", str(disk)], check=True)
