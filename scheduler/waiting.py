"""Why does a batch wait? What the database knows, and whether database and broker can be had at all."""

from __future__ import annotations

from models.errors import ServiceUnreachable
from scheduler import broker
from storage import waiting
from storage.database import Database
from storage.settings import Settings
from storage.waiting import Obstacle, Reason


def reasons(database: Database, settings: Settings) -> dict[str, list[Reason]]:
    """Why each open batch waits, by batch id; no reason: it is being screened or is next. Starts nothing."""
    with database.read() as session:
        found = waiting.of_batches(session)
        if not found:
            return {}
        site = waiting.of_the_site(session)
    try:
        broker.locate(settings).check()
    except ServiceUnreachable as error:
        text = "the embedded broker does not run; `screen worker` starts it" if settings.embedded_broker else str(error)
        site.append(Reason(Obstacle.BROKER_UNREACHABLE, text))
    if database.busy():
        text = "the database is busy: another writer holds its lock, and results wait until it lets go"
        site.append(Reason(Obstacle.DATABASE_BUSY, text))
    for own in found.values():
        told = {reason.code for reason in own}
        own += [reason for reason in site if reason.code not in told]
    return found
