"""A paused site hands nothing out, and says who paused it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from models.manifest import Manifest
from storage import audit, pause
from storage.batch_writer import Received
from storage.database import Database
from storage.recovery import due_chunks, mark_sent
from storage.registry import active_model, give_role
from storage.schema import Chunk, Image
from storage.states import Role

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Images = Callable[..., list[Image]]
Events = Callable[..., list[str]]


def turn(database: Database, *, on: bool, actor: str = "dr jones") -> bool:
    with database.write() as session:
        return pause.turn(session, on=on, actor=actor)


def who(database: Database) -> str | None:
    with database.read() as session:
        found = pause.paused(session)
    return found.actor if found else None


def test_the_switch_turns_and_each_turn_is_an_audit_event(database: Database, events: Events) -> None:
    assert who(database) is None
    assert not turn(database, on=False)
    assert turn(database, on=True)
    assert not turn(database, on=True, actor="dr smith")
    assert who(database) == "dr jones"
    assert turn(database, on=False)
    assert who(database) is None
    assert turn(database, on=True, actor="dr smith")
    assert who(database) == "dr smith"
    assert events(database) == ["site.paused", "site.resumed", "site.paused"]
    with database.read() as session:
        assert audit.verify(session) == 3


def test_of_two_at_once_one_pauses(database: Database, at_once: Callable[..., list[object]]) -> None:
    assert sorted(map(str, at_once([lambda: turn(database, on=True)] * 3))) == ["False", "False", "True"]


def test_roles_of_model_versions_and_the_switch_do_not_meet(database: Database, manifest: Manifest) -> None:
    turn(database, on=True)
    with database.write() as session:
        give_role(session, Role.ACTIVE, manifest, "dr jones")
        assert active_model(session) == manifest.name
    assert who(database) == "dr jones"


def test_a_message_that_came_while_paused_is_sent_again_later(
    database: Database, submit: Submit, received: Make, images: Images
) -> None:
    batch_id = submit(database, received(1))
    with database.write() as session:
        (chunk_id,) = due_chunks(session, 10)
        mark_sent(session, [chunk_id])
        assert due_chunks(session, 10) == []
    assert images(database, batch_id)[0].state == "queued"
    with database.write() as session:
        pause.put_off(session, chunk_id)
        assert due_chunks(session, 10) == [chunk_id]
    assert images(database, batch_id)[0].state == "waiting"


def test_a_chunk_in_hand_is_not_put_off(
    database: Database, submit: Submit, received: Make, images: Images, take: Callable[..., list[object]]
) -> None:
    batch_id = submit(database, received(1))
    take(database)
    with database.write() as session:
        pause.put_off(session, session.scalars(select(Chunk.id)).one())
    assert images(database, batch_id)[0].state == "running"
