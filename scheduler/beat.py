"""Celery's beat: ``python -P -m scheduler.beat``. It remembers in the data folder what it has sent."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time

from celery.beat import Service

from scheduler.broker import connect
from scheduler.celery_app import make_app
from scheduler.nightly import schedule_app
from storage.migrate import open_database
from storage.settings import from_environment

PARENT_CHECK_SECONDS = 2.0
LONGEST_SLEEP_SECONDS = 5  # between two looks at the timetable


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # as SystemExit, so that beat writes down what it has sent before it ends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = from_environment()
    app = schedule_app(make_app(connect(settings)), open_database(settings))
    service = Service(app, max_interval=LONGEST_SLEEP_SECONDS, schedule_filename=str(settings.home / "beat-schedule"))
    threading.Thread(target=_stop_with_parent, args=(service, os.getppid()), daemon=True).start()
    service.start()


def _stop_with_parent(service: Service, parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    service.stop()


if __name__ == "__main__":
    main()
