"""The stages of ``benchmarks.million``, each run in a process of its own so that its peak memory is its own.

    python -m benchmarks.million_stages STAGE HOME FOLDER IMAGES

Prints one JSON object. HOME is the data folder, FOLDER holds the pictures.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, text

from benchmarks.million_intake import REAL, Measured, intake, timed
from models.answers import Answers
from models.catalogue import DEFAULT_MODEL, find
from models.version import ModelVersion
from scheduler.broker import connect
from scheduler.celery_app import make_app
from scheduler.dispatch import recover, send_due
from storage import audit, predictions
from storage.audit.verification import walk
from storage.batch_writer import CHUNK_IMAGES
from storage.chunks import Claim, Results
from storage.counts import batch_ids
from storage.database import Database
from storage.migrate import open_database
from storage.report import rows, write_csv
from storage.schema import Chunk, Image
from storage.settings import Settings
from storage.states import ChunkState
from worker.networks import Network, Networks
from worker.runner import Runner

WHOLE = 100_000  # images; of a larger batch only a part goes through the longest stages, so that a run takes minutes
SCREENED = 30_000  # of a larger batch so many images go through the worker's steps, the last ones
PAGE = 1_000  # rows of the first page of a report


class StubNetwork:
    """Scores a picture by its mean brightness: the time of a network is no part of what is measured here."""

    def __init__(self, version: ModelVersion) -> None:
        self.version = version

    def answers(self, pictures: NDArray[np.uint8]) -> Answers:
        brightness: NDArray[np.float64] = pictures.mean(axis=(1, 2, 3), dtype=np.float64) / 255
        return Answers(brightness)


class UnreadRunner(Runner):
    """The worker's own steps around a chunk whose pictures are not read: scores come from the checksums."""

    def _results(self, claim: Claim, network: Network, key: predictions.Key) -> Results:
        with self._database.read() as session:
            predictions.known(session, key, {image.checksum for image in claim.images})
        # the eighth power of an even spread: one in twelve lies above 0.5
        return Results({image.id: ((int(image.checksum[:8], 16) / 2**32) ** 8, None) for image in claim.images})


def networks(settings: Settings) -> Networks:
    return Networks(settings.home, StubNetwork)


