"""`screen status` says why something waits; `screen pause` and `screen resume` turn the switch."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cli.exit_codes import ExitCode
from cli.main import run
from scheduler.broker import Broker
from scheduler.celery_app import make_app
from scheduler.dispatch import send_due
from storage import workers
from storage.batch_writer import Received
from storage.database import Database
from storage.settings import Settings

Make = Callable[..., list[Received]]
Submit = Callable[..., str]


@pytest.fixture
def batch(sqlite_database: Database, submit: Submit, received: Make) -> str:
    return submit(sqlite_database, received(1))


def codes(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert run(["status", *arguments, "--json"]) == ExitCode.DONE
    return [reason["code"] for reason in json.loads(capsys.readouterr().out)["waiting"]]


def test_why_it_waits(
    settings: Settings, batch: str, sqlite_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert codes(capsys, batch) == ["no_worker", "broker_unreachable"]
    assert run(["status", batch]) == ExitCode.DONE
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "waiting    no worker is alive; start one with `screen worker` (no_worker)",
        "waiting    the embedded broker does not run; `screen worker` starts it (broker_unreachable)",
    ]
    assert run(["status"]) == ExitCode.DONE
    out, err = capsys.readouterr()
    assert out.splitlines()[0].endswith("\tseconds\twaiting")
    assert out.splitlines()[1].endswith("\tno_worker, broker_unreachable")
    assert err.startswith("Waiting: no worker is alive; start one with `screen worker`.\n")
    assert not (settings.home / "valkey").exists()  # it looks and starts nothing


def test_no_name_is_no_batch(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As of `screen report`: a variable of a script that is empty asks for no list of all."""
    assert run(["status", ""]) == ExitCode.USAGE
    assert capsys.readouterr() == ("", "Error: there is no batch ''; `screen status` lists them\n")


def test_a_broker_by_url_that_is_gone(
    batch: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DERMSCREEN_BROKER_URL", "redis://:secret@127.0.0.1:1/0")
    assert run(["status", batch]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert "waiting    the broker redis://:***@127.0.0.1:1/0 does not answer (" in out
    assert "secret" not in out


def test_pause_and_resume(
    settings: Settings, broker: Broker, batch: str, sqlite_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite_database.write() as session:
        workers.sign_on(session, "elsewhere/-/1/1", "elsewhere", 1, "cpu")
    assert codes(capsys, batch) == []
    assert run(["pause", "--by", "dr jones", "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == {"paused": True, "changed": True}
    assert run(["pause"]) == ExitCode.DONE
    assert capsys.readouterr().out == "It was paused already.\n"
    assert codes(capsys, batch) == ["paused"]
    app = make_app(broker)
    assert (send_due(sqlite_database, app), broker.messages()) == (0, 0)
    assert run(["resume"]) == ExitCode.DONE
    assert capsys.readouterr().out == "Resumed.\n"
    assert (send_due(sqlite_database, app), broker.messages()) == (1, 1)
    assert codes(capsys, batch) == []


def test_a_complete_batch_has_nothing_to_wait_for(
    batch: str, sqlite_database: Database, screen: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    screen(sqlite_database)
    assert run(["status", batch, "--json"]) == ExitCode.DONE
    assert "waiting" not in json.loads(capsys.readouterr().out)
