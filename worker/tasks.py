"""The Celery tasks, and what happens in a worker's processes around them."""

from __future__ import annotations

import logging
import os

from celery import Celery, Task, signals
from celery.exceptions import Reject
from celery.utils.log import get_task_logger

from models.errors import DermscreenError, Handling, PassingFault, handling_of
from scheduler.broker import Broker
from scheduler.celery_app import NIGHTLY, NIGHTLY_SECONDS, RECOVER, SCREEN_CHUNK
from scheduler.dispatch import recover, send_due
from scheduler.nightly import give_up, run_nightly
from storage.audit.checkpoints import take_if_due
from storage.chunks import backoff_seconds
from storage.database import Database
from storage.exports import write_due_exports
from storage.processes import WORKER_ID
from storage.registry import active_model
from storage.settings import Settings
from worker.networks import Loader, Networks, load_network
from worker.runner import Runner, patiently

log = get_task_logger(__name__)

NIGHT_TRIES = 4  # of one message, passing faults among them: `screen beat` sends a night that failed once more
CONSUMER = "worker.consumer:CheckedConsumer"


def register(app: Celery, settings: Settings, database: Database, broker: Broker, load: Loader = load_network) -> None:
    """Give an application its tasks. Each takes ids and nothing else; a night also its minute."""
    app.conf.worker_consumer = CONSUMER
    networks = Networks(settings.home, load)
    runner = Runner(database, networks, os.environ.get(WORKER_ID, ""), settings.lease_seconds)

    @app.task(name=SCREEN_CHUNK, shared=False)
    def screen_chunk(chunk_id: str) -> None:
        try:
            log.info("chunk %s: %s", chunk_id, runner.run(chunk_id))
        except PassingFault as fault:  # the database has been away for long: the message stays, and so does the chunk
            log.warning("chunk %s goes back to the queue: %s", chunk_id, fault)
            raise Reject(str(fault), requeue=True) from fault

    # ended for its length it loses nothing: each step is whole or not at all, and it comes again in a minute
    @app.task(name=RECOVER, shared=False)
    def recover_task() -> None:
        try:
            log.info("recover: %s", recover(database, broker, app))
            write_due_exports(database)
            take_if_due(database, settings)
        except PassingFault as fault:
            log.warning("%s; again in a minute", fault)

    # a retry keeps the minute that was due, so it makes the same batch and never a second one
    @app.task(name=NIGHTLY, shared=False, bind=True, time_limit=NIGHTLY_SECONDS, max_retries=None)
    def nightly(self: Task, schedule_id: int, due: str) -> None:
        try:
            log.info("nightly %d of %s: batch %s", schedule_id, due, run_nightly(database, settings, schedule_id, due))
            send_due(database, app)
        except Exception as error:
            tries = self.request.retries + 1
            if not _again(runner, database, error, (schedule_id, due), tries):
                raise
            ours = error if isinstance(error, DermscreenError) else None  # Celery logs its text; others' names files
            raise self.retry(exc=ours, countdown=backoff_seconds(tries)) from error

    @signals.worker_process_init.connect(weak=False)
    def after_fork(**_: object) -> None:
        database.after_fork()
        try:
            with database.read() as session:
                name = active_model(session)
            networks.get(name)  # once per process and before the first task, not in it
        except DermscreenError as error:
            logging.getLogger(__name__).critical("%s", error)  # the first chunk will say so and stop the worker


def _again(runner: Runner, database: Database, error: Exception, night: tuple[int, str], tries: int) -> bool:
    """Whether a night that met an error is tried again by the same message. One that is not has left a word.

    A message that no worker may keep, since its model is not valid here, waits for another worker; this one ends.
    """
    handling = handling_of(error)
    log.warning("nightly %d of %s met %s", *night, type(error).__name__)
    try:
        if handling is Handling.HANDED_BACK:
            log.critical("%s", error)
            patiently(lambda: runner.refuse(str(error)))
        elif handling is not Handling.AGAIN and tries >= NIGHT_TRIES:
            give_up(database, *night, type(error).__name__)
            return False
    except PassingFault as fault:  # of the word or the note: both are tried again with the night
        log.warning("%s", fault)
    return True
