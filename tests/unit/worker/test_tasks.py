"""A passing fault costs no message: a chunk goes back to the queue, a night is tried again as the same one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.app.task import Context
from celery.exceptions import Reject

from models.errors import ServiceUnreachable
from models.manifest import Manifest
from scheduler.broker import Broker
from scheduler.celery_app import NIGHTLY, RECOVER, SCREEN_CHUNK, make_app
from scheduler.wire import fault_of, known
from storage import schedules, workers
from storage.database import Database
from storage.processes import WORKER_ID
from storage.schema import Batch
from storage.settings import Settings
from worker import tasks

AWAY = ServiceUnreachable("the database does not answer")


NIGHT = "2026-11-22T02:30"
CHUNK = "0123456789abcdef" * 2
WORKER = "this worker"


@pytest.fixture
def app(settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Celery:
    # without the hook into Celery's processes, which would outlive the test
    monkeypatch.setattr(tasks.signals.worker_process_init, "connect", lambda **_: lambda hook: hook)
    monkeypatch.setenv(WORKER_ID, WORKER)
    broker = Broker("memory://", embedded=False)
    made = make_app(broker)
    tasks.register(made, settings, sqlite_database, broker)
    return made


def away(*_: object) -> None:
    raise AWAY


def test_a_chunk_goes_back_to_the_queue(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.Runner, "run", away)
    with pytest.raises(Reject) as rejected:
        app.tasks[SCREEN_CHUNK]("some chunk")
    assert rejected.value.requeue


def test_recovery_says_it_and_goes_on(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "recover", away)
    app.tasks[RECOVER]()


def test_a_nightly_run_is_tried_again_as_the_same_night(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def run_nightly(_database: Any, _settings: Any, _schedule: int, due: str) -> str:
        seen.append(due)
        if len(seen) < 5:
            raise AWAY
        return "a batch"

    monkeypatch.setattr(tasks, "run_nightly", run_nightly)
    monkeypatch.setattr(tasks, "send_due", lambda *_: 0)
    done = app.tasks[NIGHTLY].apply(args=[1, NIGHT])  # in this process, without the pauses
    assert done.successful()
    assert seen == [NIGHT] * 5


@pytest.fixture
def night(sqlite_database: Database, tmp_path: Path, photograph: Callable[..., Path]) -> Path:
    """The reports folder of schedule 1, whose folder holds a photograph."""
    for name in ("night", "reports"):
        (tmp_path / name).mkdir()
    photograph(tmp_path / "night" / "Erika.jpg")
    with sqlite_database.write() as session:
        schedules.put(
            session, folder=str(tmp_path / "night"), cron="30 2 * * *", reports=str(tmp_path / "reports"), site=None,
            submitter="nurse",
        )  # fmt: skip
    return tmp_path / "reports"


def test_a_night_that_no_worker_here_may_take_waits_for_another(
    app: Celery, night: Path, sqlite_database: Database, installed_model: Manifest, monkeypatch: pytest.MonkeyPatch,
    count: Callable[..., int],
) -> None:  # fmt: skip
    """As the chunk that it would become: not counted, and this worker ends."""
    with sqlite_database.write() as session:
        workers.sign_on(session, WORKER, "here", 1, "cpu")
    valid, tries = os.environ["DERMSCREEN_MODEL"], []

    def pause(tried: int) -> float:
        tries.append(tried)
        if tried == 2 * tasks.NIGHT_TRIES:  # the message has come to a worker that has the model
            monkeypatch.setenv("DERMSCREEN_MODEL", valid)
        return 0.0

    monkeypatch.setenv("DERMSCREEN_MODEL", "registered-elsewhere-only")
    monkeypatch.setattr(tasks, "backoff_seconds", pause)
    monkeypatch.setattr(tasks, "send_due", lambda *_: 0)
    assert app.tasks[NIGHTLY].apply(args=[1, NIGHT]).successful()
    assert tries == list(range(1, 2 * tasks.NIGHT_TRIES + 1))
    assert count(sqlite_database, Batch) == 1
    with sqlite_database.write() as session:
        assert "registered-elsewhere-only" in (workers.heartbeat(session, WORKER) or "")


def test_a_night_that_fails_leaves_a_word_until_it_succeeds(
    app: Celery, night: Path, sqlite_database: Database, installed_model: Manifest, monkeypatch: pytest.MonkeyPatch,
    count: Callable[..., int],
) -> None:  # fmt: skip
    tries = []

    def too_much(*_: object) -> None:
        tries.append(1)
        raise MemoryError("of Erika.jpg")

    monkeypatch.setattr(tasks, "send_due", lambda *_: 0)
    with monkeypatch.context() as broken:
        broken.setattr(tasks, "run_nightly", too_much)
        assert app.tasks[NIGHTLY].apply(args=[1, NIGHT]).failed()
    assert len(tries) == tasks.NIGHT_TRIES
    (word,) = night.iterdir()
    said = word.read_text(encoding="utf-8")
    assert word.name == "failed-20261122-0230-1.txt"
    assert "could not be taken in (MemoryError)" in said and "Erika" not in said
    assert app.tasks[NIGHTLY].apply(args=[1, NIGHT]).successful()  # sent again by `screen beat`
    assert count(sqlite_database, Batch) == 1
    assert list(night.iterdir()) == []


def test_a_night_that_failed_and_cannot_say_so_is_tried_on(
    app: Celery, night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def broken(*_: object) -> None:
        seen.append(1)
        if len(seen) == 2 * tasks.NIGHT_TRIES:
            night.unlink()
            night.mkdir()
        raise MemoryError

    night.rmdir()
    night.write_text("a file where the folder should be")
    monkeypatch.setattr(tasks, "run_nightly", broken)
    assert app.tasks[NIGHTLY].apply(args=[1, NIGHT]).failed()
    assert len(seen) == 2 * tasks.NIGHT_TRIES
    assert len(list(night.iterdir())) == 1


def received(app: Celery) -> Any:
    """The message that was sent last, as the consumer of a worker gets it."""
    with app.connection_for_read() as connection, connection.SimpleQueue("screening") as queue:
        message = queue.get(block=False)
        message.ack()
    return message


def refused(message: Any) -> str | None:
    return fault_of(message.headers, message.content_type, message.content_encoding, message.body)


@pytest.fixture
def sending(app: Celery) -> Celery:
    """A worker's application that sends: its tasks are made, as they are once it runs."""
    app.conf.update(broker_transport_options={})
    app.finalize()
    return app


