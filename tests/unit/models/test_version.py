"""Weights are handed out only when their checksum is that of the manifest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models.checksum import sha256_hex
from models.errors import ModelInvalid
from models.version import open_version

WEIGHTS = bytes(range(256)) * 4


def test_sound_weights_are_handed_out(write_version: Callable[..., Path], tmp_path: Path) -> None:
    version = open_version(write_version(tmp_path, "sound-1", WEIGHTS))
    assert version.name == "sound-1"
    assert version.verified_weights() == WEIGHTS


@pytest.mark.parametrize("place", [0, 500, len(WEIGHTS) - 1])
def test_a_flipped_bit_is_found(write_version: Callable[..., Path], tmp_path: Path, place: int) -> None:
    folder = write_version(tmp_path, "flipped-1", WEIGHTS)
    changed = bytearray(WEIGHTS)
    changed[place] ^= 1
    (folder / "weights.safetensors").write_bytes(changed)
    with pytest.raises(ModelInvalid) as refused:
        open_version(folder).verified_weights()
    assert str(refused.value) == (
        f"model flipped-1: the weights file is not the one of the manifest: expected SHA-256 {sha256_hex(WEIGHTS)}, "
        f"received {sha256_hex(bytes(changed))}; restore the folder, nothing is screened with it"
    )


def test_shortened_weights_are_found(write_version: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_version(tmp_path, "short-1", WEIGHTS)
    (folder / "weights.safetensors").write_bytes(WEIGHTS[:-1])
    with pytest.raises(ModelInvalid, match="expected SHA-256"):
        open_version(folder).verified_weights()


def test_missing_weights_are_named(write_version: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_version(tmp_path, "lost-1", WEIGHTS)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ModelInvalid, match=r"model lost-1: its weights cannot be read \(No such file or directory\)"):
        open_version(folder).verified_weights()


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"no readable manifest\.json in "):
        open_version(tmp_path)


def test_a_manifest_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(ModelInvalid, match=r"no readable manifest\.json in "):
        open_version(tmp_path)
