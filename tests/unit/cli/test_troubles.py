"""What does not work for now is said once and tried again: no outage of a second ends a command that is to run on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from cli import troubles, waiting, watching
from cli.exit_codes import ExitCode
from cli.main import run
from cli.troubles import Troubles
from models.errors import OurFault, PassingFault, ServiceUnreachable
from models.manifest import Manifest
from scheduler.broker import Broker
from scheduler.inbox import Inbox
from storage.database import Database
from storage.settings import Settings

ELSEWHERE = Broker("redis://nobody.invalid", embedded=False)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was said of troubles."""
    lines: list[str] = []
    monkeypatch.setattr(troubles, "talk", lines.append)
    return lines


@pytest.fixture
def outage(postgres_database: Database, postgres_admin: Callable[[str], None]) -> Callable[[bool], None]:
    """``outage(True)``: the database ends every connection and takes no new one; ``outage(False)``: it is back."""
    name = postgres_database.engine.url.database

    def switch(down: bool) -> None:
        postgres_admin(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not down}")
        if down:
            postgres_admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    return switch


def fail(troubles: Troubles, part: str, fault: Exception) -> None:
    with troubles.passing(part):
        raise fault


def test_a_trouble_is_said_when_it_begins(said: list[str]) -> None:
    several = Troubles()
    fail(several, "inbox", PassingFault("no disk"))
    fail(several, "inbox", PassingFault("no disk"))
    fail(several, "batches", PassingFault("no disk"))
    fail(several, "batches", PassingFault("no database"))
    assert said == ["no disk; trying again.", "no database; trying again."]
    assert several.at("inbox")
    for part in ("inbox", "batches"):
        with several.passing(part):
            pass
    assert not several.at("inbox")
    fail(several, "inbox", PassingFault("no disk"))
    assert len(said) == 3


def test_other_faults_are_not_tried_again(said: list[str]) -> None:
    with pytest.raises(OurFault):
        fail(Troubles(), "inbox", OurFault("broken"))
    assert said == []


def test_the_keeper_of_a_worker_outlasts_an_outage(
    settings: Settings, postgres_database: Database, outage: Callable[[bool], None], said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(waiting, "LOOK_FOR_WORKER_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "COMPLAIN_SECONDS", 0.0)
    others: list[str] = []
    monkeypatch.setattr(waiting, "talk", others.append)
    keeper = waiting.WorkerKeeper(settings, postgres_database, ELSEWHERE)
    keeper.tick()
    assert len(others) == 1
    outage(True)
    for _ in range(3):
        keeper.tick()
    assert (len(said), len(others)) == (1, 1)
    outage(False)
    keeper.tick()
    assert (len(said), len(others)) == (1, 2)


class StartsAtTheSecondTry:
    """Stands for a supervisor, whose worker would load a network."""

    tries = 0
    stopped = 0

    def __init__(self, *_: Any) -> None: ...

    def start(self, _output: IO[bytes]) -> None:
        StartsAtTheSecondTry.tries += 1
        if self.tries == 1:
            raise ServiceUnreachable("no database")

    def tick(self) -> None: ...

    def stop(self, _at_once: Callable[[], bool]) -> None:
        StartsAtTheSecondTry.stopped += 1


def test_a_worker_that_could_not_sign_on_is_started_anew(
    settings: Settings, sqlite_database: Database, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_FOR_WORKER_SECONDS", 0.0)
    monkeypatch.setattr("worker.supervisor.Supervisor", StartsAtTheSecondTry)
    keeper = waiting.WorkerKeeper(settings, sqlite_database, Broker("redis://nobody.invalid", embedded=True))
    keeper.tick()
    keeper.tick()
    keeper.tick()
    assert (StartsAtTheSecondTry.tries, said) == (2, ["no database; trying again."])
    keeper.stop()
    assert StartsAtTheSecondTry.stopped == 1


def test_watching_outlasts_an_outage(
    settings: Settings, postgres_database: Database, installed_model: Manifest, broker: Broker, screen: Any,
    outage: Callable[[bool], None], said: list[str], photograph: Callable[..., Path], tmp_path: Path,
    eventually: Callable[[Callable[[], bool]], None], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("DERMSCREEN_DATABASE_URL", postgres_database.url)
    photograph(tmp_path / "inbox" / "1.jpg")
    recorded = threading.Event()
    monkeypatch.setattr(watching, "talk", lambda line: "is recorded" in line and recorded.set())

    @contextmanager
    def no_worker(*given: Any) -> Iterator[Any]:
        keeper = waiting.WorkerKeeper(*given)
        monkeypatch.setattr(keeper, "tick", lambda **_: None)
        yield keeper

    def disturb() -> None:
        recorded.wait(30)
        outage(True)
        eventually(lambda: bool(said))
        outage(False)
        screen(postgres_database)

    monkeypatch.setattr(watching, "worker_while_needed", no_worker)
    disturbance = threading.Thread(target=disturb)
    disturbance.start()
    watching.watch(Inbox(tmp_path / "inbox", 0.2), 0.2, True, False)
    disturbance.join()
    assert said
    assert ": 0 flagged, 0 for review, 1 clear; 1 received = 1 screened" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["watch", "beat"])
def test_a_database_that_never_answered_ends_the_command(
    command: str, settings: Settings, postgres_database: Database, outage: Callable[[bool], None], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("DERMSCREEN_DATABASE_URL", postgres_database.url)
    outage(True)
    assert run([command, *([str(tmp_path)] if command == "watch" else [])]) == ExitCode.SERVICE_UNREACHABLE
