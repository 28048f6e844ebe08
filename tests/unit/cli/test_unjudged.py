"""What nobody has judged is said wherever a batch ends, not by `screen report` alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from cli import waiting, watching
from cli.exit_codes import ExitCode
from cli.main import run
from cli.troubles import Troubles
from models.manifest import Manifest
from scheduler.broker import Broker
from storage.chunks import MAX_FAULTS, Claim, Results
from storage.clock import db_now
from storage.database import Database
from storage.report import NOTICE
from storage.schema import Chunk

UNLIKE = (0.4, "unlike the pictures that the network learned from")
WATCH = ["watch", "--once", "--settle", "0.2", "--rescan", "0.2"]
Scores = dict[str, float | tuple[float, str | None]]


def for_review(batch: str, number: int) -> str:
    were = "1 image was" if number == 1 else f"{number} images were"
    looked = "not clear and not flagged: a person must look (review)"
    return f"Warning: {were} {looked}; `screen report {batch} --all` lists them."


@pytest.fixture
def scores() -> Scores:
    """What the worker finds, by name as submitted; 0.1 for all others."""
    return {}


@pytest.fixture(autouse=True)
def _worker(
    sqlite_database: Database, broker: Broker, installed_model: Manifest, screen: Callable[..., None], scores: Scores,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A worker without a network, that screens at each look after it."""

    class Keeper:
        troubles = Troubles()

        def tick(self, *, needed: bool = True) -> None:
            screen(sqlite_database, scores)

    @contextmanager
    def keeper(*_: Any) -> Iterator[Keeper]:
        yield Keeper()

    for module in (waiting, watching):
        monkeypatch.setattr(module, "worker_while_needed", keeper)


def test_submit_when_all_is_for_review(
    photograph: Callable[..., Path], scores: Scores, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores |= {str(photograph(tmp_path / f"{number}.jpg", number)): UNLIKE for number in range(2)}
    assert run(["submit", *scores, "--wait", "--json"]) == ExitCode.DONE
    out, err = capsys.readouterr()
    total = json.loads(out)
    assert (total["flagged"], total["review"]) == (0, 2)
    assert err.splitlines()[-2:] == [
        for_review(total["batch"], 2),
        NOTICE,
    ]


def test_submit_of_all_kinds(
    photograph: Callable[..., Path], scores: Scores, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    high, odd = str(photograph(tmp_path / "1.jpg", 1)), str(photograph(tmp_path / "2.jpg", 2))
    scores |= {high: 0.9, odd: UNLIKE}
    broken = tmp_path / "3.jpg"
    broken.write_bytes(b"no picture")
    assert run(["submit", high, odd, str(broken), "--wait", "--json"]) == ExitCode.DONE_WITH_REJECTS
    out, err = capsys.readouterr()
    batch = json.loads(out)["batch"]
    assert err.splitlines()[-4:] == [
        f"`screen report {batch}` lists the flagged lesions.",
        for_review(batch, 1),
        f"Warning: 1 image was not scored; `screen report {batch} --all` gives each reason.",
        NOTICE,
    ]


def test_submit_without_waiting_says_nothing_of_results(
    photograph: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["submit", str(photograph(tmp_path / "1.jpg"))]) == ExitCode.DONE
    err = capsys.readouterr().err
    assert "Queued." in err and "Warning" not in err and NOTICE not in err


def test_retry(
    sqlite_database: Database,
    submit: Callable[..., str],
    received: Callable[..., Any],
    take: Callable[..., list[Claim]],
    finish: Callable[..., None],
    scores: Scores,
    capsys: pytest.CaptureFixture[str],
) -> None:
    items = received(1)
    batch = submit(sqlite_database, items)
    for _ in range(MAX_FAULTS):
        (held,) = take(sqlite_database)
        finish(sqlite_database, held, Results(faults={image.id: "out of memory" for image in held.images}))
        with sqlite_database.write() as session:
            session.execute(update(Chunk).values(not_before=db_now(-1)))
    scores[items[0].image] = UNLIKE
    assert run(["retry", batch, "--wait"]) == ExitCode.DONE
    assert capsys.readouterr().err.splitlines()[-2:] == [
        for_review(batch, 1),
        NOTICE,
    ]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def test_watch_when_all_is_for_review(
    photograph: Callable[..., Path], scores: Scores, inbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores |= {str(photograph(inbox / f"{number}.jpg", number)): UNLIKE for number in range(2)}
    assert run([*WATCH, str(inbox)]) == ExitCode.DONE
    out, err = capsys.readouterr()
    batch = out.split()[1].removesuffix(":")
    assert out == (
        f"batch {batch}: 0 flagged, 2 for review, 0 clear; "
        "2 received = 2 screened + 0 duplicate + 0 rejected + 0 failed\n"
    )
    assert err.splitlines() == [
        f"Watching {inbox}. Ctrl-C stops it.",
        NOTICE,
        f"Batch {batch} is recorded.",
        for_review(batch, 2),
    ]


def test_watch_once_when_an_image_was_rejected(
    photograph: Callable[..., Path], inbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photograph(inbox / "1.jpg")
    (inbox / "2.jpg").write_bytes(b"no picture")
    assert run([*WATCH, str(inbox), "--json"]) == ExitCode.DONE_WITH_REJECTS
    out, err = capsys.readouterr()
    total = json.loads(out)
    assert (total["screened"], total["rejected"]) == (1, 1)
    assert err.splitlines()[-1] == (
        f"Warning: 1 image was not scored; `screen report {total['batch']} --all` gives each reason."
    )
