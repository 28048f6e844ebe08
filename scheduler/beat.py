"""Celery's beat: ``python -P -m scheduler.beat``. It remembers in the data folder what it has sent."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from functools import partial

from celery import Celery
from celery.beat import Service

from scheduler.broker import connect
from scheduler.celery_app import make_app
from scheduler.nightly import schedule_app
from scheduler.owed import NightScheduler
from storage.database import Database
from storage.migrate import open_database
from storage.settings import Settings, from_environment

PARENT_CHECK_SECONDS = 2.0
LONGEST_SLEEP_SECONDS = 5  # between two looks at the timetable


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # as SystemExit, so that beat writes down what it has sent before it ends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = from_environment()
    database = open_database(settings)
    service = make_service(schedule_app(make_app(connect(settings)), database), settings, database)
    threading.Thread(target=_stop_with_parent, args=(service, os.getppid()), daemon=True).start()
    service.start()


def make_service(app: Celery, settings: Settings, database: Database) -> Service:
    """Beat for a timetable, as the one application of this process."""
    # entries that beat reads back from its file know no application and ask the current one for the time zone: an
    # application that is not current has its cron times taken for UTC
    app.set_default()
    app.set_current()
    return Service(
        app,
        max_interval=LONGEST_SLEEP_SECONDS,
        schedule_filename=str(settings.home / "beat-schedule"),
        scheduler_cls=partial(NightScheduler, database=database),
    )


def _stop_with_parent(service: Service, parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    service.stop()


if __name__ == "__main__":
    main()
