from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from synthkit.errors import InputError, IntegrityError, PublishError
from synthkit.generate import storage

ARRAYS = {
    "weights": np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2],
    "small": np.array([1, 255], dtype=np.uint8),
    "scalar": np.array(7, dtype=np.int64),
    "empty": np.zeros((0, 3), dtype=np.float64),
}
HEADER = {"generator": "any", "sizes": [1, 2], "name": "größe", "nothing": None}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    storage.save(path, ARRAYS, HEADER)
    return path


def test_arrays_and_header_come_back_as_they_were(model: Path) -> None:
    arrays, header = storage.load(model)
    assert header == HEADER
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_it_is_one_safetensors_file_that_others_can_read(model: Path) -> None:
    np.testing.assert_array_equal(safetensors.numpy.load_file(model)["weights"], ARRAYS["weights"])
    assert [p.name for p in model.parent.iterdir()] == [model.name]


def test_no_pickle_is_in_the_file(model: Path) -> None:
    assert not model.read_bytes().startswith((b"\x80", b"PK"))


def test_every_changed_byte_is_found(model: Path, tmp_path: Path) -> None:
    blob = model.read_bytes()
    for place in range(len(blob)):
        changed = bytearray(blob)
        changed[place] ^= 1
        path = tmp_path / "changed"
        path.write_bytes(changed)
        try:
            arrays, header = storage.load(path)
        except IntegrityError:
            continue
        # What survives can only be a byte that says nothing, such as padding of the JSON index.
        assert header == HEADER
        assert all(np.array_equal(arrays[n], ARRAYS[n]) for n in ARRAYS)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_refused(model: Path, share: float) -> None:
    blob = model.read_bytes()
    model.write_bytes(blob[: int(len(blob) * share)])
    with pytest.raises(IntegrityError):
        storage.load(model)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign"
    for blob in (b"", b"a,b\n1,2\n", os.urandom(4000), safetensors.numpy.save(ARRAYS_WHOLE)):
        path.write_bytes(blob)
        with pytest.raises(IntegrityError, match="not a whole model file"):
            storage.load(path)


ARRAYS_WHOLE = {name: np.ascontiguousarray(array) for name, array in ARRAYS.items()}


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model file"):
        storage.load(tmp_path / "nothing")


def test_a_crash_while_writing_leaves_the_old_file_whole(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = model.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PublishError, match="No space left"):
        storage.save(model, {"weights": np.zeros(5)}, {})
    assert model.read_bytes() == before
    assert [p.name for p in model.parent.iterdir()] == [model.name]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(PublishError):
        storage.save(tmp_path / "no" / "model", ARRAYS, HEADER)


def test_a_header_that_json_cannot_say_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NaN"):
        storage.save(tmp_path / "m", {}, {"x": float("nan")})
    with pytest.raises(TypeError):
        storage.save(tmp_path / "m", {}, {"x": object()})
    assert list(tmp_path.iterdir()) == []