@pytest.mark.parametrize(("task", "arguments"), [(SCREEN_CHUNK, [CHUNK]), (RECOVER, []), (NIGHTLY, [7, NIGHT])])
def test_what_a_worker_sends_is_taken_by_a_worker(task: str, arguments: list[object], sending: Celery) -> None:
    """Where the sender knows the task, Celery puts the sender's time limit into the message."""
    sending.send_task(task, args=arguments)
    message = received(sending)
    assert message.headers["timelimit"] != [None, None]
    assert refused(message) is None
    assert "timelimit" not in known(message.headers)  # the limit of the worker that takes it holds


def test_a_retry_of_what_a_worker_took_is_taken_again(sending: Celery) -> None:
    """As Celery makes it, of an attempt that failed and of one that lost its process."""
    sending.send_task(NIGHTLY, args=[7, NIGHT])
    taken = received(sending)
    task = sending.tasks[NIGHTLY]
    delivery = {"exchange": "", "routing_key": "screening", "priority": 0, "redelivered": False}
    context = Context(known(taken.headers), args=[7, NIGHT], kwargs={}, delivery_info=delivery)
    task.signature_from_request(context, countdown=5, retries=1).apply_async()
    again = received(sending)
    assert (again.headers["id"], again.headers["retries"]) == (taken.headers["id"], 1)
    assert refused(again) is None


def test_a_nightly_intake_may_take_a_day_and_a_chunk_may_not(sending: Celery) -> None:
    limits = {name: sending.tasks[name].time_limit for name in (SCREEN_CHUNK, RECOVER, NIGHTLY)}
    assert limits == {SCREEN_CHUNK: 600.0, RECOVER: 600.0, NIGHTLY: 86_400.0}
