"""A database is replaced under a running worker: the batch ends as if nothing had happened."""

import json
from pathlib import Path
from typing import Any

from storage.database import Database, url_of
from storage.schema import AuditEvent
from storage.settings import Settings

IMAGES = 130


def test_a_backup_restored_under_a_running_worker(ward: Any, many_lesions: Path, until: Any, tmp_path: Path) -> None:
    submit = ward.start("submit", many_lesions, "--wait", "--json")
    until(ward.running_chunks, "a claim")
    backup = ward.run("db", "backup", tmp_path / "b.gz", "--json")
    assert backup.returncode == 0, backup.stderr
    until(lambda: ward.counts()[0].screened, "a chunk's end")
    restored = ward.run("db", "restore", tmp_path / "b.gz", "--replace", "--json")
    assert restored.returncode == 0, restored.stderr
    told = json.loads(restored.stdout)
    assert told["sha256"] == json.loads(backup.stdout)["sha256"]
    stdout, _ = submit.communicate(timeout=150)
    assert submit.returncode == 0
    assert json.loads(stdout)["screened"] == IMAGES
    ward.assert_nothing_lost(IMAGES)
    # and the same backup in another home, whose worker finishes the batch from where it was
    elsewhere = type(ward)(tmp_path / "elsewhere", ward.processes)
    try:
        assert elsewhere.run("db", "restore", tmp_path / "b.gz").returncode == 0
        worker = elsewhere.start("worker")
        until(lambda: elsewhere.counts()[0].state == "complete", "the batch's end")
        worker.terminate()
        worker.communicate(timeout=90)
        elsewhere.assert_nothing_lost(IMAGES)
    finally:
        elsewhere.run("down")
    database = Database(url_of(Settings(tmp_path / "elsewhere")))
    with database.read() as session:
        assert session.query(AuditEvent).filter_by(event="database.restored").count() == 1
    database.close()
