"""Stopping a worker costs no image, no attempt, and leaves no process behind."""

import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

from storage.processes import certainly_gone

NUMBER = 100  # two chunks


def chunk_rows(ward: Any, state: str) -> list[tuple[int, int, str | None]]:
    """attempt, faults and reason of the chunks in a state."""
    database = sqlite3.connect(ward.home / "dermscreen.db", timeout=30)
    rows = database.execute("SELECT attempt, faults, reason FROM chunks WHERE state = ?", (state,)).fetchall()
    database.close()
    return rows


def test_asked_twice_a_chunk_is_handed_back_asked_once_it_is_finished(
    ward: Any, many_lesions: Path, tmp_path: Path, descendants: Any, until: Any, identity_of: Any
) -> None:
    (tmp_path / "batch").mkdir()
    for number in range(NUMBER):
        shutil.copy(many_lesions / f"{number}.png", tmp_path / "batch")
    ward.run("submit", tmp_path / "batch")
    worker = ward.start("worker")
    until(ward.running_chunks, "a claim")
    family = [identity_of(pid) for pid in descendants(worker.pid)]
    assert len(family) >= 2
    os.kill(int(descendants(worker.pid)[-1]), signal.SIGSTOP)  # the process that computes: its chunk takes for ever
    worker.send_signal(signal.SIGINT)
    time.sleep(1.0)  # it waits for the chunk: nothing to be seen of that from outside
    assert worker.poll() is None
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=35)  # less than the patience of one who is asked once
    assert worker.returncode == 0
    assert all(certainly_gone(process) for process in family)
    assert chunk_rows(ward, "running") == []
    assert sorted(chunk_rows(ward, "waiting")) == [(0, 0, None), (1, 0, "its worker was stopped")]

    worker = ward.start("worker")
    until(lambda: ward.running_chunks() and chunk_rows(ward, "done"), "the claim of the last chunk")
    family = [identity_of(pid) for pid in descendants(worker.pid)]
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=90)
    assert worker.returncode == 0
    assert all(certainly_gone(process) for process in family)
    ward.assert_nothing_lost(NUMBER)
    assert sorted(chunk_rows(ward, "done")) == [(1, 0, None), (2, 0, None)]
