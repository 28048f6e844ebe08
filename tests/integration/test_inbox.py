"""The inbox takes what has stopped growing, once, and moves it only after the batch is committed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.errors import PassingFault, UsageFault
from models.manifest import Manifest
from scheduler import decoder
from scheduler import inbox as inbox_module
from scheduler.inbox import LONGEST_WAIT_SECONDS, Inbox
from scheduler.intake import Request
from storage import recovery
from storage.batch_writer import Received
from storage.database import Database
from storage.inbox_moves import Move
from storage.schema import Batch, Image
from storage.settings import Settings

Draw = Callable[..., Path]
Take = Callable[..., list[str]]
Count = Callable[..., int]
SETTLE_SECONDS = 3.0


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Died(BaseException):
    """The watcher's process ends here."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(inbox_module, "time", made)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    return made


@pytest.fixture
def watched(folder: Path, clock: Clock) -> Inbox:
    return Inbox(folder, SETTLE_SECONDS)


@pytest.fixture
def look(sqlite_database: Database, settings: Settings, installed_model: Manifest) -> Take:
    """One look into an inbox; returns the ids of the batches that may now be sent."""
    return lambda inbox: inbox.take(sqlite_database, settings)


@pytest.fixture
def settle(look: Take, clock: Clock) -> Take:
    """Two looks with enough time between them."""

    def twice(inbox: Inbox) -> list[str]:
        first = look(inbox)
        clock.now += SETTLE_SECONDS
        return first + look(inbox)

    return twice


def files(folder: Path) -> set[str]:
    """All files below a folder, with today's date written TODAY."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file()}
    return {name.replace(date.today().isoformat(), "TODAY") for name in found}


def test_what_settled_becomes_a_batch_and_leaves(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take, sqlite_database: Database
) -> None:
    first, second = photograph(folder / "2.jpg", 1), photograph(folder / "10.jpg", 2)
    (batch_id,) = settle(watched)
    assert files(folder) == {"processed/TODAY/2.jpg", "processed/TODAY/10.jpg"}
    with sqlite_database.read() as session:
        batch = session.get_one(Batch, batch_id)
        images = session.scalars(select(Image).order_by(Image.position)).all()
    assert (batch.source, batch.inbox) == ("inbox", str(folder))
    assert batch.moved_at is not None
    assert [row.image for row in images] == [str(first), str(second)]
    assert all(Path(row.location).is_file() and "processed" in row.location for row in images)
    assert {row.state for row in images} == {"waiting"}


def test_a_second_look_finds_nothing(watched: Inbox, folder: Path, photograph: Draw, settle: Take) -> None:
    photograph(folder / "1.jpg")
    assert len(settle(watched)) == 1
    assert settle(watched) == []


def test_an_empty_inbox_makes_no_batch(watched: Inbox, settle: Take) -> None:
    assert settle(watched) == []


def test_a_growing_file_is_not_taken_and_holds_up_its_neighbours(
    watched: Inbox, folder: Path, photograph: Draw, look: Take, clock: Clock
) -> None:
    whole = photograph(folder / "1.jpg").read_bytes()
    growing = folder / "2.jpg"
    for size in range(1, 6):
        growing.write_bytes(whole[: size * 100])
        assert look(watched) == []
        clock.now += SETTLE_SECONDS
    growing.write_bytes(whole + b"\0")
    assert look(watched) == []
    clock.now += SETTLE_SECONDS / 2
    assert look(watched) == []
    clock.now += SETTLE_SECONDS / 2
    assert len(look(watched)) == 1
    assert files(folder) == {"processed/TODAY/1.jpg", "processed/TODAY/2.jpg"}


def test_a_file_rewritten_at_its_size_has_not_settled(
    watched: Inbox, folder: Path, photograph: Draw, look: Take, clock: Clock
) -> None:
    path = photograph(folder / "1.jpg")
    assert look(watched) == []
    clock.now += SETTLE_SECONDS
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1_000_000))
    assert look(watched) == []


def test_one_that_never_stops_growing_does_not_hold_up_the_others_for_ever(
    watched: Inbox, folder: Path, photograph: Draw, look: Take, clock: Clock
) -> None:
    photograph(folder / "1.jpg")
    taken: list[str] = []
    for size in range(int(LONGEST_WAIT_SECONDS / SETTLE_SECONDS) + 1):
        assert taken == []
        (folder / "stream.jpg").write_bytes(bytes(size))
        taken = look(watched)
        clock.now += SETTLE_SECONDS
    assert len(taken) == 1
    assert files(folder) == {"processed/TODAY/1.jpg", "stream.jpg"}


@pytest.mark.parametrize(
    "name",
    [
        "1.jpg.part", "1.jpg.filepart", "1.JPG.CRDOWNLOAD", ".1.jpg.Xa3f", "sub/1.tmp", ".~tmp~/1.jpg",
        "sub/.rsync-partial/1.jpg", ".Trash-1000/files/1.jpg",
    ],
)  # fmt: skip
def test_what_a_copying_program_has_still_to_rename_is_left(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take, name: str
) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(photograph(folder.parent / "1.jpg").read_bytes())
    assert settle(watched) == []
    assert files(folder) == {name}


def test_a_hidden_folder_that_cannot_be_read_is_no_trouble(
    watched: Inbox, folder: Path, look: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wastebasket of somebody else. Root may read all, so the system's answer is put in its place."""
    (folder / ".Trash-1000").mkdir()
    scan = os.scandir

    def denied(path: str) -> object:
        if Path(path).name == ".Trash-1000":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert (look(watched), watched.unreadable) == ([], 0)


