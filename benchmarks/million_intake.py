"""The first stage of ``benchmarks.million``: ``screen submit`` up to the commit, and who has to wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

from models.checksum import sha256_hex
from models.errors import PassingFault
from scheduler.collect import Collection
from scheduler.intake import Request, examine, take_in
from storage import audit
from storage.batch_writer import CHUNK_IMAGES, Received
from storage.database import Database, Session
from storage.migrate import open_database
from storage.settings import Settings

REAL = 20 * CHUNK_IMAGES  # files with bytes of their own, first in the folder; the others are hard links to one of them

Measured = dict[str, float]


@contextmanager
def timed(name: str, into: Measured) -> Iterator[None]:
    """Wall and processor seconds of the block; the latter do not grow when the machine has other work."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    into[f"{name}_wall"], into[f"{name}_cpu"] = time.perf_counter() - wall, time.process_time() - cpu


def told_apart(received: Iterable[Received]) -> Iterator[Received]:
    """Gives each hard link a checksum of its own; otherwise all would be duplicates of one picture."""
    for number, item in enumerate(received):
        yield item if number < REAL else replace(item, checksum=sha256_hex(f"{item.checksum} {number}".encode()))


def intake(settings: Settings, database: Database, folder: Path, _number: int) -> Measured:
    """``screen submit`` up to the commit: reading, working out the rows, and the transaction that writes them."""
    found: Measured = {}
    read_wall = read_cpu = 0.0
    another = AnotherWriter(open_database(settings))

    def until_read(received: Iterable[Received]) -> Iterator[Received]:
        nonlocal read_wall, read_cpu
        yield from received
        read_wall, read_cpu = time.perf_counter(), time.process_time()
        another.start()

    files = told_apart(map(examine, Collection([str(folder)], scratch=settings.home)))
    started_wall, started_cpu = time.perf_counter(), time.process_time()
    with noted_lock(database, found):
        take_in(database, settings, Request(), until_read(files))
    found["read_wall"], found["read_cpu"] = read_wall - started_wall, read_cpu - started_cpu
    found["write_wall"], found["write_cpu"] = time.perf_counter() - read_wall, time.process_time() - read_cpu
    found["waited_wall"] = another.stop()
    return found


@contextmanager
def noted_lock(database: Database, into: Measured) -> Iterator[None]:
    """How long the last transaction of the block took that wrote: that of the batch."""
    write = database.write

    @contextmanager
    def noted() -> Iterator[Session]:
        with timed("lock", into), write() as session:
            yield session

    with mock.patch.object(database, "write", noted):
        yield


class AnotherWriter(threading.Thread):
    """Somebody who takes the lock of writers twenty times a second, and notes the longest wait for it."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database, self._done, self._longest = database, threading.Event(), 0.0

    def run(self) -> None:
        while not self._done.wait(0.05):
            self._take(time.perf_counter())

    def _take(self, since: float) -> None:
        while True:
            try:
                with self._database.write() as session:
                    session.connection()
                    audit.lock(session)
                    self._longest = max(self._longest, time.perf_counter() - since)
                return
            except PassingFault:
                continue  # it was busy for 30 s

    def stop(self) -> float:
        """The longest wait in seconds."""
        self._done.set()
        self.join()
        self._database.close()
        return self._longest
