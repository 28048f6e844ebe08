"""The summary of a night says what its CSV of flagged lesions cannot: the counts, and what nobody judged."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

from sqlalchemy import select

from storage.batch_writer import Received
from storage.chunks import Claim, Results
from storage.database import Database
from storage.report import NOTICE
from storage.schema import AuditEvent
from storage.summary import write_summary

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Screen = Callable[..., None]


def summary(database: Database, batch_id: str) -> str:
    file = StringIO()
    with database.read() as session:
        write_summary(file, session, batch_id, "flagged.csv")
    return file.getvalue()


def test_it_adds_up_and_lists_what_nobody_judged(
    database: Database, submit: Submit, received: Make, screen: Screen
) -> None:
    good, broken = received(3), received(1, folder="/ward/new\nline", reason="not an image")
    batch_id = submit(database, [*good, *broken])
    screen(database, {"/ward/0.jpg": (0.9, None), "/ward/1.jpg": (0.1, "blurred")})
    text = summary(database, batch_id)
    assert NOTICE in text
    assert "4 received = 3 screened + 0 duplicate + 1 rejected + 0 failed\n" in text
    assert "3 screened = 1 flagged + 1 for review + 1 clear\n" in text
    assert "The flagged lesions stand in flagged.csv.\n" in text
    assert "a person must look: 2\n\n  review    /ward/1.jpg: blurred\n" in text
    assert "  rejected  /ward/new\\nline/3.jpg: not an image\n" in text
    assert "/ward/0.jpg" not in text and "/ward/2.jpg" not in text


def test_it_ends_with_the_event_that_closed_the_batch(
    database: Database, submit: Submit, received: Make, screen: Screen
) -> None:
    batch_id = submit(database, received(1))
    screen(database)
    once = summary(database, batch_id)
    submit(database, received(1, folder="/later"))
    assert summary(database, batch_id) == once
    with database.read() as session:
        last = session.scalars(select(AuditEvent).filter_by(batch_id=batch_id, event="batch.completed")).one()
    assert once.endswith(f"complete: {last.seq}:{last.hash}\n")


def test_a_copy_of_an_image_that_nobody_judged_is_listed_too(
    database: Database, submit: Submit, received: Make, take: Callable[..., list[Claim]], finish: Callable[..., None]
) -> None:
    """Another patient's, it may be."""
    batch_id = submit(database, received("a", "a", "b", "b"))
    (held,) = take(database)
    broken, good = (image.id for image in held.images)
    finish(database, held, Results(scores={good: (0.1, None)}, rejected={broken: "not an image"}))
    text = summary(database, batch_id)
    assert "a person must look: 2\n\n  rejected  /ward/0.jpg: not an image\n" in text
    assert "  duplicate  /ward/1.jpg: same bytes as /ward/0.jpg, which was not screened\n" in text
    assert "/ward/3.jpg" not in text
