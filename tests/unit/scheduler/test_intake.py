"""Each file is read once and named by its bytes; what is wrong with it is its reason, never an error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from models.checksum import sha256_hex
from models.decoding import decode
from models.errors import ModelInvalid, PassingFault, UsageFault
from models.inspection import inspect
from models.manifest import Manifest
from scheduler.collect import Found
from scheduler.intake import Request, active_manifest, examine, take_in
from storage.batch_writer import Received
from storage.database import Database
from storage.schema import Batch, Image
from storage.settings import Settings

Draw = Callable[..., Path]
Check = Callable[[bytes, str], object]


def found(path: Path) -> Found:
    return Found(f"./{path.name}", str(path))


@pytest.mark.parametrize("check", [inspect, decode])
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "bmp"])
def test_a_photograph(tmp_path: Path, photograph: Draw, suffix: str, check: Check) -> None:
    path = photograph(tmp_path / f"1.{suffix}")
    data = path.read_bytes()
    assert examine(found(path), check=check) == Received(f"./1.{suffix}", str(path), sha256_hex(data), len(data), None)


@pytest.mark.parametrize("check", [inspect, decode])
def test_a_text_file(tmp_path: Path, check: Check) -> None:
    (tmp_path / "notes.jpg").write_text("patient came late\n")
    received = examine(found(tmp_path / "notes.jpg"), check=check)
    assert received.reason == "not an image: expected JPEG, PNG, TIFF, WebP or BMP, received text"
    assert (received.checksum, received.size) == (sha256_hex(b"patient came late\n"), 18)


def test_a_wrong_extension(tmp_path: Path, photograph: Draw) -> None:
    path = photograph(tmp_path / "1.jpg").rename(tmp_path / "1.png")
    assert "png" in (examine(found(path)).reason or "")


def test_a_photograph_cut_short_is_seen_by_its_pixels_alone(tmp_path: Path, photograph: Draw) -> None:
    path = photograph(tmp_path / "1.jpg")
    path.write_bytes(path.read_bytes()[:-800])
    assert examine(found(path)).reason is None
    assert (examine(found(path), check=decode).reason or "").startswith("unreadable: ")


def test_what_is_no_regular_file(tmp_path: Path, photograph: Draw) -> None:
    photograph(tmp_path / "1.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "1.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "empty.jpg").touch()
    reasons = [examine(found(tmp_path / name)) for name in ("link.jpg", "none.jpg", "pipe.jpg", "empty.jpg")]
    assert [(item.reason, item.checksum, item.size) for item in reasons] == [
        ("a symbolic link: expected the file itself", None, None),
        ("the file is no longer there", None, None),
        ("a pipe (FIFO): expected a regular file", None, None),
        ("empty: the file has 0 bytes", None, None),
    ]


def test_a_disk_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_answer(*_: object, **__: object) -> bytes:
        raise PassingFault("the file could not be read now: Stale file handle")

    monkeypatch.setattr("scheduler.intake.read_image_bytes", no_answer)
    assert examine(found(tmp_path / "1.jpg")).reason == (
        "could not be read, submit it again: the file could not be read now: Stale file handle"
    )


def test_take_in_writes_a_batch_with_everything_known_of_it(
    settings: Settings, sqlite_database: Database, installed_model: Manifest, received: Callable[..., list[Received]]
) -> None:
    request = Request("nightly", "Ward 3", "nurse", "nightly:7", "/reports", None)
    rows = [*received(2), *received(1, reason="not an image")]
    seen: list[None] = []
    batch_id = take_in(sqlite_database, settings, request, iter(rows), lambda: seen.append(None))
    assert len(seen) == 3
    with sqlite_database.read() as session:
        batch = session.get_one(Batch, batch_id)
        images = session.scalars(select(Image).order_by(Image.position)).all()
    assert (batch.source, batch.site, batch.submitter, batch.source_key, batch.export_folder, batch.model) == (
        "nightly", "Ward 3", "nurse", "nightly:7", "/reports", installed_model.name,
    )  # fmt: skip
    assert [Received(row.image, row.location, row.checksum, row.size, row.reason) for row in images] == rows


def test_names_survive_the_spool(
    settings: Settings, sqlite_database: Database, installed_model: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.intake.SPOOL_BYTES", 10)  # on the disk at once
    names = ["a\nb.jpg", "c\rd.jpg", "ü\u2028.jpg", '"quoted".jpg']
    take_in(sqlite_database, settings, Request(), [Received(name, name, None, None, "r") for name in names])
    with sqlite_database.read() as session:
        assert list(session.scalars(select(Image.image).order_by(Image.position))) == names


def test_no_file_at_all_is_a_usage_fault(
    settings: Settings, sqlite_database: Database, installed_model: Manifest, count: Callable[..., int]
) -> None:
    with pytest.raises(UsageFault, match=r"^there is no file to screen: expected at least one image, received none$"):
        take_in(sqlite_database, settings, Request(), [])
    assert count(sqlite_database, Batch) == 0


def test_an_error_while_reading_leaves_nothing(
    settings: Settings, sqlite_database: Database, installed_model: Manifest, received: Callable[..., list[Received]],
    count: Callable[..., int],
) -> None:  # fmt: skip
    def breaks_off() -> Iterator[Received]:
        yield from received(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_in(sqlite_database, settings, Request(), breaks_off())
    assert count(sqlite_database, Batch) == 0
    assert not [path.name for path in settings.home.iterdir() if path.name.startswith("tmp")]


def test_without_a_model_nothing_is_read(
    settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DERMSCREEN_MODEL", "no-such-model")

    def never() -> Iterator[Received]:
        raise AssertionError("read although no model could ever screen it")
        yield

    with pytest.raises(ModelInvalid, match=r"^no model version 'no-such-model'"):
        take_in(sqlite_database, settings, Request(), never())


def test_the_chosen_model_is_the_active_one(
    sqlite_database: Database, settings: Settings, installed_model: Manifest
) -> None:
    assert active_manifest(sqlite_database, settings) == installed_model
