"""A running `screen worker`, its processes and its log."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harm.ward import descendants, until


@dataclass
class Work:
    """A running `screen worker`: its supervisor, and what that started."""

    process: subprocess.Popen[str]
    log: Path
    keeper: threading.Thread  # of the log

    @property
    def celery(self) -> int:
        """The Celery process: the first one that the supervisor started."""
        until(lambda: len(self.processes) > 1, "a Celery process")
        return self.processes[1]

    @property
    def processes(self) -> list[int]:
        """Supervisor, Celery process, the process that screens. A Valkey that the supervisor started is none."""
        ours = [pid for pid in descendants(self.process.pid) if b"stubbed_worker.py" in command_of(pid)]
        return [self.process.pid, *ours]

    def said(self, text: str) -> int:
        return self.log.read_text(encoding="utf-8").count(text)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor and all its processes."""
        for pid in self.processes:
            os.kill(pid, number)


def keep_log(lines: IO[str], log: Path) -> None:
    with lines, log.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line)
            file.flush()


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""