def test_system_files_are_left(watched: Inbox, folder: Path, settle: Take) -> None:
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "desktop.ini").write_bytes(b"x")
    assert settle(watched) == []
    assert files(folder) == {"Thumbs.db", "desktop.ini"}


def test_a_bad_file_lands_in_rejected_with_its_reason(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take, sqlite_database: Database
) -> None:
    photograph(folder / "good.jpg")
    (folder / "notes.jpg").write_text("came late")
    (folder / "cut.jpg").write_bytes(photograph(folder.parent / "whole.jpg", 3).read_bytes()[:-800])
    settle(watched)
    assert files(folder) == {
        "processed/TODAY/good.jpg",
        "rejected/notes.jpg", "rejected/notes.jpg.reason.txt",
        "rejected/cut.jpg", "rejected/cut.jpg.reason.txt",
    }  # fmt: skip
    assert (folder / "rejected" / "notes.jpg.reason.txt").read_text() == (
        "not an image: expected JPEG, PNG, TIFF, WebP or BMP, received text\n"
    )
    with sqlite_database.read() as session:
        states = dict(session.execute(select(Image.image, Image.state)).all())
    assert states == {
        str(folder / "cut.jpg"): "rejected", str(folder / "good.jpg"): "waiting", str(folder / "notes.jpg"): "rejected",
    }  # fmt: skip


def test_rejected_files_may_be_moved_back_with_their_reasons(
    watched: Inbox, folder: Path, settle: Take, sqlite_database: Database, count: Count
) -> None:
    (folder / "1.jpg").write_text("bad")
    settle(watched)
    for name in ("1.jpg", "1.jpg.reason.txt"):
        (folder / "rejected" / name).rename(folder / name)
    assert len(settle(watched)) == 1
    assert settle(watched) == []
    assert files(folder) == {"rejected/1.jpg", "rejected/1.jpg.reason.txt", "1.jpg.reason.txt"}
    assert (watched.reasons, watched.empty(), count(sqlite_database, Image)) == (1, True, 2)
    (folder / "1.jpg.reason.txt").unlink()
    assert (settle(watched), watched.reasons) == ([], 0)


def test_nothing_in_rejected_is_overwritten(watched: Inbox, folder: Path, settle: Take) -> None:
    (folder / "1.jpg").write_text("bad")
    settle(watched)
    (folder / "rejected" / "1.jpg").rename(folder / "1.jpg")  # without its reason
    (folder / "rejected" / "1.jpg.reason.txt").write_text("a remark")
    (folder / "2.jpg").write_text("bad")
    (folder / "2.jpg.reason.txt").write_text("a long story " * 1000)  # nothing of ours
    assert len(settle(watched)) == 1
    assert files(folder / "rejected") == {
        "1.jpg.reason.txt", "1-1.jpg", "1-1.jpg.reason.txt",
        "2.jpg", "2.jpg.reason.txt", "2.jpg.reason-1.txt", "2.jpg.reason-1.txt.reason.txt",
    }  # fmt: skip
    assert (folder / "rejected" / "1.jpg.reason.txt").read_text() == "a remark"
    assert (folder / "rejected" / "2.jpg.reason.txt").read_text().startswith("not an image")
    assert (folder / "rejected" / "2.jpg.reason-1.txt").read_text().startswith("a long story")


