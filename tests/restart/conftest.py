"""Harm done for real, to processes that the test itself started."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.drawn_lesions import draw_lesion
from storage import audit
from storage.counts import Counts, batch_ids, counts
from storage.database import Database, url_of
from storage.settings import Settings

SCREEN = str(Path(sys.executable).with_name("screen"))
DEADLINE_SECONDS = 150.0


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {DEADLINE_SECONDS:.0f} s"
        time.sleep(0.02)


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


@dataclass
class Ward:
    """A data folder, the processes started on it, and what its database says."""

    home: Path
    processes: list["subprocess.Popen[str]"]

    @property
    def settings(self) -> Settings:
        return Settings(self.home)

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DERMSCREEN_")}
        return kept | {"DERMSCREEN_HOME": str(self.home)}

    def start(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [SCREEN, *map(str, arguments)], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def run(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [SCREEN, *map(str, arguments)], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=DEADLINE_SECONDS, check=False,
        )  # fmt: skip

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
        """The invariants, read from the database itself."""
        [total] = self.counts()
        assert total.state == "complete"
        assert total.adds_up
        assert (total.received, total.screened, total.failed) == (received, received, 0)
        database = sqlite3.connect(self.home / "dermscreen.db")
        query = "SELECT count(*), count(DISTINCT checksum || model || preprocessing) FROM predictions"
        rows, distinct = database.execute(query).fetchone()
        decisions = database.execute("SELECT count(*) FROM decisions").fetchone()[0]
        database.close()
        assert (rows, distinct, decisions) == (received, received, received)
        chain = Database(url_of(self.settings))
        with chain.read() as session:
            assert audit.verify(session) > received
        chain.close()


@pytest.fixture(name="until")
def until_fixture() -> Callable[[Callable[[], object], str], None]:
    return until


@pytest.fixture(name="descendants")
def descendants_fixture() -> Callable[[int], list[int]]:
    return descendants


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path / "home", [])
    yield made
    for process in made.processes:
        if process.poll() is None:
            for pid in [process.pid, *descendants(process.pid)]:
                os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=30)
    made.run("down")


@pytest.fixture(scope="session")
def many_lesions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 sound pictures, seven chunks, large enough that a chunk takes a while."""
    folder = tmp_path_factory.mktemp("many")
    base = [draw_lesion(seed, width=600, height=450, malignant=seed % 2 == 1) for seed in range(8)]
    for number in range(400):
        picture = base[number % 8].copy()
        picture.putpixel((0, 0), (number % 256, number // 256, 7))
        picture.save(folder / f"{number}.png", compress_level=1)
    return folder
