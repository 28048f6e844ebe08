"""A folder becomes one batch a night, however many messages arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from models.errors import PassingFault, UsageFault
from models.manifest import Manifest
from scheduler.due import LastDue
from scheduler.intake import examine
from scheduler.nightly import give_up, parse_cron, run_nightly, schedule_app
from storage import schedules
from storage.database import Database
from storage.schema import Batch, Chunk, Image
from storage.settings import Settings

NIGHT, NEXT_NIGHT = "2026-11-22T02:30", "2026-11-23T02:30"


@pytest.mark.parametrize(
    ("text", "minutes", "hours", "weekdays"),
    [
        ("30 2 * * *", {30}, {2}, set(range(7))),
        ("*/20 1-3 * * 1-5", {0, 20, 40}, {1, 2, 3}, {1, 2, 3, 4, 5}),
        ("0,15  22 1 1 sun", {0, 15}, {22}, {0}),
    ],
)
def test_cron_times(text: str, minutes: set[int], hours: set[int], weekdays: set[int]) -> None:
    parsed = parse_cron(text)
    assert (parsed.minute, parsed.hour, parsed.day_of_week) == (minutes, hours, weekdays)


@pytest.mark.parametrize("text", ["", "2", "30 2 * *", "30 2 * * * *", "@daily"])
def test_a_cron_time_has_five_fields(text: str) -> None:
    with pytest.raises(UsageFault) as refused:
        parse_cron(text)
    assert str(refused.value) == (
        f"a cron time has 5 fields (minute hour day month weekday), as '30 2 * * *'; received {text!r}"
    )


@pytest.mark.parametrize(
    "text",
    ["60 2 * * *", "-1 2 * * *", "x 2 * * *", "0 24 * * *", "0 2 0 * *", "0 2 * 13 *", "0 2 * * funday",
     "1,,2 * * * *", "5- * * * *", "*/0 * * * *", "*/x * * * *", ", * * * *"],
)  # fmt: skip
def test_a_cron_time_that_cannot_be_is_a_usage_fault(text: str) -> None:
    with pytest.raises(UsageFault, match=r"^the cron time '.*' cannot be used: "):
        parse_cron(text)


@pytest.fixture
def schedule(database: Database, tmp_path: Path) -> int:
    (tmp_path / "night").mkdir()
    (tmp_path / "reports").mkdir()
    with database.write() as session:
        return schedules.put(
            session, folder=str(tmp_path / "night"), cron="30 2 * * *", reports=str(tmp_path / "reports"),
            site="Ward 3", submitter="nurse",
        )  # fmt: skip


def test_the_folder_becomes_a_batch(
    settings: Settings, database: Database, installed_model: Manifest, schedule: int, tmp_path: Path,
    photograph: Callable[..., Path], images: Callable[..., list[object]],
) -> None:  # fmt: skip
    photograph(tmp_path / "night" / "1.jpg")
    batch_id = run_nightly(database, settings, schedule, NIGHT)
    assert batch_id is not None
    assert [row.image for row in images(database, batch_id)] == [f"{tmp_path}/night/1.jpg"]  # type: ignore[attr-defined]
    with database.read() as session:
        batch = session.get_one(Batch, batch_id)
    assert (batch.source, batch.source_key, batch.site, batch.submitter, batch.export_folder) == (
        "nightly", f"nightly:{schedule}@{NIGHT}", "Ward 3", "nurse", str(tmp_path / "reports"),
    )  # fmt: skip


def test_a_night_makes_one_batch_however_often_it_is_sent(
    settings: Settings, database: Database, installed_model: Manifest, schedule: int, tmp_path: Path,
    photograph: Callable[..., Path], count: Callable[..., int],
) -> None:  # fmt: skip
    photograph(tmp_path / "night" / "1.jpg")
    assert run_nightly(database, settings, schedule, NIGHT) is not None
    assert run_nightly(database, settings, schedule, NIGHT) is None
    assert count(database, Batch) == 1
    assert run_nightly(database, settings, schedule, NEXT_NIGHT) is not None
    assert count(database, Batch) == 2


def test_two_intakes_of_one_night_at_the_same_time_make_one_batch(
    settings: Settings, database: Database, installed_model: Manifest, schedule: int, tmp_path: Path,
    photograph: Callable[..., Path], count: Callable[..., int], events: Callable[..., list[str]],
    at_once: Callable[..., list[object]], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """An intake that takes longer than the visibility timeout is delivered again while it reads."""
    photograph(tmp_path / "night" / "1.jpg")
    both_read = threading.Barrier(2)

    def examine_together(*arguments: Any, **options: Any) -> Any:
        both_read.wait(60)  # so neither found the other's batch when it began
        return examine(*arguments, **options)

    monkeypatch.setattr("scheduler.nightly.examine", examine_together)
    forgot = []
    monkeypatch.setattr("scheduler.nightly.forget_failed", lambda *night: forgot.append(night))
    ended = at_once([lambda: run_nightly(database, settings, schedule, NIGHT)] * 2)
    assert len(forgot) == 2  # what an earlier try said has to go, whichever of the two is killed
    (made,) = [batch_id for batch_id in ended if batch_id is not None]
    assert isinstance(made, str)
    assert (count(database, Batch), count(database, Image), count(database, Chunk)) == (1, 1, 1)
    assert events(database).count("batch.submitted") == 1
    assert [path.name for path in settings.home.iterdir() if "tmp" in path.name] == []


def test_an_empty_folder_is_a_quiet_night_and_said(
    settings: Settings, database: Database, installed_model: Manifest, schedule: int, tmp_path: Path,
    count: Callable[..., int],
) -> None:  # fmt: skip
    """Where a share is mounted there is an empty folder when it is not."""
    assert run_nightly(database, settings, schedule, NIGHT) is None
    assert count(database, Batch) == 0
    (said,) = (tmp_path / "reports").iterdir()
    assert said.name == f"nothing-20261122-0230-{schedule}.txt"
    assert f"no photograph was in {tmp_path}/night, so nothing was screened" in said.read_text(encoding="utf-8")
    assert run_nightly(database, settings, schedule, NIGHT) is None
    assert list((tmp_path / "reports").iterdir()) == [said]


def test_two_quiet_folders_with_one_reports_folder_are_both_said(
    settings: Settings, database: Database, installed_model: Manifest, schedule: int, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with database.write() as session:
        other = schedules.put(
            session, folder=str(tmp_path / "other"), cron="30 2 * * *", reports=str(tmp_path / "reports"), site=None,
            submitter="r.meyer",
        )  # fmt: skip
    for number in (schedule, other):
        assert run_nightly(database, settings, number, NIGHT) is None
    said = sorted(path.read_text(encoding="utf-8") for path in (tmp_path / "reports").iterdir())
    assert [f"{tmp_path}/{name}," in words for name, words in zip(("night", "other"), said, strict=True)] == [True] * 2


def test_a_night_sent_again_after_its_folder_was_emptied_says_nothing(
    settings: Settings, database: Database, installed_model: Manifest, schedule: int, tmp_path: Path,
    photograph: Callable[..., Path],
) -> None:  # fmt: skip
    picture = photograph(tmp_path / "night" / "1.jpg")
    assert run_nightly(database, settings, schedule, NIGHT) is not None
    picture.unlink()
    assert run_nightly(database, settings, schedule, NIGHT) is None
    assert list((tmp_path / "reports").iterdir()) == []


def test_a_night_that_is_over_is_not_said_to_have_failed(
    settings: Settings, database: Database, installed_model: Manifest, schedule: int, tmp_path: Path,
    photograph: Callable[..., Path], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    photograph(tmp_path / "night" / "1.jpg")
    give_up(database, schedule, NIGHT, "MemoryError")
    with monkeypatch.context() as killed:
        killed.setattr(
            "scheduler.nightly.forget_failed", lambda *_: None
        )  # after the batch, and before the word is gone
        assert run_nightly(database, settings, schedule, NIGHT) is not None
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [f"failed-20261122-0230-{schedule}.txt"]
    assert run_nightly(database, settings, schedule, NIGHT) is None
    assert list((tmp_path / "reports").iterdir()) == []


def test_a_night_that_failed_before_a_quiet_one_is_still_said(
    settings: Settings, database: Database, installed_model: Manifest, schedule: int, tmp_path: Path
) -> None:
    """Its photographs were taken away meanwhile, and nobody has judged them."""
    give_up(database, schedule, NIGHT, "MemoryError")
    assert run_nightly(database, settings, schedule, NEXT_NIGHT) is None
    assert run_nightly(database, settings, schedule, NIGHT) is None
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == [
        f"failed-20261122-0230-{schedule}.txt", f"nothing-20261123-0230-{schedule}.txt",
    ]  # fmt: skip


@pytest.mark.parametrize("gone", [True, False])
def test_an_empty_night_that_cannot_be_told_is_tried_again(
    settings: Settings, database: Database, installed_model: Manifest, schedule: int, tmp_path: Path, gone: bool
) -> None:
    (tmp_path / "reports").rmdir()
    if not gone:
        (tmp_path / "reports").write_text("a file where the folder should be")
    with pytest.raises(PassingFault, match=r"^an empty night cannot be told in the reports folder yet: .* not there$"):
        run_nightly(database, settings, schedule, NIGHT)
    assert (tmp_path / "reports").exists() != gone  # where a share is not mounted none is made


def test_a_folder_that_is_gone_is_not_a_quiet_night(
    settings: Settings, database: Database, installed_model: Manifest, schedule: int, tmp_path: Path,
    images: Callable[..., list[Image]],
) -> None:  # fmt: skip
    """It is seen in `screen status` and in the night's report, not in a worker's log alone."""
    (tmp_path / "night").rmdir()
    (row,) = images(database, run_nightly(database, settings, schedule, NIGHT))
    assert (row.image, row.state, row.reason) == (
        str(tmp_path / "night"), "rejected", "folder cannot be read: it is not there",
    )  # fmt: skip


def test_a_schedule_that_is_gone_does_nothing(settings: Settings, database: Database) -> None:
    assert run_nightly(database, settings, 4711, NIGHT) is None


def test_a_second_schedule_of_a_folder_replaces_the_first(database: Database, schedule: int, tmp_path: Path) -> None:
    with database.write() as session:
        again = schedules.put(
            session, folder=str(tmp_path / "night"), cron="0 4 * * *", reports="/r", site=None, submitter="other"
        )
    assert again == schedule
    with database.read() as session:
        (found,) = schedules.nightlies(session)
    assert replace(found, since=None) == schedules.Nightly(
        schedule, str(tmp_path / "night"), "0 4 * * *", "/r", None, "other"
    )


def test_the_timetable_recovers_each_minute_and_runs_every_schedule(
    database: Database, schedule: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: "Europe/Vienna")
    app = schedule_app(Celery(set_as_current=False), database)
    table = app.conf.beat_schedule
    assert table.pop("recover") == {"task": "dermscreen.recover", "schedule": 60.0}
    cron = parse_cron("30 2 * * *")
    assert table == {
        f"nightly-{schedule}": {
            "task": "dermscreen.nightly", "schedule": cron, "args": [schedule, LastDue(cron, "Europe/Vienna")],
        }
    }  # fmt: skip