def test_links_are_refused_and_what_they_lead_to_stays_where_it_is(
    watched: Inbox, folder: Path, tmp_path: Path, photograph: Draw, settle: Take
) -> None:
    photograph(tmp_path / "private" / "1.jpg")
    (folder / "folder").symlink_to(tmp_path / "private")
    (folder / "file.jpg").symlink_to(tmp_path / "private" / "1.jpg")
    settle(watched)
    assert files(tmp_path / "private") == {"1.jpg"}
    assert {name for name in files(folder) if not name.endswith(".reason.txt")} == {
        "rejected/folder", "rejected/file.jpg",
    }  # fmt: skip


def test_an_equal_name_gets_a_number(watched: Inbox, folder: Path, photograph: Draw, settle: Take) -> None:
    for seed in range(3):
        photograph(folder / "1.jpg", seed)
        (folder / "bad.txt").write_text(f"{seed}")
        assert len(settle(watched)) == 1
    assert {name for name in files(folder) if not name.endswith(".reason.txt")} == {
        "processed/TODAY/1.jpg", "processed/TODAY/1-1.jpg", "processed/TODAY/1-2.jpg",
        "rejected/bad.txt", "rejected/bad-1.txt", "rejected/bad-2.txt",
    }  # fmt: skip
    assert [(folder / "rejected" / name).read_text() for name in ("bad.txt", "bad-1.txt", "bad-2.txt")] == [
        "0",
        "1",
        "2",
    ]


def test_a_folder_that_was_dropped_in_whole_goes_with_its_last_file(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take
) -> None:
    photograph(folder / "patient" / "left" / "1.jpg", 1)
    photograph(folder / "patient" / "left" / "2.jpg", 2)
    photograph(folder / "patient" / "3.jpg", 3)
    (folder / "patient" / "left" / "bad.jpg").write_text("bad")
    settle(watched)
    assert not (folder / "patient").exists()
    assert {name for name in files(folder) if not name.endswith(".reason.txt")} == {
        "processed/TODAY/patient/left/1.jpg", "processed/TODAY/patient/left/2.jpg",
        "processed/TODAY/patient/3.jpg", "rejected/patient/left/bad.jpg",
    }  # fmt: skip


def test_names_that_are_not_utf8(watched: Inbox, folder: Path, photograph: Draw, settle: Take) -> None:
    data = photograph(folder.parent / "1.jpg").read_bytes()
    name = os.fsdecode(b"M\xfcller.jpg")
    try:
        (folder / name).write_bytes(data)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert len(settle(watched)) == 1
    assert files(folder) == {f"processed/TODAY/{name}"}


class DiesBeforeMoving(Inbox):
    def _move(self, database: Database, batch_id: str) -> None:
        raise Died


class DiesAmidMoving(Inbox):
    moved = 0

    def _move_one(self, move: Move) -> str:
        if self.moved == 2:
            raise Died
        self.moved += 1
        return super()._move_one(move)


class DiesBeforeTheNote(Inbox):
    def _move(self, database: Database, batch_id: str) -> None:
        with database.read() as session:
            for move in inbox_module.moves(session, batch_id):
                self._move_one(move)
        raise Died


