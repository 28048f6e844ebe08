"""The supervisor of a worker: starts the Celery process, restarts it when it dies, and keeps recovery going.

It holds no network and no Celery pool of its own, so nothing that a picture or a message does to the worker
reaches it: an undecodable message makes a Celery worker exit (celery #4308), and the supervisor starts it again.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO

from models.catalogue import find
from models.errors import ModelInvalid, PassingFault
from scheduler.broker import Broker, connect
from scheduler.celery_app import make_app
from scheduler.dispatch import recover
from storage import configuration, workers
from storage.audit.checkpoints import take_if_due
from storage.database import Database
from storage.exports import write_due_exports
from storage.processes import WORKER_ID, identity, session_of
from storage.recovery import hand_back_held
from storage.registry import active_model
from storage.settings import Settings
from worker import device as devices

log = logging.getLogger(__name__)

# -P: the folder that a person works in may hold a models.py or a worker/ of its own
PROGRAM = ("-P", "-m", "worker")

RECOVER_SECONDS = 2.0
CHECKPOINT_SECONDS = 60.0  # between two looks whether a checkpoint of the audit trail is due
RESTART_SECONDS = 1.0  # doubled for each death in a row, at most RESTART_MAX_SECONDS
RESTART_MAX_SECONDS = 30.0
STEADY_SECONDS = 60.0  # a worker that lived so long starts anew without waiting
STOP_SECONDS = 40.0  # Celery's soft shutdown (30 s) and some
STOP_POLL_SECONDS = 0.05
_STDERR = 2  # the file descriptor: `sys.stderr` may be a test's


class Supervisor:
    """One worker. Call ``start``, then ``tick`` a few times a second, then ``stop``."""

    def __init__(self, settings: Settings, database: Database, broker: Broker, device: str = "auto") -> None:
        self._settings, self._database, self._broker = settings, database, broker
        self._app = make_app(broker)
        self.device = devices.resolve(device)
        self.worker_id = identity()
        self._child: subprocess.Popen[bytes] | None = None
        self._started = self._beat = self._recovered = self._checkpointed = 0.0
        self._deaths = 0
        self._restart_at = 0.0

    def start(self, output: IO[bytes] | None = None) -> None:
        """Check the weights, sign on, and start the Celery process. Raises ModelInvalid before anything runs."""
        with self._database.read() as session:
            name = active_model(session)
        refused: ModelInvalid | None = None
        try:
            find(name, self._settings.home).verify()
        except ModelInvalid as error:
            refused = error
        with self._database.write() as session:
            workers.sign_on(session, self.worker_id, socket.gethostname(), os.getpid(), self.device)
            configuration.note(session, self._settings)
            if refused is not None:  # `screen status` says so
                workers.refuse(session, self.worker_id, str(refused))
        if refused is not None:
            raise refused
        self._output = output
        self._spawn()

    def tick(self) -> None:
        """Look after the worker. Raises ModelInvalid when its processes refuse to screen."""
        now = time.monotonic()
        try:
            if now - self._beat >= workers.HEARTBEAT_SECONDS:
                self._beat = now
                with self._database.write() as session:
                    refused = workers.heartbeat(session, self.worker_id)
                if refused:
                    raise ModelInvalid(refused)
            if now - self._recovered >= RECOVER_SECONDS:
                self._recovered = now
                if self._broker.embedded:
                    connect(self._settings)  # our own server may have died: nobody else would start it again
                recover(self._database, self._broker, self._app)
                write_due_exports(self._database)
            if now - self._checkpointed >= CHECKPOINT_SECONDS:
                self._checkpointed = now
                take_if_due(self._database, self._settings)
        except PassingFault as fault:
            log.warning("%s; trying again", fault)
        self._look_after_child(now)

    def _look_after_child(self, now: float) -> None:
        if self._child is not None and self._child.poll() is not None:
            self._deaths = 0 if now - self._started > STEADY_SECONDS else self._deaths + 1
            pause = min(RESTART_MAX_SECONDS, RESTART_SECONDS * 2.0**self._deaths) if self._deaths > 1 else 0.0
            log.warning("the worker process ended with code %s; starting it again", self._child.returncode)
            self._child, self._restart_at = None, now + pause
        if self._child is None and now >= self._restart_at:
            self._spawn()

    def _spawn(self) -> None:
        self._started = time.monotonic()
        self._child = subprocess.Popen(
            [sys.executable, *PROGRAM, self.device],
            env=self._settings.as_environment() | {WORKER_ID: self.worker_id},
            stdin=subprocess.DEVNULL,
            stdout=_STDERR if self._output is None else self._output,  # Celery's banner is talk, not data
            stderr=self._output,
            start_new_session=True,  # Ctrl-C is for the supervisor, which then stops its child in good order
        )

    def stop(self, at_once: Callable[[], bool] = lambda: False) -> None:
        """Let the worker finish its chunk and sign off.

        The chunk is handed back when that takes too long, or as soon as ``at_once`` is true.
        """
        child = self._child
        if child is not None and child.poll() is None:
            child.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while child.poll() is None and not at_once() and time.monotonic() < deadline:
                time.sleep(STOP_POLL_SECONDS)
            if child.poll() is None:
                self._end(child)
        self._child = None
        try:
            with self._database.write() as session:
                workers.sign_off(session, self.worker_id)
        except PassingFault as fault:
            log.warning("%s; the worker stops without signing off, its silence will tell", fault)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """Hand the chunk back and end the worker's processes, in this order: of a dead holder it would be a fault."""
        try:
            with self._database.write() as session:
                number = hand_back_held(
                    session, lambda holder: session_of(holder) == child.pid, "its worker was stopped"
                )
            log.warning("the worker process is ended; chunks handed back: %d", number)
        except PassingFault as fault:
            log.warning("%s; the worker process is ended, its chunk will be taken back", fault)
        os.killpg(child.pid, signal.SIGKILL)  # its own session: the process and its pool, nothing else
        child.wait()
