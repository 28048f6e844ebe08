"""Files that are damaged, or hold what no Keras wrote, are refused in words. No network is built."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from models.errors import UsageFault
from models.networks.legacy_file import open_legacy


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_damaged_in_the_middle(method: int, tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr("model.weights.h5", np.random.default_rng(1).bytes(2_000))
        archive.writestr("config.json", "{}")
    data = bytearray(target.getvalue())
    data[60:100] = b"\xff" * 40
    (tmp_path / "a.keras").write_bytes(data)
    with pytest.raises(UsageFault, match="^the file cannot be read as"), open_legacy(tmp_path / "a.keras"):
        pass


def by_names(root: Any, value: Any) -> None:
    root.attrs["layer_names"] = [b"hidden"]
    root.create_group("hidden").attrs["weight_names"] = [b"hidden/kernel:0"]
    root["hidden"].create_group("hidden")["kernel:0"] = value


def by_kinds(root: Any, value: Any) -> None:
    root.create_group("layers/dense/vars")["0"] = value


@pytest.mark.parametrize("write", [by_names, by_kinds])
@pytest.mark.parametrize("kind", ["a group", "nothing"])
def test_what_stands_in_the_place_of_numbers(write: Any, kind: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write(file, h5py.Empty("f4") if kind == "nothing" else file.create_group("elsewhere"))
    with pytest.raises(UsageFault, match="holds no numbers; expected those"), open_legacy(tmp_path / "a.h5"):
        pass


def test_numbers_are_found(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        by_names(file, np.ones(3, np.float32))
    with open_legacy(tmp_path / "a.h5") as found:
        assert [(layer.name, layer.weights[0][1].shape) for layer in found.layers] == [("hidden", (3,))]


@pytest.mark.parametrize("group", ["layers", "_layer_checkpoint_dependencies", "model_weights"])
def test_a_file_that_leads_to_another_from_its_root(group: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        by_kinds(file, np.ones(3, np.float32))
        by_names(file, np.ones(3, np.float32))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[group] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/layers" if group != "model_weights" else "/")
    with pytest.raises(UsageFault, match="leads out of it|holds no weights of Keras"), open_legacy(tmp_path / "a.h5"):
        pass
