"""From the database to the queue: every waiting chunk gets a message that carries its id and nothing else."""

from __future__ import annotations

from celery import Celery
from kombu.exceptions import OperationalError

from models.errors import ServiceUnreachable
from scheduler.broker import CONNECT_SECONDS, Broker
from scheduler.celery_app import SCREEN_CHUNK
from storage import recovery
from storage.database import Database
from storage.pause import paused

PAGE = 200  # chunks a transaction
LOST_AFTER_SECONDS = 15.0  # a message sent so long ago, and yet not in an empty queue, is lost
RESEND_VISIBILITIES = 2  # of the visibility timeout later a message is sent again: Celery has had its own chance
# A broker that is gone is given up after about 1.2 s (kombu's own patience is 6 s): whoever typed the command waits for
# it, and giving up costs nothing, since recovery sends what is due every 2 s. One that takes connections and is mute
# is given up after the same time as elsewhere, not after the 30 s of a worker that waits for messages.
PATIENCE = {
    "max_retries": 3, "interval_start": 0.2, "interval_step": 0.2,
    "socket_timeout": CONNECT_SECONDS, "socket_connect_timeout": CONNECT_SECONDS,
}  # fmt: skip


def send_due(database: Database, app: Celery) -> int:
    """Send the chunks that are due, unless the site is paused. Returns how many messages went out.

    Crashing between the message and its note sends it twice, which harms nothing: one claim wins.
    Raises ServiceUnreachable when the broker is gone; the chunks stay due and lose nothing.
    """
    sent = 0
    while True:
        with database.read() as session:
            chunk_ids = [] if paused(session) else recovery.due_chunks(session, PAGE)
        if not chunk_ids:
            return sent
        try:
            with (
                app.connection_for_write(transport_options=PATIENCE) as connection,
                app.amqp.Producer(connection) as producer,
            ):
                for chunk_id in chunk_ids:
                    app.send_task(SCREEN_CHUNK, args=[chunk_id], producer=producer, retry=False)
        except (OperationalError, OSError) as error:
            raise ServiceUnreachable(
                f"the broker does not take messages ({error}); the images are recorded and will be queued when it does"
            ) from error
        with database.write() as session:
            recovery.mark_sent(session, chunk_ids)
        sent += len(chunk_ids)


def recover(database: Database, broker: Broker, app: Celery) -> dict[str, int]:
    """Once through everything that may have got lost; idempotent. Returns what was found, by kind.

    Raises ServiceUnreachable when the broker is gone, PassingFault when the database is busy.
    """
    messages = broker.messages()
    patience = RESEND_VISIBILITIES * broker.visibility_seconds if messages else LOST_AFTER_SECONDS
    taken_back = lost_messages = 0
    with database.read() as session:
        lost_chunks = bool(recovery.lost_chunks(session))
        overdue = recovery.messages_overdue(session, patience)
    if overdue and messages:
        overdue = _some_are_missing(database, broker)
    if lost_chunks or overdue:  # looked at again under the write lock, which an idle worker has no need to take
        with database.write() as session:
            taken_back = recovery.take_back_lost_chunks(session)
            lost_messages = recovery.forget_messages(session, patience) if overdue else 0
    return {"taken_back": taken_back, "lost_messages": lost_messages, "sent": send_due(database, app)}


def _some_are_missing(database: Database, broker: Broker) -> bool:
    """Whether fewer messages are left than chunks wait for one. A batch that takes a night has old messages, none lost.

    Without this, each half-hour would send again all that waits, and a batch of n images n * n messages in the end.
    """
    with database.read() as session:
        before = recovery.messages_out(session)
    found = broker.messages_and_held()
    with database.read() as session:  # again: chunks are sent and finished meanwhile
        return min(before, recovery.messages_out(session)) > found
