"""What a worker recorded is found again by the same path, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.errors import ModelInvalid
from storage import replay as recorded
from storage.database import Database
from storage.replay import Record
from storage.schema import AuditEvent, Chunk
from worker.networks import Networks
from worker.replaying import replay
from worker.runner import Runner


@pytest.fixture
def paths(tmp_path: Path, photograph: Callable[..., Path]) -> list[Path]:
    return [photograph(tmp_path / "ward" / f"{n}.jpg", seed=n, side=80 + 10 * n) for n in range(4)]


@pytest.fixture
def on_record(
    database: Database, networks: Networks, handed_in: Callable[[list[Path]], str], paths: list[Path]
) -> list[Record]:
    """Four images that a worker screened, and one that was rejected, as they stand on record."""
    paths[0].with_name("9.jpg").write_bytes(b"no picture")
    batch_id = handed_in([*paths, paths[0].with_name("9.jpg")])
    with database.read() as session:
        chunk_ids = session.scalars(select(Chunk.id)).all()
    for chunk_id in chunk_ids:
        Runner(database, networks, "").run(chunk_id)
    with database.read() as session:
        found = recorded.screened(session, batch_id)
        assert recorded.batches_of(session, found) == [batch_id]
        assert recorded.screened_number(session, found[2]) == [found[2]]
        return recorded.records(session, recorded.Chain(session, [batch_id]), found)


def test_the_record_is_found_again(on_record: list[Record], networks: Networks) -> None:
    ended: list[int] = []
    again = replay(on_record, networks, lambda: ended.append(1))
    assert [item.record for item in again] == on_record
    assert [item.identical for item in again] == [True] * 4
    assert ended == [1]
    assert {item.record.weights for item in again} == {"0" * 64}
    assert len({item.now for item in again}) == 4


def test_what_cannot_be_scored_has_its_reason(
    on_record: list[Record], networks: Networks, paths: list[Path], photograph: Callable[..., Path]
) -> None:
    photograph(paths[1], seed=77)
    paths[2].unlink()
    again = replay(on_record, networks)
    assert [item.now is None for item in again] == [False, True, True, False]
    assert again[1].why_not.startswith("the file at its place is another one: expected the bytes with SHA-256 ")
    assert again[2].why_not == "the file is no longer there"
    assert [item.broken(0) for item in again] == [[]] * 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights": "f" * 64}, f"on record is SHA-256 {'f' * 64}, at hand is {'0' * 64}"),
        ({"scoring": "f" * 64}, f"with another calibration, .*: on record is scoring {'f' * 64}, at hand is "),
        ({"preprocessing": "fov-1"}, "was prepared by fov-1, the manifest at hand says square-1"),
        ({"model": "gone-9"}, "no model version 'gone-9'"),
    ],
)
def test_another_model_version_scores_nothing(
    on_record: list[Record], networks: Networks, network: Any, changes: dict[str, str], words: str
) -> None:
    network.seen.clear()
    with pytest.raises(ModelInvalid, match=words):
        replay([replace(on_record[0], **changes)], networks)
    assert network.seen == []


def test_images_are_found_by_path_place_and_content(database: Database, on_record: list[Record]) -> None:
    image = on_record[1].image
    with database.write() as session:
        assert recorded.screened_as(session, image.image, "elsewhere") == [image.id]
        assert recorded.screened_as(session, "elsewhere", image.location) == [image.id]
        assert recorded.screened_bytes(session, image.checksum) == [image.id]
        assert recorded.screened_as(session, "9.jpg", "elsewhere") == []  # rejected: there is no score of it
        recorded.note(session, on_record[1].batch, {"actor": "auditor", "images": 1, "image": None})
    with database.read() as session:
        last = session.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc())).first()
    assert last is not None
    assert (last.event, last.batch_id) == ("audit.replayed", on_record[1].batch)
    assert json.loads(last.body)["actor"] == "auditor"