def enqueue(settings: Settings, database: Database, _folder: Path, number: int) -> Measured:
    """All messages of the batch into the embedded broker."""
    found: Measured = {}
    with timed("enqueue", found):
        sent = send_due(database, make_app(connect(settings)))
    assert sent == -(-number // CHUNK_IMAGES), (sent, number)
    return found


def looking(settings: Settings, database: Database, _folder: Path, _number: int) -> Measured:
    """``screen recover`` while every chunk waits and none is lost: what each worker does every 2 s."""
    found: Measured = {}
    broker = connect(settings)
    app = make_app(broker)
    assert recover(database, broker, app) == {"taken_back": 0, "lost_messages": 0, "sent": 0}  # opens the connections
    with timed("recover", found):
        recover(database, broker, app)
    return found


def waiting(database: Database) -> list[str]:
    """Ids of the waiting chunks in the order in which their images were handed in."""
    with database.read() as session:
        query = select(Chunk.id).join(Image, Image.chunk_id == Chunk.id).where(Chunk.state == ChunkState.WAITING)
        # one image of each chunk: its first
        return list(session.scalars(query.where(Image.position % CHUNK_IMAGES == 0).order_by(Image.position)))


def fill_in(database: Database, until: int) -> None:
    """Write what screening would have left of the images from REAL up to a position, but for its audit events."""
    of_images = f"position >= {REAL} AND position < {until}"
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    spread = "((id * 7919) % 1000003) / 1000003.0"
    probabilities = (
        "INSERT INTO predictions (checksum, model, preprocessing, probability, created_at)"
        f" SELECT checksum, :model, :preprocessing, {' * '.join([spread] * 8)}, '{now}' FROM images WHERE {of_images}"
        " ORDER BY position"
    )
    outcomes = (
        "INSERT INTO decisions (batch_id, image_id, prediction_id, policy_id, outcome, created_at)"
        " SELECT i.batch_id, i.id, p.id, b.policy_id,"
        f" CASE WHEN p.probability >= 0.5 THEN 'flagged' ELSE 'clear' END, '{now}'"
        " FROM images i JOIN batches b ON b.id = i.batch_id JOIN predictions p ON p.checksum = i.checksum"
        f" WHERE i.{of_images.replace('AND ', 'AND i.')} ORDER BY i.position"
    )
    chunks = (
        f"UPDATE chunks SET state = 'done', attempt = 1 WHERE id IN (SELECT chunk_id FROM images WHERE {of_images})"
    )
    images = f"UPDATE images SET state = 'screened' WHERE {of_images}"
    manifest = find(DEFAULT_MODEL, Path()).manifest
    values = {"model": manifest.name, "preprocessing": manifest.preprocessing}
    with database.write() as session:
        session.execute(text(probabilities), values)
        for statement in (outcomes, chunks, images):
            session.execute(text(statement))


def screening(settings: Settings, database: Database, _folder: Path, number: int) -> Measured:
    """The database's part of screening, for all chunks but the 20 of real files; the last tenth by itself too."""
    found: Measured = {}
    runner = UnreadRunner(database, networks(settings), "")
    filled = (number - SCREENED) // CHUNK_IMAGES * CHUNK_IMAGES if number > WHOLE else REAL
    if filled > REAL:
        with timed("fill_in", found):
            fill_in(database, filled)
    chunk_ids = waiting(database)[REAL // CHUNK_IMAGES :]
    cut = len(chunk_ids) - len(chunk_ids) // 10
    for name, part in (("screen_first", chunk_ids[:cut]), ("screen_last_tenth", chunk_ids[cut:])):
        with timed(name, found):
            for chunk_id in part:
                assert runner.run(chunk_id) == "done"
    found["screened_first"] = cut * CHUNK_IMAGES
    found["screened_last_tenth"] = number - filled - cut * CHUNK_IMAGES
    return found


def real_files(settings: Settings, database: Database, _folder: Path, _number: int) -> Measured:
    """The worker on real files, reading, decoding and preparing each, when all others of the batch are screened."""
    found: Measured = {}
    runner = Runner(database, networks(settings), "")
    with timed("real", found):
        for chunk_id in waiting(database):
            assert runner.run(chunk_id) == "done"
    return found


def reporting(_settings: Settings, database: Database, folder: Path, number: int) -> Measured:
    """The first rows of both reports, then the CSV of every image, of a large batch its first WHOLE rows."""
    found: Measured = {}
    for name, flagged in (("flagged", True), ("all", False)):
        with timed(f"first_page_{name}", found), database.read() as session:
            page = list(itertools.islice(rows(session, batch_ids(session), flagged_only=flagged), PAGE))
        assert page
    target = folder.with_name("report.csv")
    with timed("report", found), database.read() as session, target.open("w", encoding="utf-8", newline="") as file:
        every_image = rows(session, batch_ids(session), flagged_only=False)
        assert write_csv(file, itertools.islice(every_image, WHOLE)) == min(number, WHOLE)
    found["reported"] = min(number, WHOLE)
    return found


def verify(_settings: Settings, database: Database, _folder: Path, number: int) -> Measured:
    found: Measured = {}
    with timed("verify", found), database.read() as session:
        # rows that were filled in have no events: of those sizes the chain alone is walked (see benchmarks.chain)
        found["events"] = audit.verify(session) if number <= WHOLE else sum(1 for _ in walk(session))
    return found


STAGES: dict[str, Callable[[Settings, Database, Path, int], Measured]] = {
    "intake": intake, "enqueue": enqueue, "recover": looking, "screening": screening, "real_files": real_files,
    "report": reporting, "verify": verify,
}  # fmt: skip


def main() -> None:
    stage, home, folder, number = sys.argv[1:]
    settings = Settings(Path(home), database_url=os.environ.get("DERMSCREEN_DATABASE_URL"))
    database = open_database(settings)
    before = _peak()
    found = STAGES[stage](settings, database, Path(folder), int(number))
    found["peak_before_mb"], found["peak_mb"] = before, _peak()
    sys.stdout.write(json.dumps(found) + "\n")


def _peak() -> float:
    """The most memory that this process has held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says begins with the memory of whoever started the process
        [line] = [line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / (1 << 10)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    main()
