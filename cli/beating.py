"""The loop of `screen beat`: Celery's beat in a process of its own, a worker alongside where needed."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from cli.output import talk
from cli.waiting import worker_while_needed

if TYPE_CHECKING:
    from storage.database import Database
    from storage.settings import Settings

POLL_SECONDS = 0.5
STOP_SECONDS = 15.0


def beat(settings: Settings, database: Database) -> None:
    """Run the timetable until interrupted. Raises OurFault when Celery's beat ends by itself."""
    from models.errors import OurFault
    from scheduler.broker import connect

    broker = connect(settings)
    child: subprocess.Popen[bytes] | None = None
    try:
        with worker_while_needed(settings, database, broker) as keeper:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "scheduler.beat"],
                env=settings.as_environment(),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            while child.poll() is None:
                keeper.tick()
                time.sleep(POLL_SECONDS)
            raise OurFault(f"Celery's beat ended by itself with code {child.returncode}; see its last lines above")
    except KeyboardInterrupt:
        talk("Stopped; the timetable is kept.")
    finally:
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
