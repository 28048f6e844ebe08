"""The Celery worker process, started and watched by ``worker.supervisor``: ``python -P -m worker DEVICE``."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import bootsteps

from scheduler.broker import connect
from scheduler.celery_app import make_app
from storage.migrate import open_database
from storage.settings import from_environment
from worker import device
from worker.networks import Loader, load_network
from worker.tasks import register

PARENT_CHECK_SECONDS = 2.0


class StopWithParent(bootsteps.StartStopStep):
    """Ends the worker, gracefully, when its supervisor is gone: nobody else would tell the database about it."""

    requires = {"celery.worker.components:Timer"}  # noqa: RUF012 - celery's interface

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._supervisor = os.getppid()

    def start(self, parent: Any) -> None:
        parent.timer.call_repeatedly(PARENT_CHECK_SECONDS, self._check)

    def _check(self) -> None:
        if os.getppid() != self._supervisor:
            from celery.worker import state

            state.should_stop = 0


def main(load: Loader = load_network) -> None:
    device.apply(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    settings = from_environment()
    broker = connect(settings)
    app = make_app(broker)
    app.steps["worker"].add(StopWithParent)
    register(app, settings, open_database(settings), broker, load)
    app.set_current()
    app.worker_main(
        [
            "worker", "--pool=prefork", "--concurrency=1", "--loglevel=INFO",
            "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]
    )  # fmt: skip


if __name__ == "__main__":
    main()
