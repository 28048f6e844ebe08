"""A network that is a small class, pictures on disk, and a batch of them in the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.answers import Answers
from models.checksum import sha256_hex
from models.manifest import Manifest, parse
from models.version import ModelVersion
from storage import batches
from storage.batch_writer import Received
from storage.chunks import ChunkImage
from storage.database import Database
from storage.settings import Settings
from worker.networks import Networks


class FakeNetwork:
    """Scores a picture by its mean brightness, so that a score tells which picture it belongs to."""

    def __init__(self, version: ModelVersion) -> None:
        self.version = version
        self.seen: list[NDArray[np.uint8]] = []
        self.before: Callable[[], None] = lambda: None

    def answers(self, pictures: NDArray[np.uint8]) -> Answers:
        self.before()
        self.seen.append(pictures)
        return Answers(score(pictures))


def score(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    brightness: NDArray[np.float64] = pictures.mean(axis=(1, 2, 3), dtype=np.float64) / 255
    return brightness


@pytest.fixture
def manifest(manifest: Manifest) -> Manifest:
    """The model version of all tests, with a preprocessing that this release knows."""
    return parse(json.dumps(manifest.raw | {"preprocessing": "square-1"}))


@pytest.fixture
def network(manifest: Manifest, tmp_path: Path) -> FakeNetwork:
    return FakeNetwork(ModelVersion(tmp_path, manifest))


@pytest.fixture
def networks(settings: Settings, installed_model: Manifest, network: FakeNetwork) -> Networks:
    """Networks that hand out the fake one instead of loading weights."""
    return Networks(settings.home, lambda version: network)


@pytest.fixture
def scored() -> Callable[[NDArray[np.uint8]], NDArray[np.float64]]:
    return score


@pytest.fixture
def chunk_image() -> Callable[..., ChunkImage]:
    """The entry of a chunk for a file: ``chunk_image(7, path)``."""

    def make(number: int, path: Path) -> ChunkImage:
        return ChunkImage(number, f"ward/{path.name}", str(path), sha256_hex(path.read_bytes()))

    return make


@pytest.fixture
def handed_in(database: Database, manifest: Manifest) -> Callable[[list[Path]], str]:
    """Writes a batch of files into the database: ``handed_in(paths)`` returns its id."""

    def write(paths: list[Path]) -> str:
        received = []
        for path in paths:
            data = path.read_bytes()
            received.append(Received(path.name, str(path), sha256_hex(data), len(data)))
        with database.write() as session:
            return batches.create(session, batches.Header("submit", "nurse", manifest), received)

    return write