@pytest.mark.parametrize("mortal", [DiesBeforeMoving, DiesAmidMoving, DiesBeforeTheNote])
def test_a_watcher_that_died_after_the_commit_is_finished_by_the_next(
    folder: Path, photograph: Draw, settle: Take, look: Take, sqlite_database: Database, count: Count,
    watched: Inbox, mortal: type[Inbox],
) -> None:  # fmt: skip
    photograph(folder / "patient" / "1.jpg", 1)
    photograph(folder / "patient" / "2.jpg", 2)
    photograph(folder / "3.jpg", 3)
    (folder / "bad.jpg").write_text("bad")
    with pytest.raises(Died):
        settle(mortal(folder, SETTLE_SECONDS))
    assert count(sqlite_database, Batch) == 1
    with sqlite_database.read() as session:
        assert recovery.due_chunks(session, 10) == []  # nobody looks for files that are still on their way

    (batch_id,) = look(watched)
    assert settle(watched) == []
    assert files(folder) == {
        "processed/TODAY/patient/1.jpg", "processed/TODAY/patient/2.jpg", "processed/TODAY/3.jpg",
        "rejected/bad.jpg", "rejected/bad.jpg.reason.txt",
    }  # fmt: skip
    assert not (folder / "patient").exists()
    assert (count(sqlite_database, Batch), count(sqlite_database, Image)) == (1, 4)
    with sqlite_database.read() as session:
        assert len(recovery.due_chunks(session, 10)) == 1
        assert session.get_one(Batch, batch_id).moved_at is not None


def test_a_watcher_that_died_before_the_commit_left_everything_as_it_was(
    folder: Path, photograph: Draw, settle: Take, sqlite_database: Database, count: Count, watched: Inbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    photograph(folder / "1.jpg")

    def dies(*_: object) -> None:
        raise Died

    with monkeypatch.context() as mortal:
        mortal.setattr("storage.batches.close_if_done", dies)
        with pytest.raises(Died):
            settle(watched)
    assert files(folder) == {"1.jpg"}
    assert count(sqlite_database, Batch) == 0
    assert len(settle(watched)) == 1


def test_another_inboxs_batches_are_left_to_it(
    folder: Path, tmp_path: Path, photograph: Draw, settle: Take, look: Take, watched: Inbox
) -> None:
    other = tmp_path / "other"
    photograph(other / "1.jpg")
    with pytest.raises(Died):
        settle(DiesBeforeMoving(other, SETTLE_SECONDS))
    assert look(watched) == []
    assert files(other) == {"1.jpg"}


def test_a_new_file_of_the_same_name_after_a_death_is_another_image(
    folder: Path, photograph: Draw, settle: Take, look: Take, sqlite_database: Database, count: Count, watched: Inbox
) -> None:
    photograph(folder / "1.jpg", 1)
    with pytest.raises(Died):
        settle(DiesBeforeTheNote(folder, SETTLE_SECONDS))
    photograph(folder / "1.jpg", 2)
    settle(watched)
    assert files(folder) == {"processed/TODAY/1.jpg", "processed/TODAY/1-1.jpg"}
    assert count(sqlite_database, Image) == 2


def test_the_request_tells_whose_inbox_it_is(
    folder: Path, photograph: Draw, settle: Take, sqlite_database: Database, clock: Clock
) -> None:
    photograph(folder / "1.jpg")
    inbox = Inbox(folder, SETTLE_SECONDS, Request("inbox", site="Ward 3", submitter="nurse"))
    (batch_id,) = settle(inbox)
    with sqlite_database.read() as session:
        batch = session.get_one(Batch, batch_id)
    assert (batch.site, batch.submitter, batch.inbox) == ("Ward 3", "nurse", str(folder))


def test_an_inbox_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"^the inbox must be an existing folder: "):
        Inbox(tmp_path / "none")


def test_a_file_with_a_second_name_is_refused(
    watched: Inbox, folder: Path, tmp_path: Path, photograph: Draw, settle: Take
) -> None:
    """Who may write to the inbox must not have a file read that they may not read."""
    photograph(tmp_path / "private" / "1.jpg")
    (folder / "1.jpg").hardlink_to(tmp_path / "private" / "1.jpg")
    settle(watched)
    assert (folder / "rejected" / "1.jpg.reason.txt").read_text().startswith("a hard link: the file has a second name")


