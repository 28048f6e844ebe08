"""Nights through a real queue and a real worker: what a worker sends itself is taken like what others send."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from harm.site import Site
from harm.ward import until
from harm.work import Work
from scheduler.celery_app import NIGHTLY, make_app
from storage import schedules
from storage.schema import Batch

NIGHT = "2026-11-22T02:30"
REFUSED = " is refused: "


def schedule(site: Site, folder: Path, reports: Path) -> int:
    with site.database.write() as session:
        return schedules.put(
            session, folder=str(folder), cron="30 2 * * *", reports=str(reports), site=None, submitter="nurse"
        )


def send_night(site: Site, number: int) -> None:
    """What `screen beat` sends when a folder is due."""
    app = make_app(site.broker())
    app.send_task(NIGHTLY, args=[number, NIGHT])
    app.close()


def batches(site: Site, number: int) -> list[str]:
    with site.database.read() as session:
        return list(session.scalars(select(Batch.id).where(Batch.source_key.startswith(f"nightly:{number}@"))))


def test_a_night_that_meets_a_passing_fault_and_the_chunks_that_its_worker_sends(
    site: Site, work: Work, tmp_path: Path
) -> None:
    refused = work.said(REFUSED)
    folder, reports = tmp_path / "night", tmp_path / "reports"
    folder.mkdir()
    drawn = site.draw()
    reports.write_text("a file where the folder should be")
    number = schedule(site, folder, reports)
    send_night(site, number)
    until(lambda: work.said("Retry in ") or work.said(REFUSED) > refused, "a night that is put off")
    reports.unlink()
    reports.mkdir()
    drawn.rename(folder)  # all of it at once: the next try may come at any moment
    until(lambda: batches(site, number) or work.said(REFUSED) > refused, "the night's batch")
    assert work.said(REFUSED) == refused
    (batch_id,) = batches(site, number)
    site.complete(batch_id)
    assert work.said(REFUSED) == refused


def test_a_night_that_is_sent_again_and_again(site: Site, work: Work, tmp_path: Path) -> None:
    """By a second beat, by one that was killed before it noted what it had sent, or because a worker was slow."""
    (tmp_path / "reports").mkdir()
    number = schedule(site, site.draw(), tmp_path / "reports")
    for _ in range(3):
        send_night(site, number)
    said = f"nightly {number} of {NIGHT}: batch "
    until(lambda: work.said(said) == 3, "the end of three messages")
    (batch_id,) = batches(site, number)
    assert work.said(f"{said}None") == 2
    assert site.complete(batch_id).ended == {}


def test_a_night_whose_model_is_not_here_waits_for_another_worker(
    new_site: Callable[..., Site], tmp_path: Path
) -> None:
    """The worker ends as it does of a chunk, and hands its message back before it does."""
    site = new_site()
    (tmp_path / "reports").mkdir()
    number = schedule(site, site.draw(), tmp_path / "reports")
    work = site.worker()
    manifest = site.weights.parent / "manifest.json"
    manifest.rename(tmp_path / "manifest.json")
    send_night(site, number)
    assert work.process.wait(60) == 4
    assert batches(site, number) == []
    (tmp_path / "manifest.json").rename(manifest)
    site.worker(ready=False)
    until(lambda: batches(site, number), "the night's batch")
    (batch_id,) = batches(site, number)
    assert site.complete(batch_id).ended == {}
