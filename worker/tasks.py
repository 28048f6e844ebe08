"""The Celery tasks, and what happens in a worker's processes around them."""

from __future__ import annotations

import logging
import os

from celery import Celery, signals
from celery.exceptions import Reject
from celery.utils.log import get_task_logger

from models.errors import DermscreenError, PassingFault
from scheduler.broker import Broker
from scheduler.celery_app import NIGHTLY, NIGHTLY_SECONDS, RECOVER, SCREEN_CHUNK
from scheduler.dispatch import recover, send_due
from scheduler.nightly import run_nightly
from storage.audit.checkpoints import take_if_due
from storage.chunks import BACKOFF_SECONDS, MAX_BACKOFF_SECONDS
from storage.database import Database
from storage.exports import write_due_exports
from storage.processes import WORKER_ID
from storage.registry import active_model
from storage.settings import Settings
from worker.networks import Loader, Networks, load_network
from worker.runner import Runner

log = get_task_logger(__name__)

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
    @app.task(
        name=NIGHTLY, shared=False, time_limit=NIGHTLY_SECONDS,
        autoretry_for=(PassingFault,), max_retries=None,
        retry_backoff=BACKOFF_SECONDS, retry_backoff_max=MAX_BACKOFF_SECONDS, retry_jitter=True,
    )  # fmt: skip
    def nightly(schedule_id: int, due: str) -> None:
        log.info("nightly %d of %s: batch %s", schedule_id, due, run_nightly(database, settings, schedule_id, due))
        send_due(database, app)

    @signals.worker_process_init.connect(weak=False)
    def after_fork(**_: object) -> None:
        database.after_fork()
        try:
            with database.read() as session:
                name = active_model(session)
            networks.get(name)  # once per process and before the first task, not in it
        except DermscreenError as error:
            logging.getLogger(__name__).critical("%s", error)  # the first chunk will say so and stop the worker
