"""What does the audit chain cost: an event, the trigger that guards it, its verification?

    python -m benchmarks.chain [EVENTS]

Appends transactions of 32 events by 1 and by 16 writers, with and without the triggers, in turns; then takes in EVENTS
images (default: 100,000) whose bytes were scored before, so that each has its row, its decision and one event, and
verifies the chain together with these rows. DERMSCREEN_DATABASE_URL names an empty PostgreSQL to be used instead of
SQLite. Writes one JSON object to stdout.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from models.catalogue import DEFAULT_MODEL, find
from models.checksum import sha256_hex
from storage import audit, batches, predictions
from storage.audit.triggers import drop_triggers, make_triggers
from storage.batch_writer import Received
from storage.database import Database
from storage.engines import Computed
from storage.migrate import open_database
from storage.paging import pages
from storage.settings import Settings

TRANSACTION = 32  # events, about half a chunk
TRANSACTIONS = 64  # a round
WRITERS = 16
ROUNDS = 3
PAGE = 10_000


def events_a_second(database: Database, writers: int) -> float:
    def write(_: int) -> None:
        facts: dict[str, str | int | None] = {"image": 1, "checksum": "0" * 64, "probability": "0.123456"}
        with database.write() as session:
            audit.append(session, [audit.Event("bench.appended", None, facts)] * TRANSACTION)

    started = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(TRANSACTIONS)))
    return TRANSACTIONS * TRANSACTION / (time.perf_counter() - started)


def run_statements(database: Database, statements: list[str]) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement.replace(":", "\\:")))


def appending(database: Database, writers: int) -> dict[str, float]:
    """Best of the rounds, the two ways in turns."""
    dialect = database.engine.dialect.name
    guarded, bare = [], []
    for _ in range(ROUNDS):
        guarded.append(events_a_second(database, writers))
        run_statements(database, drop_triggers(dialect))
        bare.append(events_a_second(database, writers))
        run_statements(database, make_triggers(dialect))
    return {"events_a_second": max(guarded), "without_triggers": max(bare), "ratio": max(guarded) / max(bare)}


def received(number: int) -> Iterator[Received]:
    for n in range(number):
        name = f"/drawn/{n}.png"
        yield Received(name, name, sha256_hex(name.encode()), 1_000)


def verifying(database: Database, number: int) -> dict[str, float]:
    manifest = find(DEFAULT_MODEL, Path()).manifest
    key = predictions.Key(manifest.name, manifest.preprocessing)
    computed = Computed(manifest.weights_sha256, "none", "none")
    for page in pages(received(number), PAGE):
        with database.write() as session:
            scores = [(item.checksum or "", n / PAGE, None) for n, item in enumerate(page)]
            predictions.record(session, key, scores, computed=computed)
    started = time.perf_counter()
    with database.write() as session:
        batches.create(session, batches.Header("submit", "benchmark", manifest), received(number))
    taken_in = time.perf_counter() - started
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, cpu = time.perf_counter(), time.process_time()
    with database.read() as session:
        events = audit.verify(session)
    return {
        "events": events, "images": number, "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu, "intake_seconds": taken_in,
        "peak_mb_more": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
    }  # fmt: skip


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="dermscreen-chain-") as home:
        settings = Settings(Path(home), database_url=os.environ.get("DERMSCREEN_DATABASE_URL"))
        database = open_database(settings)
        found = {
            "database": database.engine.dialect.name,
            "appending": {str(writers): appending(database, writers) for writers in (1, WRITERS)},
            "verifying": verifying(database, number),
        }
        database.close()
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
