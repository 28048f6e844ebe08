"""A supervisor starts nothing with a model that is not sound, and looks after what it started."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from models.checksum import sha256_hex
from models.errors import ModelInvalid
from models.manifest import Manifest
from scheduler.broker import Broker
from storage import chunks, workers
from storage.batch_writer import Received
from storage.chunks import Claim
from storage.database import Database
from storage.processes import certainly_gone, identity
from storage.schema import Chunk, Worker
from storage.settings import Settings
from worker import supervisor as module
from worker.supervisor import Supervisor

Until = Callable[[Callable[[], bool]], None]
WEIGHTS = bytes(range(256))


@pytest.fixture
def weights(settings: Settings, installed_model: Manifest) -> Path:
    """The weights of the installed model, sealed by its manifest."""
    folder = settings.home / "models" / installed_model.name
    sealed = {"file": "weights.safetensors", "sha256": sha256_hex(WEIGHTS)}
    (folder / "manifest.json").write_text(json.dumps(installed_model.raw | {"weights": sealed}))
    (folder / "weights.safetensors").write_bytes(WEIGHTS)
    return folder / "weights.safetensors"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a shell script in Python's place; it writes a line into a file whenever it is started."""

    def install(lines: str) -> Path:
        script, started = tmp_path / "python", tmp_path / "started"
        script.write_text(f'#!/bin/sh\necho "$* $DERMSCREEN_WORKER_ID $DERMSCREEN_HOME" >> {started}\n{lines}\n')
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))
        return started

    return install


@pytest.fixture
def supervisor(settings: Settings, sqlite_database: Database, tmp_path: Path, weights: Path) -> Iterator[Supervisor]:
    """On the CPU, with a broker that does not answer: looking after the worker needs none."""
    made = Supervisor(settings, sqlite_database, Broker(f"redis+socket://{tmp_path}/none.sock", False), "cpu")
    yield made
    made.stop()


def rows(database: Database) -> list[Worker]:
    with database.read() as session:
        return list(session.scalars(select(Worker)))


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("place", [0, 255])
def test_a_flipped_bit_in_the_weights_starts_nothing(
    supervisor: Supervisor, weights: Path, program: Callable[[str], Path], sqlite_database: Database, place: int
) -> None:
    started = program("sleep 60")
    flipped = bytearray(WEIGHTS)
    flipped[place] ^= 1
    weights.write_bytes(flipped)
    with pytest.raises(ModelInvalid) as refused:
        supervisor.start()
    assert f"expected SHA-256 {sha256_hex(WEIGHTS)}, received {sha256_hex(bytes(flipped))}" in str(refused.value)
    assert supervisor._child is None
    assert lines(started) == []
    (row,) = rows(sqlite_database)
    assert row.refused == str(refused.value)
    supervisor.stop()
    assert rows(sqlite_database)[0].stopped_at is not None


def test_missing_weights_start_nothing(
    supervisor: Supervisor, weights: Path, program: Callable[[str], Path], sqlite_database: Database
) -> None:
    started = program("sleep 60")
    weights.unlink()
    with pytest.raises(ModelInvalid, match="its weights cannot be read"):
        supervisor.start()
    assert lines(started) == []
    assert "its weights cannot be read" in (rows(sqlite_database)[0].refused or "")


def test_a_sound_model_starts_a_worker_that_signs_on_and_off(
    supervisor: Supervisor,
    settings: Settings,
    program: Callable[[str], Path],
    sqlite_database: Database,
    eventually: Until,
) -> None:
    started = program("exec sleep 60")
    supervisor.start()
    eventually(lambda: len(lines(started)) == 1)
    assert lines(started) == [f"-P -m worker cpu {supervisor.worker_id} {settings.home}"]
    (row,) = rows(sqlite_database)
    assert (row.id, row.pid, row.device, row.stopped_at) == (supervisor.worker_id, os.getpid(), "cpu", None)
    supervisor.tick()
    child = supervisor._child
    assert child is not None
    supervisor.stop()
    assert child.returncode is not None
    assert rows(sqlite_database)[0].stopped_at is not None


def test_a_worker_that_dies_is_started_again_and_again_with_a_pause(
    supervisor: Supervisor, program: Callable[[str], Path], eventually: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = program("exit 3")
    monkeypatch.setattr(module, "RESTART_SECONDS", 3600.0)
    supervisor.start()

    def died(times: int) -> Callable[[], bool]:
        def look() -> bool:
            supervisor.tick()
            return len(lines(started)) == supervisor._deaths == times

        return look

    eventually(died(2))  # after its first death it was started at once
    for _ in range(5):
        supervisor.tick()
    assert supervisor._child is None
    assert len(lines(started)) == 2
    supervisor._restart_at = 0.0  # the pause is over
    eventually(died(3))


def test_a_worker_that_refuses_to_screen_ends_the_supervisor(
    supervisor: Supervisor, program: Callable[[str], Path], sqlite_database: Database
) -> None:
    program("exec sleep 60")
    supervisor.start()
    with sqlite_database.write() as session:
        workers.refuse(session, supervisor.worker_id, "the weights are not those of the manifest")
    with pytest.raises(ModelInvalid, match="^the weights are not those of the manifest$"):
        supervisor.tick()


def test_a_worker_that_does_not_stop_is_ended(
    supervisor: Supervisor, program: Callable[[str], Path], eventually: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
    started = program('trap "" TERM\necho ready >> "$0.ready"\nwhile true; do sleep 1; done')
    supervisor.start()
    eventually(lambda: bool(lines(started.with_name("python.ready"))))
    child = supervisor._child
    assert child is not None
    supervisor.stop()
    assert child.returncode == -9


def test_a_worker_that_is_ended_hands_its_chunk_back(
    supervisor: Supervisor, program: Callable[[str], Path], eventually: Until, sqlite_database: Database,
    submit: Callable[..., str], received: Callable[..., list[Received]], take: Callable[..., list[Claim]],
    identity_of: Callable[[int], str],
) -> None:  # fmt: skip
    submit(sqlite_database, received(2))
    submit(sqlite_database, received(1))
    # the pool: a process of the worker's process
    started = program('trap "" TERM\nsh -c "sleep 60" & echo $! >> "$0.pool"\nwhile true; do sleep 1; done')
    supervisor.start()
    pool = started.with_name("python.pool")
    eventually(lambda: bool(lines(pool)))
    holder = identity_of(int(lines(pool)[0]))
    with sqlite_database.write() as session:
        mine, other = session.scalars(select(Chunk.id).order_by(Chunk.id))
        held = chunks.claim(session, mine, holder)
        assert held is not None
        chunks.claim(session, other, identity())  # of a worker that goes on
    supervisor.stop(lambda: True)
    with sqlite_database.read() as session:
        handed_back, kept = session.get_one(Chunk, mine), session.get_one(Chunk, other)
    assert (handed_back.state, handed_back.faults, handed_back.attempt) == ("waiting", 0, 1)
    assert (handed_back.holder, handed_back.reason) == (None, "its worker was stopped")
    assert kept.state == "running"
    eventually(lambda: certainly_gone(holder))


def test_stopping_twice_or_before_the_start_harms_nothing(supervisor: Supervisor, sqlite_database: Database) -> None:
    supervisor.stop()
    supervisor.stop()
    assert rows(sqlite_database) == []
