"""The findings of `screen doctor`."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from cli.exit_codes import ExitCode, exit_code_of, unusable_path
from models.errors import DermscreenError
from models.extras import to_install

if TYPE_CHECKING:
    from storage.settings import Settings

LOW_DISK_BYTES = 1 << 30


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``ok`` None: worth knowing, neither good nor bad."""

    name: str
    ok: bool | None
    found: str
    exit_code: ExitCode = ExitCode.DONE


def examine_site(settings: Settings) -> list[Finding]:
    """Look at everything and change nothing; a fault in one place does not hide the next."""
    checks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("software", _software),
        ("home", _home),
        ("database", _database),
        ("checkpoints", _checkpoints),
        ("broker", _broker),
        ("model", _model),
        ("gpu", _gpu),
    )
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings += check(settings)
        except DermscreenError as error:
            findings.append(Finding(name, False, str(error), exit_code_of(error)))
        except Exception as error:
            if told := unusable_path(error):
                findings.append(Finding(name, False, told, ExitCode.USAGE))
                continue
            found = f"unforeseen {type(error).__name__}: {error}; this is a fault of dermscreen"
            findings.append(Finding(name, False, found, ExitCode.BUG))
    return findings


def _software(_settings: Settings) -> Iterator[Finding]:
    libraries = []
    for name in ("celery", "redis", "sqlalchemy", "keras", "tensorflow-cpu", "tensorflow", "numpy", "pillow"):
        try:
            libraries.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    try:
        ours = version("dermscreen")
    except PackageNotFoundError:
        ours = "not installed"
    yield Finding("software", None, f"dermscreen {ours}, Python {platform.python_version()}, {', '.join(libraries)}")
    if not any(item.startswith("tensorflow") for item in libraries):
        lacking = f"no TensorFlow: install the extra cpu or gpu: {to_install('cpu')}"
        yield Finding("backend", False, lacking, ExitCode.MODEL_INVALID)


def _home(settings: Settings) -> Iterator[Finding]:
    there = next(path for path in (settings.home, *settings.home.parents) if os.path.lexists(path))
    if not there.is_dir():
        what = f"{there} is no folder, so {settings.home} can be none: correct DERMSCREEN_HOME"
        yield Finding("home", False, what, ExitCode.USAGE)
        return
    if not settings.home.is_dir():
        yield Finding("home", None, f"{settings.home} (made by the first command that needs it)")
        return
    private = settings.home.stat().st_mode & 0o077 == 0
    advice = "" if private else " (other users of this machine may look into it; chmod 700 shuts it)"
    yield Finding("home", None, f"{settings.home}{advice}")
    free = shutil.disk_usage(settings.home).free
    yield Finding("disk", free > LOW_DISK_BYTES, f"{free / (1 << 30):.1f} GiB free", ExitCode.SERVICE_UNREACHABLE)


def _database(settings: Settings) -> Iterator[Finding]:
    from storage import workers
    from storage.counts import batch_ids, counts
    from storage.database import Database, url_of
    from storage.migrate import revision
    from storage.migrations import HEAD

    if settings.embedded_database and not (settings.home / "dermscreen.db").exists():
        yield Finding("database", None, "SQLite in the data folder (made by the first command that needs it)")
        return
    database = Database(url_of(settings))
    found = revision(database)
    if found != HEAD:
        yield Finding("database", False, f"{database.shown_url}, schema {found or 'none'}, this release needs {HEAD}: "
                      "run `screen db upgrade`", ExitCode.USAGE)  # fmt: skip
        return
    with database.read() as session:
        batches = [counts(session, batch_id) for batch_id in batch_ids(session)]
        alive = workers.alive(session)
    open_batches = [item for item in batches if item.state != "complete"]
    yield Finding("database", True, f"{database.shown_url}, schema {found}, {len(batches)} batches, "
                  f"{len(open_batches)} of them open")  # fmt: skip
    if alive:
        who = ", ".join(f"{worker.host} process {worker.pid} on {worker.device}" for worker in alive)
        yield Finding("workers", True, f"{len(alive)} alive: {who}")
    else:
        waiting = sum(item.received - item.finished for item in open_batches)
        yield Finding("workers", False if waiting else None,
                      f"none alive{f', {waiting} images wait: start `screen worker`' if waiting else ''}",
                      ExitCode.SERVICE_UNREACHABLE)  # fmt: skip


def _checkpoints(settings: Settings) -> Iterator[Finding]:
    from cli.checkpoint_finding import newest_checkpoint

    if found := newest_checkpoint(settings):
        yield Finding("checkpoints", *found)


def _broker(settings: Settings) -> Iterator[Finding]:
    from scheduler import embedded_valkey
    from scheduler.broker import Broker

    if settings.broker_url is not None:
        broker = Broker(settings.broker_url, embedded=False)
        broker.check()
        yield Finding("broker", True, f"{broker.shown_url}, {broker.messages()} messages")
    elif embedded_valkey.running(settings):
        broker = Broker(f"redis+socket://{embedded_valkey.socket_path(settings)}", embedded=True)
        yield Finding("broker", True, f"embedded Valkey, {broker.shown_url}, {broker.messages()} messages")
    else:
        yield Finding("broker", None, f"embedded Valkey, not running ({embedded_valkey.binary()})")


def _model(settings: Settings) -> Iterator[Finding]:
    from cli.active import active_name
    from models.catalogue import find

    chosen = find(active_name(settings), settings.home)
    chosen.verify()
    point = chosen.manifest.default
    yield Finding("model", True, f"{chosen.name}, weights {chosen.manifest.weights_sha256[:16]}... checked, "
                  f"{point.name} at threshold {point.threshold:.6f}")  # fmt: skip


def _gpu(_settings: Settings) -> Iterator[Finding]:
    from worker.device import gpus

    found = gpus()
    yield Finding("gpu", None, "; ".join(found) or f"none; {os.cpu_count()} processor cores")
