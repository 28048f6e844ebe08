"""From the database to the queue and, when the queue has lost everything, once more."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from sqlalchemy import update

from models.errors import ServiceUnreachable
from scheduler import embedded_valkey
from scheduler.broker import Broker, connect
from scheduler.celery_app import make_app
from scheduler.dispatch import LOST_AFTER_SECONDS, RESEND_VISIBILITIES, recover, send_due
from storage.batch_writer import Received
from storage.chunks import Claim, claim
from storage.clock import db_now
from storage.database import Database
from storage.schema import Chunk, Image
from storage.settings import Settings

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Images = Callable[..., list[Image]]
Count = Callable[..., int]

LIST = "dermscreen:screening"


@pytest.fixture
def app(broker: Broker) -> Iterator[Celery]:
    made = make_app(broker)
    yield made
    made.close()


def messages(broker: Broker) -> list[bytes]:
    with broker.client() as client:
        return list(client.lrange(LIST, 0, -1))


def bodies(broker: Broker) -> list[Any]:
    return [json.loads(base64.b64decode(json.loads(message)["body"])) for message in messages(broker)]


def chunk_held(broker: Broker) -> str:
    """The chunk of the one message that a worker holds."""
    with broker.client() as client:
        (held,) = client.hvals("dermscreen:unacked")
    ((chunk_id,), _, _) = json.loads(base64.b64decode(json.loads(held)["body"]))
    return str(chunk_id)


def sent_long_ago(database: Database, seconds: float) -> None:
    with database.write() as session:
        session.execute(update(Chunk).where(Chunk.sent_at.is_not(None)).values(sent_at=db_now(-seconds)))


@pytest.fixture
def one_image_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.batch_preparation.CHUNK_IMAGES", 1)


def test_every_due_chunk_gets_one_message_with_its_id_and_nothing_else(
    database: Database, broker: Broker, app: Celery, submit: Submit, received: Make, images: Images,
    one_image_a_chunk: None,
) -> None:  # fmt: skip
    batch_id = submit(database, received(3))
    assert send_due(database, app) == 3
    sent = bodies(broker)
    assert sorted(args[0] for args, _, _ in sent) == sorted(str(row.chunk_id) for row in images(database, batch_id))
    assert [(len(args), named) for args, named, _ in sent] == [(1, {})] * 3
    assert {json.loads(message)["headers"]["task"] for message in messages(broker)} == {"dermscreen.screen_chunk"}
    assert {row.state for row in images(database, batch_id)} == {"queued"}
    assert broker.messages() == 3


def test_no_name_goes_over_the_wire(
    database: Database, broker: Broker, app: Celery, submit: Submit, received: Make
) -> None:
    rows = received(2, folder="/ward/Musterfrau")
    batch_id = submit(database, rows, site="Ward-Secret", submitter="nurse-secret")
    send_due(database, app)
    with broker.client() as client:
        keys = sorted(client.keys())
        assert [key for key in keys if not key.startswith(b"dermscreen:")] == []
        (raw,) = client.lrange(LIST, 0, -1)
    seen = (raw + base64.b64decode(json.loads(raw)["body"])).decode()
    for secret in ("Musterfrau", "ward", ".jpg", "Ward-Secret", "nurse-secret", str(rows[0].checksum), batch_id):
        assert secret not in seen


def test_what_was_sent_is_not_sent_again(
    database: Database, broker: Broker, app: Celery, submit: Submit, received: Make
) -> None:
    submit(database, received(1))
    assert (send_due(database, app), send_due(database, app)) == (1, 0)
    assert broker.messages() == 1


def test_more_chunks_than_a_page(
    database: Database, broker: Broker, app: Celery, submit: Submit, received: Make, one_image_a_chunk: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("scheduler.dispatch.PAGE", 2)
    submit(database, received(5))
    assert send_due(database, app) == 5
    assert len({args[0] for args, _, _ in bodies(broker)}) == 5


def test_without_a_broker_the_chunks_stay_due(
    database: Database, settings: Settings, broker: Broker, app: Celery, submit: Submit, received: Make, images: Images
) -> None:
    batch_id = submit(database, received(1))
    embedded_valkey.stop(settings)
    with pytest.raises(ServiceUnreachable, match="the images are recorded and will be queued when it does"):
        send_due(database, app)
    with pytest.raises(ServiceUnreachable):
        recover(database, broker, app)
    assert images(database, batch_id)[0].state == "waiting"
    connect(settings)
    assert send_due(database, app) == 1
    assert broker.messages() == 1


def test_a_broker_that_is_gone_is_given_up_soon(
    sqlite_database: Database, submit: Submit, received: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(sqlite_database, received(1))
    slept: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", slept.append)
    with pytest.raises(ServiceUnreachable):
        send_due(sqlite_database, make_app(Broker("redis+socket:///nowhere/valkey.sock", embedded=False)))
    assert 0.5 < sum(slept) < 2.0


def test_recovery_sends_again_what_a_wiped_broker_lost(
    database: Database, broker: Broker, app: Celery, submit: Submit, received: Make, one_image_a_chunk: None
) -> None:
    submit(database, received(3))
    send_due(database, app)
    before = sorted(args[0] for args, _, _ in bodies(broker))
    with broker.client() as client:
        client.flushall()
    assert recover(database, broker, app) == {"taken_back": 0, "lost_messages": 0, "sent": 0}  # too young to be lost
    sent_long_ago(database, LOST_AFTER_SECONDS + 1)
    assert recover(database, broker, app) == {"taken_back": 0, "lost_messages": 3, "sent": 3}
    assert sorted(args[0] for args, _, _ in bodies(broker)) == before
    assert recover(database, broker, app) == {"taken_back": 0, "lost_messages": 0, "sent": 0}


def test_while_messages_wait_in_the_queue_patience_is_longer(
    database: Database, broker: Broker, app: Celery, submit: Submit, received: Make
) -> None:
    submit(database, received(1))
    send_due(database, app)
    sent_long_ago(database, LOST_AFTER_SECONDS + 1)
    assert recover(database, broker, app)["lost_messages"] == 0
    submit(database, received(1))
    send_due(database, app)
    with broker.client() as client:
        client.rpop(LIST)
    sent_long_ago(database, LOST_AFTER_SECONDS + 1)
    assert recover(database, broker, app)["lost_messages"] == 0
    sent_long_ago(database, RESEND_VISIBILITIES * broker.visibility_seconds + 1)
    assert recover(database, broker, app) == {"taken_back": 0, "lost_messages": 2, "sent": 2}


def test_old_messages_that_are_all_there_are_not_sent_again(
    database: Database, broker: Broker, app: Celery, submit: Submit, received: Make,
    one_image_a_chunk: None,
) -> None:  # fmt: skip
    submit(database, received(4))
    send_due(database, app)
    sent_long_ago(database, RESEND_VISIBILITIES * broker.visibility_seconds + 1)
    nothing = {"taken_back": 0, "lost_messages": 0, "sent": 0}
    assert recover(database, broker, app) == nothing
    with broker.client() as client:  # in the hands of a worker that has not claimed its chunk yet
        client.hset("dermscreen:unacked", "tag", client.rpop(LIST))
    assert recover(database, broker, app) == nothing
    with database.write() as session:  # and now it has
        claim(session, chunk_held(broker), "elsewhere/-/1/1")
    assert recover(database, broker, app) == nothing
    with broker.client() as client:
        client.rpop(LIST)
    assert recover(database, broker, app) == {"taken_back": 0, "lost_messages": 3, "sent": 3}


def test_recovery_takes_lost_chunks_back_and_sends_their_halves(
    database: Database, broker: Broker, app: Celery, submit: Submit, received: Make,
    take: Callable[..., list[Claim]], count: Count,
) -> None:  # fmt: skip
    submit(database, received(2))
    take(database)
    with database.write() as session:
        session.execute(update(Chunk).values(lease_until=db_now(-1)))
    assert recover(database, broker, app) == {"taken_back": 1, "lost_messages": 0, "sent": 2}
    assert broker.messages() == 2
    assert count(database, Chunk, Chunk.state == "waiting", Chunk.sent_at.is_not(None)) == 2


def test_batches_still_in_their_inbox_are_not_sent(
    database: Database, broker: Broker, app: Celery, submit: Submit, received: Make
) -> None:
    submit(database, received(1), inbox="/inbox")
    assert send_due(database, app) == 0
    assert recover(database, broker, app)["sent"] == 0
    assert broker.messages() == 0
