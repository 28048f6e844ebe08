"""`screen retry`: says what is tried again, and does it once."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from cli.exit_codes import ExitCode
from cli.main import run
from scheduler.broker import Broker
from storage import pause
from storage.batch_writer import Received
from storage.chunks import MAX_FAULTS, Claim, Results
from storage.clock import db_now
from storage.database import Database
from storage.schema import AuditEvent, Chunk
from storage.settings import Settings


@pytest.fixture
def batch(
    sqlite_database: Database,
    submit: Callable[..., str],
    received: Callable[..., list[Received]],
    take: Callable[..., list[Claim]],
    finish: Callable[..., None],
) -> str:
    """Two images that failed, one that was rejected."""
    batch_id = submit(sqlite_database, [*received(2), *received(1, reason="not an image")])
    for _ in range(MAX_FAULTS):
        (held,) = take(sqlite_database)
        finish(sqlite_database, held, Results(faults={image.id: "out of memory" for image in held.images}))
        with sqlite_database.write() as session:
            session.execute(update(Chunk).values(not_before=db_now(-1)))
    return batch_id


def test_what_failed_is_queued_once(
    settings: Settings, broker: Broker, batch: str, sqlite_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["retry", batch, "--by", "dr jones", "--json"]) == ExitCode.DONE_WITH_REJECTS
    out, err = capsys.readouterr()
    shown = json.loads(out)
    assert (shown["batch"], shown["state"], shown["failed"], shown["rejected"]) == (batch, "open", 0, 1)
    assert shown["retried"] == 2
    assert err.startswith("Failed images that are tried again: 2.\n")
    assert broker.messages() == 1
    with sqlite_database.read() as session:
        query = select(AuditEvent.body).where(AuditEvent.event == "batch.retried")
        assert json.loads(session.scalars(query).one())["actor"] == "dr jones"
    assert run(["retry", batch, "--json"]) == ExitCode.DONE
    out, err = capsys.readouterr()
    assert json.loads(out)["retried"] == 0
    assert err == f"Nothing of batch {batch} has failed: nothing is tried again.\n"
    assert broker.messages() == 1


def test_while_the_site_is_paused_it_waits(
    broker: Broker, batch: str, sqlite_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite_database.write() as session:
        pause.turn(session, on=True, actor="dr jones")
    run(["retry", batch])
    assert capsys.readouterr().err.splitlines() == [
        "Failed images that are tried again: 2.",
        "The site is paused by dr jones: the images wait until `screen resume`.",
        f"Recorded. `screen status {batch}` shows how far it is; `screen worker` screens it.",
    ]
    assert broker.messages() == 0


def test_a_broker_url_that_is_none(
    batch: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DERMSCREEN_BROKER_URL", "http://ward")
    assert run(["retry", batch, "--json"]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert json.loads(out)["batch"] == batch
    assert err.splitlines()[:2] == [
        "Failed images that are tried again: 2.",
        f"Batch {batch} is recorded and loses nothing; `screen recover` queues it later.",
    ]
    assert err.splitlines()[2].startswith("Error: the broker URL http://ward cannot be read")


def test_an_unknown_batch(sqlite_database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["retry", "monday"]) == ExitCode.USAGE
    assert capsys.readouterr() == ("", "Error: there is no batch 'monday'; `screen status` lists them\n")
