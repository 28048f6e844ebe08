"""Harm done to files: a full disk, weights and images that are not what they were."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing

from harm.site import WEIGHTS, Site
from harm.truth import nothing_half_done
from harm.ward import until
from harm.work import Work
from storage.states import ImageState

FULL = 4096  # bytes of a file, from which on nothing more is written


def intact(site: Site) -> bool:
    with closing(sqlite3.connect(site.home / "dermscreen.db")) as database:
        return database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_disk_full_for_a_worker(site: Site, work: Work) -> None:
    site.close_gate()
    batch_id = site.hand_in(site.draw())
    with site.stopped_at_gate():
        processes = work.processes
        for pid in processes:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        before = work.said("the database")
    until(lambda: work.said("the database") > before + 1, "a worker that cannot write")
    for pid in processes:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    site.harmed()
    assert site.complete(batch_id, name="test_disk_full_for_a_worker").ended == {}
    assert intact(site)
    assert work.process.poll() is None


def test_disk_full_for_a_report_and_a_submit(site: Site) -> None:
    batch_id = site.hand_in(site.draw())
    site.complete(batch_id)
    batches = len(site.counts())
    reports = site.home / "reports"
    reports.mkdir(exist_ok=True)
    full = {"HARM_FILE_BYTES": str(FULL)}
    refused = site.run("report", batch_id, "--all", "--output", reports / "all.csv", **full)
    assert refused.returncode == 2
    assert "nothing was: File too large" in refused.stderr
    assert list(reports.iterdir()) == []
    refused = site.run("submit", site.draw(), **full)
    assert refused.returncode == 3
    assert "Error: the database" in refused.stderr
    assert intact(site)
    assert len(nothing_half_done(site.database, {item.received for item in site.counts()})) == batches
    site.harmed()
    done = site.run("report", batch_id, "--all", "--output", reports / "all.csv")
    assert done.returncode == 0
    assert len((reports / "all.csv").read_text().splitlines()) == 131


def test_weights_with_a_flipped_byte(new_site: Callable[..., Site]) -> None:
    site = new_site()
    batch_id = site.record(site.draw(10))
    flipped = bytearray(WEIGHTS)
    flipped[100] ^= 0xFF
    site.weights.write_bytes(flipped)
    refused = site.run("worker", "--device", "cpu")
    assert refused.returncode == 4
    assert "the weights file is not the one of the manifest" in refused.stderr
    assert site.counts()[0].finished == 0
    site.weights.write_bytes(WEIGHTS)
    site.harmed()
    site.worker(ready=False)
    assert site.complete(batch_id, 10, name="test_weights_with_a_flipped_byte").ended == {}


def test_weights_swapped_while_a_worker_runs(new_site: Callable[..., Site]) -> None:
    """What was verified goes on; a process that would have to load the other weights refuses, and the worker ends."""
    site = new_site()
    work = site.worker()
    site.close_gate()
    batch_id = site.hand_in(site.draw())
    with site.stopped_at_gate():
        site.weights.write_bytes(b"others")
    until(lambda: site.counts()[0].finished == 130, "the end of a batch")
    site.close_gate()
    second = site.hand_in(site.draw())
    with site.stopped_at_gate() as pid:
        os.kill(pid, signal.SIGKILL)
        assert work.process.wait(60) == 4
        assert work.said("Error: model stub-1: the weights file is not the one of the manifest") == 1
    assert site.counts()[1].finished == 0
    site.weights.write_bytes(WEIGHTS)
    site.harmed()
    site.worker(ready=False)
    assert site.complete(second, name="test_weights_swapped_while_a_worker_runs").ended == {}
    assert site.complete(batch_id).ended == {}


def test_images_changed_between_intake_and_decoding(site: Site, work: Work) -> None:
    folder = site.draw()
    os.kill(work.process.pid, signal.SIGSTOP)  # it would send the batch by itself
    try:
        batch_id = site.record(folder)
        changed, cut, deleted, emptied, folded, linked = (folder / f"{number:05}.png" for number in range(0, 120, 20))
        changed.write_bytes(changed.read_bytes()[:-13] + b"?" + changed.read_bytes()[-12:])
        cut.write_bytes(cut.read_bytes()[:200])
        deleted.unlink()
        emptied.write_bytes(b"")
        folded.unlink()
        folded.mkdir()
        linked.rename(folder / "00130.png")
        linked.symlink_to(folder / "00130.png")
    finally:
        os.kill(work.process.pid, signal.SIGCONT)
    site.harmed()
    ended = site.complete(batch_id, name="test_images_changed_between_intake_and_decoding").ended
    reasons = {name: reason for name, (state, reason) in ended.items() if state == ImageState.REJECTED}
    assert reasons.keys() == ended.keys() == {path.name for path in (changed, cut, deleted, emptied, folded, linked)}
    for path in (changed, cut):
        assert reasons[path.name].startswith("the file changed between intake and screening: expected the bytes")
    assert reasons[deleted.name] == "the file is no longer there"
    assert reasons[emptied.name] == "empty: the file has 0 bytes"
    assert reasons[folded.name] == "a folder: expected a regular file"
    assert reasons[linked.name] == "a symbolic link: expected the file itself"
