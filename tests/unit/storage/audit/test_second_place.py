"""A second place holds what the file holds, makes up for what it missed, and convicts who changed the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from models.errors import ProofBroken, ServiceUnreachable, UsageFault
from storage import audit
from storage.audit import checkpoints, keys, second_place
from storage.audit.checking import Lines, check_checkpoints
from storage.audit.checkpoint_log import log_path, read_log
from storage.audit.standalone import Found
from storage.database import Database
from storage.settings import Settings

Tell = Callable[..., None]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "safe"


@pytest.fixture
def two_places(settings: Settings, place: Path) -> Settings:
    return replace(settings, checkpoints_url=place.as_uri())


@pytest.fixture
def sealed_twice(database: Database, two_places: Settings, tell: Tell) -> Database:
    """As ``sealed``, with a second place."""
    for _ in range(3):
        tell()
        checkpoints.take(database, two_places)
    return database


def verify(database: Database, settings: Settings, *further: str) -> Found:
    lines = Lines.read(settings, further)
    with database.snapshot() as session:
        audit.verify(session)
        return check_checkpoints(session, settings, lines)


def broken(database: Database, settings: Settings) -> str:
    with pytest.raises(ProofBroken) as proof:
        verify(database, settings)
    return str(proof.value)


def test_each_line_is_an_object_there(sealed_twice: Database, two_places: Settings, place: Path) -> None:
    lines = read_log(log_path(two_places))
    names = sorted(path.name for path in (place / "embedded").iterdir())
    assert names == sorted(f"{line.key}-{line.size:020d}-{line.digest[:16]}.json" for line in lines)
    assert sorted(path.read_text() for path in (place / "embedded").iterdir()) == sorted(line.text for line in lines)
    assert verify(sealed_twice, two_places).checkpoints == 3


def test_a_place_without_checkpoints_does_not_look_like_one_that_agrees(
    sealed_twice: Database, two_places: Settings, place: Path, tmp_path: Path
) -> None:
    """As that of another database, or one that was emptied."""
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "broken off").write_bytes(b"{")
    verify(sealed_twice, two_places, place.as_uri())
    for wrong in ((tmp_path / "none").as_uri(), str(tmp_path / "empty"), str(tmp_path / "broken off")):
        with pytest.raises(UsageFault, match="^--checkpoints: expected checkpoints of this database, found none in "):
            verify(sealed_twice, two_places, wrong)


def test_nothing_is_copied_twice(sealed_twice: Database, two_places: Settings, place: Path) -> None:
    for path in (place / "embedded").iterdir():
        path.unlink()
    assert second_place.copy_to_second_place(two_places) == 0
    another = replace(two_places, checkpoints_url=(place / "other").as_uri())
    assert second_place.copy_to_second_place(another) == 4


def test_a_file_begun_anew_is_copied_from_its_start(
    sealed_twice: Database, two_places: Settings, place: Path, tell: Tell
) -> None:
    log_path(two_places).unlink()
    tell()
    checkpoints.take(sealed_twice, two_places)
    assert len(list((place / "embedded").iterdir())) == 6
    assert "lines were removed from the file" in broken(sealed_twice, two_places)
    assert verify(sealed_twice, two_places, place.as_uri()).covered == 18


def test_a_place_that_does_not_answer_is_made_up_for(
    database: Database, two_places: Settings, place: Path, tell: Tell, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    place.write_text("no folder")
    tell()
    checkpoints.take_quietly(database, two_places)
    assert [line.size for line in read_log(log_path(two_places))] == [0, 5]
    assert "does not answer" in caplog.text
    assert "makes up for it" in caplog.text
    assert verify(database, two_places).notes[0].startswith("the second place lacks 2 of 2 lines")
    place.unlink()
    checkpoints.take_if_due(database, two_places)
    assert not place.exists()  # it is left alone for a while
    monkeypatch.setattr(second_place, "_silent_until", 0.0)
    checkpoints.take_if_due(database, two_places)
    assert len(list((place / "embedded").iterdir())) == 2


def test_a_protocol_that_there_is_not(settings: Settings, sealed: Database) -> None:
    with pytest.raises(UsageFault, match="checkpoints cannot be kept at nowhere://"):
        second_place.copy_to_second_place(replace(settings, checkpoints_url="nowhere://x"))


def test_a_file_cut_with_the_chain_convicts_by_the_second_place(
    sealed_twice: Database, two_places: Settings, attacker: Any
) -> None:
    path = log_path(two_places)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))  # up to 9 events
    attacker.cut(9)
    told = broken(sealed_twice, two_places)
    assert f"(13 events) is in the second place and not in {path}: lines were removed from the file" in told
    assert verify(sealed_twice, replace(two_places, checkpoints_url=None)).notes == []  # the file alone cannot tell


def test_a_file_that_is_gone(sealed_twice: Database, two_places: Settings, place: Path) -> None:
    log_path(two_places).unlink()
    assert "is missing, and the second place holds 4: it was removed" in broken(sealed_twice, two_places)
    assert verify(sealed_twice, two_places, place.as_uri()).checkpoints == 3


def test_everything_made_anew_with_another_key(
    sealed_twice: Database, two_places: Settings, attacker: Any, tell: Tell
) -> None:
    """Key, file and database exchanged: nothing here is left to tell, the second place tells."""
    old = keys.existing_or_new(two_places)
    for path in two_places.audit_folder.iterdir():
        path.unlink()
    attacker.cut(0)
    tell("other")
    checkpoints.take(sealed_twice, replace(two_places, checkpoints_url=None))
    assert verify(sealed_twice, replace(two_places, checkpoints_url=None)).checkpoints == 1
    told = broken(sealed_twice, two_places)
    assert "event 1 is not the one that the checkpoint of " in told or f"key {old.id}" in told


def test_a_damaged_object(sealed_twice: Database, two_places: Settings, place: Path) -> None:
    sorted((place / "embedded").iterdir())[1].write_text('{"at":')
    assert "is none or was changed" in broken(sealed_twice, two_places)


def test_a_missing_object_in_the_middle(sealed_twice: Database, two_places: Settings, place: Path) -> None:
    """The file makes up for it; the second place alone does not."""
    sorted((place / "embedded").iterdir())[1].unlink()
    assert verify(sealed_twice, two_places).checkpoints == 3
    log_path(two_places).unlink()
    with pytest.raises(ProofBroken, match="names one before it that is missing"):
        verify(sealed_twice, replace(two_places, checkpoints_url=None), place.as_uri())


class NewObjectsOnly(MemoryFileSystem):
    """A store in memory, of which this site may create objects, and no more unless ``readable``."""

    protocol = "new"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    readable = False
    left = 1_000  # objects until the network breaks
    answers = True  # False: the last object is taken, and nobody says so

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **given: Any) -> None:
        if self.left <= 0:
            raise ConnectionError("reset by peer")
        if path in self.store:
            raise PermissionError("403: storage.objects.delete")
        type(self).left -= 1
        super().pipe_file(path, value, mode, **given)
        if self.left == 0 and not self.answers:
            raise ConnectionError("reset by peer")

    def cat_file(self, path: str, *given: Any, **named: Any) -> bytes:
        if self.left <= 0:
            raise ConnectionError("reset by peer")
        if not self.readable:
            raise PermissionError("403: storage.objects.get")
        return super().cat_file(path, *given, **named)


@pytest.fixture
def new_only(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    fsspec.register_implementation("new", NewObjectsOnly, clobber=True)
    monkeypatch.setattr(NewObjectsOnly, "store", {})
    monkeypatch.setattr(NewObjectsOnly, "left", 1_000)
    return replace(settings, checkpoints_url="new://safe")


@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize("answers", [True, False])
def test_a_copy_that_broke_off_goes_on_where_nothing_may_be_overwritten(
    sealed: Database, new_only: Settings, answers: bool, readable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NewObjectsOnly, "readable", readable)
    monkeypatch.setattr(NewObjectsOnly, "answers", answers)
    monkeypatch.setattr(NewObjectsOnly, "left", 2)
    with pytest.raises(ServiceUnreachable, match="reset by peer"):
        second_place.copy_to_second_place(new_only)
    monkeypatch.setattr(second_place, "_silent_until", 0.0)
    monkeypatch.setattr(NewObjectsOnly, "left", 1_000)
    assert second_place.copy_to_second_place(new_only) == (2 if answers else 3)
    assert second_place.copy_to_second_place(new_only) == 0
    assert len(NewObjectsOnly.store) == (4 if answers or readable else 5)
    monkeypatch.setattr(NewObjectsOnly, "readable", True)
    log_path(new_only).unlink()
    assert verify(sealed, replace(new_only, checkpoints_url=None), "new://safe").checkpoints == 3
