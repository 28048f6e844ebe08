"""A name never changes its meaning: neither other weights nor another way to score with them."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from cli.registering import expect_usable, register
from models.catalogue import SHIPPED, find
from models.checksum import sha256_hex
from models.distribution import Distribution
from models.errors import ModelInvalid, UsageFault
from models.evaluation.parts import known_images
from models.version import open_version
from storage.migrate import open_database
from storage.registry import record_registration
from storage.schema import AuditEvent
from storage.settings import Settings


def version(folder: Path, **changes: Any) -> Path:
    """The smallest shipped version under another name, with some fields changed."""
    shutil.copytree(SHIPPED / "hidri-2", folder)
    raw = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(raw | {"name": "ours-1"} | changes), encoding="utf-8")
    return folder


def events(settings: Settings) -> list[tuple[str, str]]:
    """What stands on the audit chain, and by whom."""
    with closing(open_database(settings)) as database, database.read() as session:
        bodies = [json.loads(body) for body in session.scalars(select(AuditEvent.body).order_by(AuditEvent.seq))]
    return [(body["event"], body["actor"]) for body in bodies]


def test_the_same_again_is_the_same(settings: Settings, tmp_path: Path) -> None:
    first = register(version(tmp_path / "a"), settings, "nurse")
    assert register(version(tmp_path / "b", metrics={}), settings, "nurse") == first


LIMIT = open_version(SHIPPED / "hidri-2").manifest.raw["distribution"] | {"limit": 0.7}


@pytest.mark.parametrize(
    ("change", "other"),
    [
        ({"views": 4}, "views"),
        ({"calibration": {"method": "temperature", "temperature": 2.0}}, "calibration"),
        ({"distribution": LIMIT}, "distribution"),
        ({"views": 2, "distribution": LIMIT}, "views, distribution"),
    ],
    ids=["views", "calibration", "distribution", "two"],
)
def test_the_same_weights_that_score_otherwise_need_another_name(
    settings: Settings, tmp_path: Path, change: dict[str, Any], other: str
) -> None:
    register(version(tmp_path / "a"), settings, "nurse")
    with pytest.raises(UsageFault, match=f"with other {other}; a name never changes its meaning: give yours a new"):
        register(version(tmp_path / "b", **change), settings, "nurse")


def test_another_card_of_the_same_is_not_taken_silently(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register(version(tmp_path / "a"), settings, "nurse")
    register(version(tmp_path / "a again"), settings, "nurse")
    assert capsys.readouterr().err == ""
    register(version(tmp_path / "b", metrics={}), settings, "nurse")
    assert "There is a ours-1 already that gives the same probabilities. It stays as it is" in capsys.readouterr().err


def test_a_split_under_another_name_comes_along(settings: Settings, tmp_path: Path) -> None:
    """`activate` and `evaluate` read the file that the manifest names."""
    entry = open_version(SHIPPED / "hidri-2").manifest.raw["split"]
    folder = version(tmp_path / "a", split=entry | {"file": "parts.csv"})
    (folder / "split.csv").rename(folder / "parts.csv")
    register(folder, settings, "nurse")
    installed = find("ours-1", settings.home)
    assert known_images(installed)
    expect_usable(installed)


def test_a_damaged_copy_is_repaired(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = version(tmp_path / "a")
    register(good, settings, "nurse")
    installed = settings.home / "models" / "ours-1"
    whole = {path.name: path.read_bytes() for path in installed.iterdir()}
    (installed / "weights.safetensors").write_bytes(whole["weights.safetensors"][:-1])
    (installed / "split.csv").unlink()
    register(good, settings, "technician")
    assert {path.name: path.read_bytes() for path in installed.iterdir()} == whole
    assert "The ours-1 in the data folder was damaged (weights, split): it is whole again" in capsys.readouterr().err
    assert events(settings) == [("model.registered", "nurse"), ("model.repaired", "technician")]
    register(good, settings, "technician")
    assert capsys.readouterr().err == ""
    assert len(events(settings)) == 2


def test_a_copy_whose_manifest_is_lost_is_not_written_over(settings: Settings, tmp_path: Path) -> None:
    good = version(tmp_path / "a")
    register(good, settings, "nurse")
    manifest = settings.home / "models" / "ours-1" / "manifest.json"
    manifest.write_text("{", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ModelInvalid, match=r"there is a ours-1 in the data folder .* move .*ours-1 away, then"):
            register(good, settings, "nurse")
        manifest.unlink(missing_ok=True)
    assert len(events(settings)) == 1


def test_a_shipped_version_that_is_damaged_is_not_called_registered(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.catalogue.SHIPPED", tmp_path / "shipped")
    shipped = version(tmp_path / "shipped" / "ours-1")
    good = version(tmp_path / "a")
    register(good, settings, "nurse")
    (shipped / "distribution.safetensors").write_bytes(b"x")
    with pytest.raises(ModelInvalid, match=r"the ours-1 of this release is damaged \(distribution\)"):
        register(good, settings, "nurse")
    assert not (settings.home / "models").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../../elsewhere"}, "name: expected a letter or digit"),
        ({"architecture": "vgg"}, r"expected an architecture that this release knows \(.*\), received 'vgg'"),
        ({"architecture": "thompson"}, "weights do not fit thompson: missing .*conv_1"),
        ({"preprocessing": "fov-9"}, "preprocessing 'fov-9' is not known"),
        ({"split": {"file": "split.csv", "sha256": "0" * 64}}, "the split is not that of the manifest"),
        ({"split": {"file": "../split.csv"}}, "split.file: expected the plain name of a file"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_no_worker_could_screen_with_is_refused(
    settings: Settings, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelInvalid, match=message):
        register(version(tmp_path / "in" / "a", **change), settings, "nurse")
    assert sorted(path.name for path in tmp_path.iterdir() if path != settings.home) == ["in"]
    assert not (settings.home / "models").exists()


@pytest.mark.parametrize(
    ("layers", "channels", "message"),
    [
        (
            ["pool_1", "pool_2", "pool_3"],
            7,
            "expected a distribution of the [0-9]+ channels of pool_1, pool_2, pool_3, received one of 7",
        ),
        (["pool_1"], 8, "expected a distribution of the [0-9]+ channels of pool_1, received one of 8"),
        (["average"], 8, "expected layers of hidri with height, width and channels, received average"),
        ([], 8, "expected layers of hidri with height, width and channels, received none"),
    ],
)
def test_a_distribution_of_other_layers_is_refused(
    settings: Settings, tmp_path: Path, layers: list[str], channels: int, message: str
) -> None:
    """A worker would find it out with the first picture, and fail one batch after the other."""
    data = Distribution(np.zeros(channels), np.eye(channels)).dump()
    entry = LIMIT | {"layers": layers, "sha256": sha256_hex(data)}
    folder = version(tmp_path / "a", distribution=entry)
    (folder / "distribution.safetensors").write_bytes(data)
    with pytest.raises(ModelInvalid, match=message):
        register(folder, settings, "nurse")
    assert not (settings.home / "models").exists()


def test_without_tensorflow_nothing_is_registered(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ModelInvalid, match="install the extra cpu or gpu"):
        register(version(tmp_path / "a"), settings, "nurse")
    assert not (settings.home / "models").exists()


def test_a_name_that_another_host_gave_other_weights_is_refused(settings: Settings, tmp_path: Path) -> None:
    """Two hosts with data folders of their own, and one database."""
    database_url = f"sqlite:///{tmp_path / 'shared.db'}"
    north, south = (Settings(home=tmp_path / name, database_url=database_url) for name in ("north", "south"))
    with closing(open_database(north)) as database, database.write() as session:
        manifest = open_version(SHIPPED / "thompson-1").manifest
        record_registration(session, replace(manifest, name="ours-1"), "nurse")
    mine = version(tmp_path / "a")
    with pytest.raises(ModelInvalid, match="model ours-1: this site's records have the name with other weights"):
        register(mine, south, "technician")
    assert list((south.home / "models").iterdir()) == []
    shutil.copytree(mine, south.home / "models" / "ours-1")  # by hand
    with pytest.raises(ModelInvalid, match="model ours-1: this site's records have the name with other weights"):
        register(mine, south, "technician")
    assert events(south) == [("model.registered", "nurse")]
