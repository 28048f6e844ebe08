"""A data folder, the processes started on it, and the means to harm those."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harm import truth
from storage.counts import Counts, batch_ids, counts
from storage.database import Database, url_of
from storage.settings import Settings

SCREEN = str(Path(sys.executable).with_name("screen"))
DEADLINE_SECONDS = 300.0  # a wait that takes longer has found a hang, also on a machine that is busy

REST = 4.0  # so many times what a look took


def until(condition: Callable[[], object], what: str) -> None:
    """Look until it holds. A look that takes a while is rarer: it must not take the core from what it waits for."""
    started = time.monotonic()
    deadline = started + DEADLINE_SECONDS
    while not condition():
        looked = time.monotonic()
        assert looked < deadline, f"{what} did not happen within {DEADLINE_SECONDS:.0f} s"
        time.sleep(max(0.02, min(REST * (looked - started), 0.5)))
        started = time.monotonic()


def descendants(pid: int) -> list[int]:
    """Processes started by a process and by those that it started, the nearest first."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = []
    queue = [pid]
    while queue:
        children = sorted(parents.get(queue.pop(0), []))
        found += children
        queue += children
    return found


def kill_all(process: subprocess.Popen[str]) -> None:
    """End a process, if it still runs, and those that it started."""
    if process.poll() is None:
        for pid in [process.pid, *descendants(process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass
class Ward:
    """A data folder, the processes started on it, and what its database says."""

    home: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return Settings(self.home)

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DERMSCREEN_")}
        return kept | {"DERMSCREEN_HOME": str(self.home)}

    @property
    def program(self) -> list[str]:
        return [SCREEN]

    def start(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*self.program, *map(str, arguments)], env=self.environment | environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def run(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.program, *map(str, arguments)], env=self.environment | environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
        )  # fmt: skip

    def end(self) -> None:
        self.end_processes()
        self.run("down")

    def end_processes(self) -> None:
        """End every process that was started here, whatever state it is in."""
        for process in self.processes:
            kill_all(process)
            process.communicate(timeout=30)

    def running_chunks(self) -> int:
        path = self.home / "dermscreen.db"
        if not path.exists():
            return 0
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        try:
            return int(database.execute("SELECT count(*) FROM chunks WHERE state = 'running'").fetchone()[0])
        except sqlite3.OperationalError:  # the tables are just being made
            return 0
        finally:
            database.close()

    def counts(self) -> list[Counts]:
        database = Database(url_of(self.settings))
        try:
            with database.read() as session:
                return [counts(session, batch_id) for batch_id in batch_ids(session)]
        finally:
            database.close()

    def assert_nothing_lost(self, received: int) -> None:
        """The invariants of the only batch, and that all its images are screened."""
        database = Database(url_of(self.settings))
        try:
            with database.read() as session:
                [batch_id] = batch_ids(session)
            found = truth.check(database, batch_id, None, received)
        finally:
            database.close()
        assert found.ended == {}
