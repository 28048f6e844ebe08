"""Harm done to the database, or to those who hold it: what was computed is kept and written when it can be."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing

import psycopg

from harm.site import Site
from harm.truth import nothing_half_done
from harm.ward import until

PATIENCE_MS = "400"  # in the worker, so that a lock that lasts longer need not be held for half a minute


def test_sqlite_locked_by_another_writer(new_site: Callable[..., Site]) -> None:
    site = new_site()
    work = site.worker(HARM_BUSY_MS=PATIENCE_MS)
    celery = work.celery
    with closing(sqlite3.connect(site.home / "dermscreen.db", isolation_level=None)) as writer:
        # at the claim of a chunk ...
        os.kill(celery, signal.SIGSTOP)
        batch_id = site.hand_in(site.draw())
        writer.execute("BEGIN IMMEDIATE")
        os.kill(celery, signal.SIGCONT)
        site.close_gate()
        until(lambda: work.said("ForkPoolWorker") and work.said("the database is busy"), "a claim that met the lock")
        writer.execute("ROLLBACK")
        # ... and when its results are written
        with site.stopped_at_gate():
            before = work.said("the database is busy")
            writer.execute("BEGIN IMMEDIATE")
        until(lambda: work.said("the database is busy") > before + 1, "a result that met the lock")
        writer.execute("ROLLBACK")
        site.harmed()
    found = site.complete(batch_id, name="test_sqlite_locked_by_another_writer")
    assert (found.ended, found.redeliveries) == ({}, 0)
    assert site.events(batch_id, "chunk.queued") == 3  # no message was given up and sent again
    assert work.process.poll() is None


def server_of(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)


def test_postgresql_backends_terminated(postgres_url: str, new_site: Callable[..., Site]) -> None:
    site = new_site(database_url=postgres_url)
    work = site.worker()
    site.close_gate()
    batch_id = site.hand_in(site.draw())
    with server_of(postgres_url) as server, site.stopped_at_gate():
        mine = "datname = current_database() AND pid <> pg_backend_pid()"
        [ended] = server.execute(
            f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {mine}"
        ).fetchone()
        assert ended >= 2
        site.harmed()
    found = site.complete(batch_id, name="test_postgresql_backends_terminated")
    assert (found.ended, found.redeliveries) == ({}, 0)
    assert work.process.poll() is None


def test_a_session_that_holds_a_lock(postgres_url: str, new_site: Callable[..., Site]) -> None:
    """Someone left a transaction open: that is said, and nothing is lost to it."""
    site = new_site(database_url=postgres_url)
    work = site.worker(HARM_BUSY_MS=PATIENCE_MS)
    site.close_gate()
    batch_id = site.hand_in(site.draw())
    with server_of(postgres_url) as server:
        with site.stopped_at_gate(), server.transaction():
            server.execute("LOCK TABLE images, chunks IN EXCLUSIVE MODE")
            site.open_gate()
            until(lambda: work.said("the database is busy"), "a result that met the lock")
            assert site.run("status").returncode == 0  # reading goes on
        site.harmed()
    found = site.complete(batch_id, name="test_a_session_that_holds_a_lock")
    assert (found.ended, found.redeliveries) == ({}, 0)
    assert work.process.poll() is None


def test_two_dispatchers_at_once(new_site: Callable[..., Site]) -> None:
    """Chunks that are sent twice are screened once."""
    site = new_site()
    batch_id = site.record(site.draw(640))
    dispatchers = [site.start("recover", "--json") for _ in range(3)]
    for dispatcher in dispatchers:
        dispatcher.communicate(timeout=60)
        assert dispatcher.returncode == 0
    assert site.queue() >= 10
    site.push(*messages_of(site))  # and whatever they did, each once more
    site.harmed()
    site.worker(ready=False)
    found = site.complete(batch_id, 640, name="test_two_dispatchers_at_once")
    assert (found.ended, found.redeliveries) == ({}, 0)
    assert site.events(batch_id, "chunk.claimed") == 10


def messages_of(site: Site) -> list[bytes]:
    with site.broker().client() as client:
        return list(client.lrange("dermscreen:screening", 0, -1))


def test_submit_killed_at_random_moments(new_site: Callable[..., Site]) -> None:
    """A batch is there whole or not at all, and whole ones are screened."""
    site = new_site()
    site.broker()
    folder = site.draw(200)
    told = site.run_program("killed_submits.py", folder, 12, 7)
    assert told["killed"] >= 6
    batches = nothing_half_done(site.database, {200})
    assert told["ended"] <= len(batches) <= told["killed"] + told["ended"]
    site.worker(ready=False)
    site.harmed()
    for batch_id in batches:
        assert site.complete(batch_id, 200, name="test_submit_killed_at_random_moments").ended == {}
