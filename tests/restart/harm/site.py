"""A site whose worker has a stub in the network's place: everything else is what is shipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from harm import truth
from harm.pictures import draw_many
from harm.ward import Ward, kill_all, until
from harm.work import Work, command_of, keep_log
from models.checksum import sha256_hex
from models.manifest import parse
from scheduler import embedded_valkey
from scheduler.broker import KEY_PREFIX, QUEUE, Broker, connect
from scheduler.celery_app import make_app
from scheduler.collect import Collection
from scheduler.dispatch import send_due
from scheduler.intake import Request, examine, take_in
from storage.counts import counts
from storage.database import Database
from storage.migrate import open_database
from storage.registry import give_role
from storage.schema import AuditEvent, Chunk
from storage.settings import Settings
from storage.states import BatchState, ChunkState, Role

PROGRAMS = Path(__file__).parents[1] / "programs"
MODEL = "stub-1"
WEIGHTS = bytes(range(256))
TIMES = "MATRIX_TIMES"  # in the environment: a file for the measured recovery times (docs/reliability.md)

_MANIFEST: dict[str, Any] = {
    "format": 1,
    "name": MODEL,
    "architecture": "none",
    "input_size": 32,
    "preprocessing": "square-1",
    "labels": ["benign", "malignant"],
    "weights": {"file": "weights.safetensors", "sha256": sha256_hex(WEIGHTS)},
    "operating_points": {
        "sensitivity-95": {
            "threshold": 0.45,
            "chosen_for": "sensitivity 0.95",
            "chosen_on": "validation",
            "expected": {},
        }
    },
    "default_operating_point": "sensitivity-95",
    "metrics": {},
    "training": {},
}


@dataclass
class Site(Ward):
    """A data folder with the stub's model version active, its database open for the test itself."""

    undisturbed: truth.Scores = field(default_factory=dict)
    database_url: str | None = None
    works: list[Work] = field(default_factory=list)
    _harmed: float = 0.0

    def __post_init__(self) -> None:
        folder = self.home / "models" / MODEL
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps(_MANIFEST), encoding="utf-8")
        (folder / "weights.safetensors").write_bytes(WEIGHTS)
        (self.home / "gate").mkdir()
        self.settings.make_home()
        self.database: Database = open_database(self.settings)
        with self.database.write() as session:
            give_role(session, Role.ACTIVE, parse(json.dumps(_MANIFEST)), "the fault tests")

    @property
    def weights(self) -> Path:
        return self.home / "models" / MODEL / "weights.safetensors"

    @property
    def settings(self) -> Settings:
        return Settings(self.home, database_url=self.database_url)

    @property
    def environment(self) -> dict[str, str]:
        given = super().environment
        return given | ({"DERMSCREEN_DATABASE_URL": self.database_url} if self.database_url else {})

    @property
    def program(self) -> list[str]:
        return [sys.executable, str(PROGRAMS / "stubbed_screen.py")]

    def broker(self) -> Broker:
        """The site's broker, started if it does not run."""
        return connect(self.settings)

    def queue(self) -> int:
        """Messages in the queue."""
        return self.broker().messages()

    def held_messages(self) -> int:
        """Messages that a worker took and has not confirmed."""
        with self.broker().client() as client:
            return int(client.hlen(f"{KEY_PREFIX}unacked"))

    def push(self, *messages: bytes) -> None:
        """Put raw messages into the queue, the first to be read first."""
        with self.broker().client() as client:
            client.lpush(KEY_PREFIX + QUEUE, *messages)

    # --- work

    def worker(self, *, ready: bool = True, **environment: str) -> Work:
        """Start a `screen worker` and wait until it could screen."""
        log = self.home / "logs" / f"work-{len(self.works)}.log"
        log.touch()
        # through a pipe, which a full disk does not stop
        process = subprocess.Popen(
            [*self.program, "worker", "--device", "cpu"], env=self.environment | environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        keeper = threading.Thread(target=keep_log, args=(process.stderr, log), daemon=True)
        keeper.start()
        self.works.append(Work(process, log, keeper))
        if ready:
            until(lambda: self.works[-1].said(" ready."), "a worker that is ready")
        return self.works[-1]

    def run_program(self, name: str, *arguments: object) -> Any:
        """Run a program of this folder to its end; returns what it printed as JSON."""
        command = [sys.executable, str(PROGRAMS / name), *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    def end_processes(self) -> None:
        for work in self.works:
            kill_all(work.process)
            work.process.wait(30)
            work.keeper.join(30)  # it reads until nobody has the pipe any more
        super().end_processes()

    def end(self) -> None:
        self.open_gate()
        self.end_processes()
        embedded_valkey.stop(self.settings)
        self.database.close()

    # --- the gate in the network

    def close_gate(self) -> None:
        (self.home / "gate" / "closed").touch()

    def open_gate(self) -> None:
        (self.home / "gate" / "closed").unlink(missing_ok=True)

    def at_gate(self) -> list[int]:
        """Processes that wait at the gate, in the middle of a chunk."""
        noted = [int(path.name) for path in (self.home / "gate").iterdir() if path.name.isdigit()]
        return [pid for pid in noted if command_of(pid)]  # some were killed there

    @contextmanager
    def stopped_at_gate(self) -> Iterator[int]:
        """A process in the middle of a chunk until the end of the block."""
        until(self.at_gate, "a worker in the middle of a chunk")
        try:
            yield self.at_gate()[0]
        finally:
            self.open_gate()

    # --- batches

    def draw(self, number: int = 130, harmful: dict[int, bytes] | None = None) -> Path:
        """A folder of pictures that nobody has scored yet: by default three chunks."""
        folders = self.home / "pictures"
        return draw_many(folders / str(len(list(folders.glob("*")))), number, harmful)

    def record(self, folder: Path) -> str:
        """Record a batch; nothing is sent yet."""
        return take_in(self.database, self.settings, Request(), map(examine, Collection([str(folder)])))

    def send(self) -> int:
        return send_due(self.database, make_app(self.broker()))

    def hand_in(self, folder: Path) -> str:
        """Record a batch and queue it."""
        batch_id = self.record(folder)
        self.send()
        return batch_id

    def harmed(self) -> None:
        """The harm was done (or, where it lasts, is over): from here recovery is measured."""
        self._harmed = time.monotonic()

    def complete(self, batch_id: str, received: int = 130, *, name: str = "") -> truth.Found:
        """Wait for the end of a batch, and assert all that must hold of it."""
        until(lambda: self._state(batch_id) == BatchState.COMPLETE, f"the end of batch {batch_id}")
        if name and (times := os.environ.get(TIMES)):
            with Path(times).open("a", encoding="utf-8") as file:
                file.write(f"{name}\t{time.monotonic() - self._harmed:.1f}\n")
        return truth.check(self.database, batch_id, self.undisturbed, received)

    def _state(self, batch_id: str) -> str:
        with self.database.read() as session:
            return counts(session, batch_id).state

    def chunks(self, state: ChunkState) -> int:
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(Chunk).where(Chunk.state == state)) or 0

    def events(self, batch_id: str, event: str) -> int:
        query = select(func.count()).where(AuditEvent.batch_id == batch_id, AuditEvent.event == event)
        with self.database.read() as session:
            return session.scalar(query) or 0
