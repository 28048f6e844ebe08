"""A passing fault costs no message: a chunk goes back to the queue, a nightly run is tried again with its own id."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery
from celery.exceptions import Reject

from models.errors import ServiceUnreachable
from scheduler.broker import Broker
from scheduler.celery_app import NIGHTLY, RECOVER, SCREEN_CHUNK, make_app
from storage.database import Database
from storage.settings import Settings
from worker import tasks

AWAY = ServiceUnreachable("the database does not answer")


@pytest.fixture
def app(settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Celery:
    # without the hook into Celery's processes, which would outlive the test
    monkeypatch.setattr(tasks.signals.worker_process_init, "connect", lambda **_: lambda hook: hook)
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


def test_a_nightly_run_is_tried_again_as_the_same_message(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def run_nightly(_database: Any, _settings: Any, _schedule: int, message_id: str) -> str:
        seen.append(message_id)
        if len(seen) < 5:
            raise AWAY
        return "a batch"

    monkeypatch.setattr(tasks, "run_nightly", run_nightly)
    monkeypatch.setattr(tasks, "send_due", lambda *_: 0)
    done = app.tasks[NIGHTLY].apply(args=[1], task_id="night-1")  # in this process, without the pauses
    assert done.successful()
    assert seen == ["night-1"] * 5
