"""The CSV of a nightly batch is written once, when the batch is complete, and whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from models.errors import PassingFault
from storage import audit
from storage.batch_writer import Received
from storage.database import Database
from storage.exports import export_paths, write_due_exports
from storage.schema import AuditEvent, Batch

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Screen = Callable[..., None]


def test_nothing_is_written_before_the_batch_is_complete(
    database: Database, submit: Submit, received: Make, screen: Screen, tmp_path: Path
) -> None:
    batch_id = submit(database, received(2), export_folder=str(tmp_path / "reports"))
    (tmp_path / "reports").mkdir()
    assert write_due_exports(database) == []
    assert list((tmp_path / "reports").iterdir()) == []
    screen(database, {"/ward/0.jpg": 0.9})
    path, summary = export_paths(str(tmp_path / "reports"), batch_id)
    assert write_due_exports(database) == [(path, summary)]
    header, row = path.read_text(encoding="utf-8").splitlines()
    assert header.startswith("batch,image,checksum,outcome,probability")
    assert row.startswith(f"{batch_id},/ward/0.jpg,") and ",flagged,0.900000,0.500000," in row
    assert sorted(path.parent.iterdir()) == [path, summary]
    assert [file.name for file in (path, summary)] == [f"flagged-{batch_id}.csv", f"summary-{batch_id}.txt"]


def test_a_second_call_writes_nothing(
    database: Database, submit: Submit, received: Make, screen: Screen, tmp_path: Path, events: Callable[..., list[str]]
) -> None:
    (tmp_path / "reports").mkdir()
    submit(database, received(1), export_folder=str(tmp_path / "reports"))
    screen(database)
    [(path, summary)] = write_due_exports(database)
    path.unlink()
    summary.unlink()
    assert write_due_exports(database) == []
    assert list(path.parent.iterdir()) == []
    assert events(database).count("report.exported") == 1


def test_a_night_without_flagged_lesions_still_gets_its_file(
    database: Database, submit: Submit, received: Make, tmp_path: Path
) -> None:
    submit(database, received(1, reason="not an image"), export_folder=str(tmp_path))
    [(path, summary)] = write_due_exports(database)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1
    assert "  rejected  /ward/0.jpg: not an image\n" in summary.read_text(encoding="utf-8")


def test_batches_that_owe_no_report_get_none(
    database: Database, submit: Submit, received: Make, screen: Screen, tmp_path: Path
) -> None:
    submit(database, received(1))
    screen(database)
    assert write_due_exports(database) == []


def test_a_folder_that_cannot_be_written_is_tried_again(
    database: Database, submit: Submit, received: Make, screen: Screen, tmp_path: Path, count: Callable[..., int]
) -> None:
    (tmp_path / "reports").write_text("a file where the folder should be")
    batch_id = submit(database, received(1), export_folder=str(tmp_path / "reports"))
    screen(database)
    with pytest.raises(PassingFault, match=f"^the report of batch {batch_id} cannot be written yet: "):
        write_due_exports(database)
    assert count(database, Batch, Batch.exported_at.is_not(None)) == 0
    (tmp_path / "reports").unlink()
    (tmp_path / "reports").mkdir()
    assert len(write_due_exports(database)) == 1


def test_a_folder_that_is_not_there_holds_up_no_other(
    database: Database, submit: Submit, received: Make, tmp_path: Path
) -> None:
    """One on a share that is not mounted: made where it was, its report would lie on another disk, unseen."""
    (tmp_path / "there").mkdir()
    first = submit(database, received(1, reason="not an image"), export_folder=str(tmp_path / "share" / "reports"))
    second = submit(database, received(1, reason="not an image"), export_folder=str(tmp_path / "there"))
    with pytest.raises(PassingFault, match=f"^the report of batch {first} cannot be written yet: "):
        write_due_exports(database)
    assert all(path.is_file() for path in export_paths(str(tmp_path / "there"), second))
    assert not (tmp_path / "share").exists()
    (tmp_path / "share" / "reports").mkdir(parents=True)  # mounted again
    assert write_due_exports(database) == [export_paths(str(tmp_path / "share" / "reports"), first)]


def test_a_report_that_is_fetched_at_once_was_written(
    database: Database, submit: Submit, received: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(database, received(1, reason="not an image"), export_folder=str(tmp_path))
    rename = Path.replace

    def taken_away(self: Path, target: Path) -> Path:
        rename(self, target).unlink()
        return target

    monkeypatch.setattr(Path, "replace", taken_away)
    assert len(write_due_exports(database)) == 1
    assert write_due_exports(database) == []


def test_writers_at_once_leave_one_whole_file_and_one_note(
    database: Database, submit: Submit, received: Make, screen: Screen, tmp_path: Path, count: Callable[..., int],
    at_once: Callable[..., list[object]],
) -> None:  # fmt: skip
    (tmp_path / "reports").mkdir()
    batch_id = submit(database, received(200), export_folder=str(tmp_path / "reports"))
    screen(database, {f"/ward/{number}.jpg": 0.9 for number in range(200)})
    path, summary = export_paths(str(tmp_path / "reports"), batch_id)
    assert set(map(str, at_once([lambda: write_due_exports(database)] * 3))) <= {str([(path, summary)]), "[]"}
    assert len(path.read_text(encoding="utf-8").splitlines()) == 201
    assert sorted(path.parent.iterdir()) == [path, summary]
    assert count(database, AuditEvent, AuditEvent.event == "report.exported") == 1


def test_who_notes_a_report_waits_for_the_chain_without_the_row_of_the_batch(
    postgres_database: Database, submit: Submit, received: Make, screen: Screen, tmp_path: Path
) -> None:
    """`screen retry` and an erasure have the chain when they want that row: each would wait for the other."""
    batch_id = submit(postgres_database, received(1), export_folder=str(tmp_path))
    screen(postgres_database)
    with ThreadPoolExecutor(1) as pool, postgres_database.write() as session:
        audit.lock(session)
        noting = pool.submit(write_due_exports, postgres_database)
        while not postgres_database.busy(0.0) and not noting.done():
            time.sleep(0.01)
        session.execute(select(Batch).where(Batch.id == batch_id).with_for_update(nowait=True))
        session.commit()
        assert len(noting.result()) == 1
