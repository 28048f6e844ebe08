"""Waiting for a batch, with a worker of our own when nobody else would screen it."""

from __future__ import annotations

import fcntl
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cli.output import talk
from cli.progress import progress
from cli.stopping import counted_stops
from cli.troubles import Troubles
from models.errors import PassingFault

if TYPE_CHECKING:
    from scheduler.broker import Broker
    from storage.counts import Counts
    from storage.database import Database
    from storage.settings import Settings

POLL_SECONDS = 0.1
REST = 4.0  # after counting a batch, so many times what it took: of a million images it takes a while
LOOK_FOR_WORKER_SECONDS = 1.0
COMPLAIN_SECONDS = 15.0


class WorkerKeeper:
    """Keeps a worker running on the embedded broker while no other is alive. Call ``tick`` often.

    A lock in the data folder lets one command at a time do this, so two submits share one worker.
    """

    def __init__(self, settings: Settings, database: Database, broker: Broker, device: str = "auto") -> None:
        self._settings, self._database, self._broker, self._device = settings, database, broker, device
        self.troubles = Troubles()  # of the whole loop, whose other parts may note theirs too
        self._supervisor: Any = None
        self._lock: Any = None
        self._log: Any = None
        self._looked = 0.0
        self._complained = time.monotonic()

    def tick(self, *, needed: bool = True) -> None:
        """Look after our worker; where none is alive and one is needed, start it. Of no answer it makes a trouble.

        Raises ModelInvalid when it refuses to screen.
        """
        if self._supervisor is not None:
            self._supervisor.tick()
            return
        if not needed:
            return
        now = time.monotonic()
        if now - self._looked < LOOK_FOR_WORKER_SECONDS:
            return
        self._looked = now
        with self.troubles.passing("worker"):
            self._see_to_a_worker(now)

    def _see_to_a_worker(self, now: float) -> None:
        from storage import workers

        with self._database.read() as session:
            alive = workers.alive(session)
        if alive:
            return
        if self._broker.embedded:
            self._start()
        elif now - self._complained > COMPLAIN_SECONDS:
            self._complained = now
            talk("No worker is alive: the images wait. Start one with `screen worker`.")

    def _start(self) -> None:
        lock = (self._settings.home / "worker.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()  # another command is starting one
            return
        from worker.supervisor import Supervisor

        talk("Starting a worker; loading the network takes some seconds.")
        self._lock = lock
        self._log = (self._settings.logs / "worker.log").open("ab")
        self._supervisor = Supervisor(self._settings, self._database, self._broker, self._device)
        try:
            self._supervisor.start(self._log)
        except PassingFault:
            self._supervisor = None  # it never began; the next look makes another
            self._close()
            raise

    def stop(self, at_once: Callable[[], bool] = lambda: False) -> None:
        """Stop our worker, if we started one; it hands its chunk back when ``at_once`` says so."""
        if self._supervisor is not None:
            self._supervisor.stop(at_once)
            self._supervisor = None
        self._close()

    def _close(self) -> None:
        for file in (self._log, self._lock):
            if file is not None:
                file.close()
        self._log = self._lock = None


@contextmanager
def worker_while_needed(settings: Settings, database: Database, broker: Broker) -> Iterator[WorkerKeeper]:
    """A WorkerKeeper whose worker is stopped at the end of the block, also on Ctrl-C and SIGTERM."""
    keeper = WorkerKeeper(settings, database, broker)
    with sigterm_as_interrupt():
        try:
            yield keeper
        finally:
            with counted_stops() as requests:
                keeper.stop(requests.insisted())


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the block like Ctrl-C does, so that its clean-up runs."""

    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def wait_for(batch_id: str, settings: Settings, database: Database, broker: Broker) -> Counts:
    """Wait until a batch is complete and return its counts."""
    from storage.counts import counts

    with worker_while_needed(settings, database, broker) as keeper, progress("Screening") as bar:
        due = 0.0
        first = True
        while True:
            started = time.monotonic()
            if started >= due:
                with database.read() as session:
                    now = counts(session, batch_id)
                if first:
                    bar.starts_at(now.finished)
                    first = False
                bar.update(now.finished, now.received, note=f"{now.flagged} flagged")
                if now.state == "complete":
                    return now
                due = started + (1 + REST) * (time.monotonic() - started)
            keeper.tick()
            time.sleep(POLL_SECONDS)
