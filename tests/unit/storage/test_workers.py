"""Who is alive, by the database's clock and by the processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import update

from storage import workers
from storage.clock import db_now
from storage.database import Database
from storage.processes import identity
from storage.schema import Worker
from storage.workers import SILENT_SECONDS

ELSEWHERE = "elsewhere/pid:[1]/1/1"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def sign_on(database: Database, worker_id: str = ELSEWHERE, pid: int = 1) -> None:
    with database.write() as session:
        workers.sign_on(session, worker_id, "ward-pc", pid, "cpu")


def alive(database: Database) -> list[str]:
    with database.read() as session:
        return [worker.id for worker in workers.alive(session)]


def silent_for(database: Database, worker_id: str, seconds: float) -> None:
    with database.write() as session:
        session.execute(update(Worker).where(Worker.id == worker_id).values(seen_at=db_now(-seconds)))


def test_nobody_is_there_at_first(database: Database) -> None:
    assert alive(database) == []


def test_who_signed_on_is_alive(database: Database) -> None:
    sign_on(database, identity(), os.getpid())
    with database.read() as session:
        (worker,) = workers.alive(session)
    assert (worker.id, worker.host, worker.pid, worker.device) == (identity(), "ward-pc", os.getpid(), "cpu")


def test_who_signed_off_is_not_and_may_come_back(database: Database) -> None:
    sign_on(database)
    with database.write() as session:
        workers.sign_off(session, ELSEWHERE)
    assert alive(database) == []
    sign_on(database)
    assert alive(database) == [ELSEWHERE]


def test_who_is_silent_too_long_is_gone_until_the_next_heartbeat(database: Database) -> None:
    sign_on(database)
    silent_for(database, ELSEWHERE, SILENT_SECONDS / 4)
    assert alive(database) == [ELSEWHERE]
    silent_for(database, ELSEWHERE, SILENT_SECONDS + 1)
    assert alive(database) == []
    with database.write() as session:
        assert workers.heartbeat(session, ELSEWHERE) is None
    assert alive(database) == [ELSEWHERE]


def test_a_process_of_this_machine_that_ended_is_gone_at_once(
    database: Database, child: subprocess.Popen[bytes], identity_of: Callable[[int], str]
) -> None:
    name = identity_of(child.pid)
    sign_on(database, name, child.pid)
    assert alive(database) == [name]
    child.kill()
    child.wait()
    assert alive(database) == []


def test_a_worker_that_must_not_screen_hears_so_with_its_heartbeat(database: Database) -> None:
    sign_on(database)
    sign_on(database, "elsewhere/pid:[1]/2/2")
    with database.write() as session:
        workers.refuse(session, ELSEWHERE, "the weights are not those of the manifest")
    assert alive(database) == ["elsewhere/pid:[1]/2/2"]
    with database.write() as session:
        assert workers.heartbeat(session, ELSEWHERE) == "the weights are not those of the manifest"
        assert workers.heartbeat(session, "elsewhere/pid:[1]/2/2") is None
    sign_on(database)  # started again, with the model put right
    assert len(alive(database)) == 2


def test_a_heartbeat_of_one_who_never_signed_on_changes_nothing(database: Database) -> None:
    with database.write() as session:
        assert workers.heartbeat(session, "nobody") is None
    assert alive(database) == []