def test_a_folder_that_becomes_a_link_in_between_leads_nowhere(
    watched: Inbox, folder: Path, tmp_path: Path, photograph: Draw, settle: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is a file moved out of the folder behind the link, nor one moved into it."""
    photograph(folder / "ward" / "1.jpg")
    photograph(tmp_path / "private" / "1.jpg", 1)
    move = Inbox._move

    def swapped(inbox: Inbox, *arguments: Any) -> None:
        (folder / "ward").rename(tmp_path / "away")
        (folder / "ward").symlink_to(tmp_path / "private")
        move(inbox, *arguments)

    monkeypatch.setattr(Inbox, "_move", swapped)
    assert settle(watched) == []
    assert "has become a link" in watched.stuck
    assert files(tmp_path / "private") == {"1.jpg"}


@pytest.mark.parametrize("name", ["processed", "rejected"])
def test_where_files_go_is_no_link(name: str, folder: Path, tmp_path: Path) -> None:
    (folder / name).symlink_to(tmp_path)
    with pytest.raises(UsageFault, match="is a link"):
        Inbox(folder)


def test_reasons_can_be_read_by_those_who_may_read_the_inbox(watched: Inbox, folder: Path, settle: Take) -> None:
    folder.chmod(0o750)
    (folder / "notes.txt").write_text("no image")
    before = os.umask(0o077)
    try:
        settle(watched)
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "rejected").stat().st_mode) == 0o750
    assert stat.S_IMODE((folder / "rejected" / "notes.txt.reason.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize("extension", [".jpg", "." + "e" * 200])
def test_the_longest_names_are_moved_too(
    extension: str, watched: Inbox, folder: Path, photograph: Draw, settle: Take
) -> None:
    """A reason beside them, or a number, would make the name longer than a file system takes."""
    longest = "l" * (255 - len(extension)) + extension
    for seed in range(2):
        photograph(folder.parent / "1.jpg", seed).rename(folder / longest)
        photograph(folder / "1.jpg", seed)
        (folder / ("é" * 120 + ".txt")).write_text("no image")
        assert len(settle(watched)) == 1
    moved = files(folder)
    assert not [name for name in moved if not name.startswith(("processed/", "rejected/"))]
    assert len(moved) == 2 * (1 + 1 + 2) + (2 if len(extension) > 5 else 0)
    assert all(len(os.fsencode(Path(name).name)) <= 255 for name in moved)


def test_what_cannot_be_moved_now_is_moved_later(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    photograph(folder / "1.jpg")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", full)
        assert settle(watched) == []
        assert watched.stuck == (
            "files that cannot be moved out of the inbox: 1, the first of them in the inbox itself"
            " (No space left on device)"
        )
    assert len(settle(watched)) == 1
    assert watched.stuck == ""
    assert files(folder) == {"processed/TODAY/1.jpg"}


def test_a_folder_dropped_under_the_name_of_a_rejected_file_gets_a_number(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take
) -> None:
    (folder / "ward").write_text("no image")
    settle(watched)
    photograph(folder / "ward" / "1.jpg")
    (folder / "ward" / "notes.txt").write_text("no image")
    (folder / "ward-1").write_text("no image either")
    assert len(settle(watched)) == 1
    assert {name for name in files(folder) if not name.endswith(".reason.txt")} == {
        "rejected/ward", "rejected/ward-1/notes.txt", "rejected/ward-1-1", "processed/TODAY/ward/1.jpg",
    }  # fmt: skip


def test_a_batch_that_cannot_be_moved_holds_up_no_other(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take, look: Take, sqlite_database: Database, count: Count,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Root may write all, so the system's answer is put in its place."""
    photograph(folder / "cd" / "1.jpg", 1)
    photograph(folder / "2.jpg", 2)
    rename = os.rename

    def denied(source: str, *others: Any, **given: Any) -> None:
        if source == "1.jpg":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        rename(source, *others, **given)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", denied)
        assert settle(watched) == []
        photograph(folder / "3.jpg", 3)
        photograph(folder / "2.jpg", 4)  # another picture by the name of one that has left
        assert len(settle(watched)) == 1
        assert settle(watched) == []
        assert watched.stuck.endswith(": 1, the first of them in its folder cd (Permission denied)")
        assert watched.empty()
    assert files(folder) == {"cd/1.jpg", "processed/TODAY/2.jpg", "processed/TODAY/2-1.jpg", "processed/TODAY/3.jpg"}
    assert len(look(watched)) == 1
    assert (watched.stuck, (folder / "cd").exists(), count(sqlite_database, Image)) == ("", False, 4)


def test_places_of_files_that_could_not_be_moved_are_kept_for_them(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "processed" / date.today().isoformat()).mkdir(parents=True)
    photograph(folder / "processed" / date.today().isoformat() / "1.jpg", 1)
    photograph(folder / "1.jpg", 2)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", denied)
        assert settle(watched) == []  # 1.jpg has a place by the name of 1-1.jpg
    photograph(folder / "1-1.jpg", 3)
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", denied)
        assert settle(watched) == []
    assert len(settle(watched)) == 2
    assert files(folder) == {
        "processed/TODAY/1.jpg", "processed/TODAY/1-1.jpg", "processed/TODAY/1-1-1.jpg",
    }  # fmt: skip


def test_files_of_a_folder_that_may_not_be_written_are_not_received(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They could not leave it. Root may write all, so the system's answer is put in its place."""
    photograph(folder / "cd" / "1.jpg", 1)
    photograph(folder / "2.jpg", 2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, _mode: Path(path).name != "cd")
        assert len(settle(watched)) == 1
        assert watched.empty()
        assert watched.stuck.endswith(": 1, the first of them in its folder cd (its folder may not be written)")
    assert files(folder) == {"cd/1.jpg", "processed/TODAY/2.jpg"}
    assert len(settle(watched)) == 1


@pytest.mark.parametrize("name", ["processed", "rejected"])
def test_a_file_by_the_name_of_our_folders_is_said(
    name: str, watched: Inbox, folder: Path, photograph: Draw, settle: Take, sqlite_database: Database, count: Count
) -> None:
    """Nothing is recorded that could not be moved."""
    photograph(folder / "1.jpg")
    (folder / "bad.jpg").write_text("bad")
    (folder / name).write_text("a note")
    with pytest.raises(PassingFault, match=f"^{name} in the inbox is no folder: move it away$"):
        settle(watched)
    assert count(sqlite_database, Batch) == 0
    (folder / name).unlink()
    assert len(settle(watched)) == 1


def test_a_folder_that_cannot_be_read_stays_and_holds_up_nobody(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read all, so the system's answer is put in its place."""
    photograph(folder / "locked" / "1.jpg", 1)
    photograph(folder / "2.jpg", 2)
    scan = os.scandir

    def denied(path: str) -> object:
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return scan(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", denied)
        assert len(settle(watched)) == 1
        assert watched.unreadable == 1
    assert files(folder) == {"processed/TODAY/2.jpg", "locked/1.jpg"}
    assert len(settle(watched)) == 1
    assert (watched.unreadable, files(folder)) == (0, {"processed/TODAY/2.jpg", "processed/TODAY/locked/1.jpg"})


def test_a_folder_that_may_be_listed_and_not_entered_holds_up_nobody(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`chmod -R 644`. Root may enter all, so the system's answer is put in its place."""
    photograph(folder / "shut" / "1.jpg", 1)
    photograph(folder / "shut" / "2.jpg", 2)
    photograph(folder / "3.jpg", 3)
    look = os.lstat

    def denied(path: Any, **given: Any) -> os.stat_result:
        if Path(path).parent.name == "shut":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return look(path, **given)

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", denied)
        patch.setattr(Path, "lstat", denied)
        assert len(settle(watched)) == 1
        assert watched.unreadable == 1
        assert watched.empty()  # of what could ever be taken: `--once` ends
    assert files(folder) == {"processed/TODAY/3.jpg", "shut/1.jpg", "shut/2.jpg"}
    assert len(settle(watched)) == 1
    assert (watched.unreadable, watched.empty()) == (0, True)


def test_a_path_that_is_too_long_holds_up_nobody(watched: Inbox, folder: Path, photograph: Draw, settle: Take) -> None:
    """A deep folder that was moved in whole: it can be listed, and its file cannot be looked at."""
    longest = os.pathconf(folder, "PC_PATH_MAX")
    photograph(folder / "1.jpg")
    deepest = folder / "d"
    while len(str(deepest)) < longest - 200:
        deepest /= "d" * min(200, longest - 100 - len(str(deepest)))
    deepest.mkdir(parents=True)
    inside = os.open(deepest, os.O_RDONLY)
    os.close(os.open("n" * 200, os.O_WRONLY | os.O_CREAT, dir_fd=inside))
    os.close(inside)
    assert len(settle(watched)) == 1
    assert (watched.unreadable, watched.empty()) == (1, True)


def test_a_share_that_is_away_for_a_while(watched: Inbox, folder: Path, photograph: Draw, settle: Take) -> None:
    photograph(folder / "1.jpg")
    away = folder.rename(folder.with_name("away"))
    for _ in range(2):
        with pytest.raises(PassingFault, match="the inbox does not answer: No such file"):
            settle(watched)
    folder.write_text("no folder")
    with pytest.raises(PassingFault, match="the inbox does not answer: Not a directory"):
        settle(watched)
    folder.unlink()
    away.rename(folder)
    assert len(settle(watched)) == 1


@pytest.mark.parametrize("asked", ["stat", "scandir", "lstat", "pathconf"])
def test_a_share_that_is_stale(
    asked: str, watched: Inbox, folder: Path, photograph: Draw, look: Take, settle: Take, clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whichever question it leaves without an answer."""
    photograph(folder / "1.jpg")
    assert look(watched) == []
    clock.now += SETTLE_SECONDS

    def stale(*_: object, **__: object) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with monkeypatch.context() as patch:
        patch.setattr(os, asked, stale)
        with pytest.raises(PassingFault, match="^the inbox"):
            look(watched)
    assert len(settle(watched)) == 1


def test_a_picture_that_kills_its_decoder_is_rejected_and_holds_up_nobody(
    watched: Inbox, folder: Path, photograph: Draw, settle: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = "import os, models.decoding as d; real = d.decode\ndef decode(data, suffix):\n"
    dies += "    if b'POISON' in data: os.abort()\n    real(data, suffix)\nd.decode = decode\n"
    monkeypatch.setattr(decoder, "PROGRAM", ("-P", "-c", f"{dies}from scheduler.decoder import main; main()"))
    photograph(folder / "1.jpg", 1)
    photograph(folder / "3.jpg", 3)
    (folder / "2.jpg").write_bytes(photograph(folder.parent / "2.jpg", 2).read_bytes() + b"POISON")
    assert len(settle(watched)) == 1
    assert files(folder) == {
        "processed/TODAY/1.jpg", "processed/TODAY/3.jpg", "rejected/2.jpg", "rejected/2.jpg.reason.txt",
    }  # fmt: skip
    reason = (folder / "rejected" / "2.jpg.reason.txt").read_text()
    assert reason == "unreadable: its decoder ended without an answer, 2 times (SIGABRT)\n"


def test_what_another_watcher_took_between_listing_and_reading_was_never_received(
    watched: Inbox, folder: Path, photograph: Draw, look: Take, settle: Take, clock: Clock, sqlite_database: Database,
    count: Count,
) -> None:  # fmt: skip
    photograph(folder / "1.jpg", 1)
    photograph(folder / "2.jpg", 2)

    class Slow(Inbox):
        def settled(self) -> list[str]:
            if found := super().settled():
                assert len(settle(watched)) == 1
            return found

    slow = Slow(folder, SETTLE_SECONDS)
    assert look(slow) == []
    clock.now += SETTLE_SECONDS
    assert look(slow) == []
    assert files(folder) == {"processed/TODAY/1.jpg", "processed/TODAY/2.jpg"}
    assert (count(sqlite_database, Batch), count(sqlite_database, Image)) == (1, 2)


@pytest.mark.parametrize("other", [Inbox, DiesBeforeMoving])
def test_two_watchers_that_read_the_same_files_receive_them_once(
    other: type[Inbox], folder: Path, photograph: Draw, look: Take, settle: Take, clock: Clock,
    sqlite_database: Database, count: Count,
) -> None:  # fmt: skip
    """On two machines, where no lock tells one of the other."""
    photograph(folder / "1.jpg", 1)

    class Slow(Inbox):
        def _examined(self, *given: Any) -> Iterator[Received]:
            yield from list(super()._examined(*given))
            with suppress(Died):
                settle(other(folder, SETTLE_SECONDS))

    slow = Slow(folder, SETTLE_SECONDS)
    assert look(slow) == []
    clock.now += SETTLE_SECONDS
    with pytest.raises(PassingFault, match="^another `screen watch` took files of this inbox meanwhile"):
        look(slow)
    assert len(look(slow)) == (0 if other is Inbox else 1)  # it finishes what another left
    assert files(folder) == {"processed/TODAY/1.jpg"}
    assert (count(sqlite_database, Batch), count(sqlite_database, Image)) == (1, 1)
