"""A password that is wrong, oddly written, or of a service that is down is never told: not even in part."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from celery.utils.log import get_task_logger
from kombu.exceptions import OperationalError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cli.main import run
from models.errors import DermscreenError
from scheduler.broker import Broker
from scheduler.celery_app import make_app
from storage.database import Database
from storage.settings import Settings, from_environment

ROOT = Path(__file__).resolve().parents[3]
# each part would tell most of it; quoted and not, since people forget to
PARTS = ("hush", "Zk7", "qqXy")
PASSWORDS = ["hushZk7qqXy", "hush/Zk7@qqXy", "hush:Zk7?qqXy", "hush#Zk7%qqXy", "hush[Zk7]qqXy"]
PASSWORDS += ["hush@Zk7/qqXy", "hush@Zk7:qqXy/"]  # an @ before a / or a : makes a host of what follows it
WRITTEN = [*PASSWORDS, *(quote(password, safe="") for password in PASSWORDS[1:])]


def assert_untold(said: str) -> None:
    assert [part for part in PARTS if part.casefold() in said.casefold()] == []  # a host's name is told in lower case


@pytest.mark.parametrize("password", WRITTEN, ids=range(len(WRITTEN)))  # the home has the test's name
@pytest.mark.parametrize("kind", ["redis", "postgresql"])
def test_commands(
    kind: str, password: str, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    name = "DATABASE_URL" if kind == "postgresql" else "BROKER_URL"
    monkeypatch.setenv(f"DERMSCREEN_{name}", f"{kind}://clinic:{password}@127.0.0.1:1/0")
    for arguments in (["status"], ["doctor"], ["recover"]):
        run(arguments)
    said = capfd.readouterr()
    assert "127.0.0.1" in said.out + said.err  # which one it is, is told
    assert_untold(said.out + said.err + caplog.text)
    assert "unforeseen" not in said.err


@pytest.mark.parametrize("url", ["redis://:{}@127.0.0.1:1/0", "postgresql://clinic:{}@127.0.0.1:1/x"])
def test_a_traceback(url: str, settings: Settings) -> None:
    """`--debug` shows where it happened, with every error in the chain, and no secret."""
    name = "DATABASE_URL" if url.startswith("postgresql") else "BROKER_URL"
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "--debug", "recover"], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"DERMSCREEN_HOME": str(settings.home), f"DERMSCREEN_{name}": url.format(WRITTEN[1])},
    )  # fmt: skip
    assert done.returncode != 0 and "Traceback" in done.stderr
    assert_untold(done.stdout + done.stderr)


def test_values_do_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"redis://:{WRITTEN[0]}@127.0.0.1:1/0"
    monkeypatch.setenv("DERMSCREEN_BROKER_URL", url)
    monkeypatch.setenv("DERMSCREEN_DATABASE_URL", f"postgresql://clinic:{WRITTEN[0]}@db/x")
    settings = from_environment()
    assert settings.broker_url == url
    database = Database(f"postgresql+psycopg://clinic:{WRITTEN[0]}@127.0.0.1:1/x")
    app = make_app(Broker(url, embedded=False))
    assert_untold(repr(settings) + str(settings) + repr(Broker(url, embedded=False)))
    assert_untold(repr(database.engine) + repr(database) + repr(app) + app.connection().as_uri())


@pytest.mark.parametrize("kind", ["redis", "rediss"])
def test_celerys_own_lines(kind: str, sqlite_database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """What a worker logs while the broker is away: its banner's URL, and each try to connect."""
    app = make_app(Broker(f"{kind}://clinic:{WRITTEN[-1]}@127.0.0.1:1/0?ssl_cert_reqs=none", embedded=False))
    log = get_task_logger("test")
    with caplog.at_level(logging.DEBUG), app.connection_for_read() as connection:
        with pytest.raises(OperationalError):
            connection.ensure_connection(errback=lambda error, pause: log.error("%s %s", error, pause), max_retries=1)
        log.info("%s", connection.as_uri())
    assert "127.0.0.1" in caplog.text
    assert_untold(caplog.text)


def test_errors_of_the_database_name_no_image(database: Database) -> None:
    """SQLAlchemy repeats the values of a statement that failed; here they may be names of patients."""
    with pytest.raises((SQLAlchemyError, DermscreenError)) as failed, database.read() as session:
        session.execute(text("SELECT nothing FROM nowhere WHERE name = :name"), {"name": "Musterfrau"})
    assert "Musterfrau" not in str(failed.value)
