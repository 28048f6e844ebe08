"""What is done once a chunk, once a page or every two seconds looks at a few rows, however large the batch is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import event, text

from storage import recovery
from storage.batch_writer import CHUNK_IMAGES, Received
from storage.chunks import Claim
from storage.closing import close_if_done
from storage.database import Database
from storage.report import rows
from storage.schema import Batch

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Take = Callable[..., list[Claim]]
Screen = Callable[..., None]

TABLES = ("chunks", "images", "decisions", "predictions")


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the tables during the block, with the values."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked.append((statement, values[0] if many else values))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def plan(database: Database, asked: list[tuple[str, Any]]) -> list[str]:
    """The steps by which SQLite answers, of the tables that grow with a batch."""
    steps: list[str] = []
    with database.engine.connect() as connection:
        for statement, values in asked:
            found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            steps += [row[3] for row in found if row[3].split()[0] in ("SCAN", "SEARCH", "USE")]
    return [step for step in steps if step.startswith("USE") or step.split()[1] in TABLES]


def test_a_page_of_due_chunks_is_found_by_index_and_not_sorted(
    sqlite_database: Database, submit: Submit, received: Make
) -> None:
    submit(sqlite_database, received(3 * CHUNK_IMAGES))
    with statements(sqlite_database) as asked, sqlite_database.read() as session:
        assert len(recovery.due_chunks(session, 2)) == 2
    by_index = "SEARCH chunks USING INDEX ix_chunks_batch_id_state_sent_at (batch_id=? AND state=? AND sent_at=?)"
    steps = plan(sqlite_database, asked)
    assert steps.count(by_index) == 2
    assert [step for step in steps if "chunks" in step] == [by_index] * 2
    of_one_batch = plan(sqlite_database, asked[1:])
    assert of_one_batch == [by_index]  # and no sorting


def test_batches_with_nothing_due_cost_no_statement(
    database: Database, submit: Submit, received: Make, take: Take
) -> None:
    for _ in range(3):
        submit(database, received(1))
    take(database)
    submit(database, received(1))
    with statements(database) as asked, database.read() as session:
        assert len(recovery.due_chunks(session, 100)) == 1
    assert len(asked) == 2


def test_messages_are_noted_by_the_ids_of_their_chunks(
    sqlite_database: Database, submit: Submit, received: Make
) -> None:
    submit(sqlite_database, received(4 * CHUNK_IMAGES))
    with sqlite_database.read() as session:
        due = recovery.due_chunks(session, 3)
    with statements(sqlite_database) as asked, sqlite_database.write() as session:
        recovery.mark_sent(session, due)
    steps = plan(sqlite_database, asked)
    assert [step for step in steps if "chunks" in step.split()[1]] == [
        "SEARCH chunks USING COVERING INDEX sqlite_autoindex_chunks_1 (id=?)"
    ]
    assert "SEARCH images USING INDEX ix_images_chunk_id (chunk_id=?)" in steps


def test_overdue_messages_are_found_by_their_time(sqlite_database: Database) -> None:
    with statements(sqlite_database) as asked, sqlite_database.write() as session:
        assert not recovery.messages_overdue(session, 60)
        assert recovery.forget_messages(session, 60) == 0
    steps = plan(sqlite_database, asked)
    assert len(steps) == 2
    assert all("ix_chunks_state_sent_at (state=? AND sent_at<?)" in step for step in steps)


def test_the_end_of_a_batch_is_seen_by_index(sqlite_database: Database, submit: Submit, received: Make) -> None:
    batch_id = submit(sqlite_database, received(2))
    with statements(sqlite_database) as asked, sqlite_database.write() as session:
        assert not close_if_done(session, batch_id)
    [step] = plan(sqlite_database, asked)  # the images are not looked at while a chunk is open
    assert "ix_chunks_batch_id_state_sent_at (batch_id=? AND state=?)" in step


def test_an_image_that_waits_in_no_chunk_keeps_its_batch_open(
    database: Database, submit: Submit, received: Make, screen: Screen
) -> None:
    batch_id = submit(database, received(2))
    screen(database)
    with database.write() as session:
        session.execute(text("UPDATE images SET state = 'waiting' WHERE position = 0"))
        session.execute(text("UPDATE batches SET state = 'open', closed_at = NULL"))
    with database.write() as session:
        assert not close_if_done(session, batch_id)
    with database.read() as session:
        assert session.get_one(Batch, batch_id).state == "open"


@pytest.mark.parametrize("flagged", [True, False])
def test_a_report_reads_no_more_images_than_it_shows(
    sqlite_database: Database, submit: Submit, received: Make, screen: Screen, flagged: bool
) -> None:
    batch_id = submit(sqlite_database, received(3))
    screen(sqlite_database, {"/ward/1.jpg": 0.9})
    with statements(sqlite_database) as asked, sqlite_database.read() as session:
        assert next(islice(rows(session, [batch_id], flagged_only=flagged), 1))
    steps = plan(sqlite_database, asked)
    if flagged:  # the flagged decisions, then the image of each
        index = "ix_decisions_batch_id_policy_id_outcome (batch_id=? AND policy_id=? AND outcome=?)"
        assert steps[0] == f"SEARCH decisions USING INDEX {index}"
        assert steps[1] == "SEARCH images USING INTEGER PRIMARY KEY (rowid=?)"
    else:  # in the order of the index, so that the first row needs no sorting of all
        assert steps[0] == "SEARCH images USING INDEX sqlite_autoindex_images_1 (batch_id=?)"
        assert not any(step.startswith("USE") for step in steps)
