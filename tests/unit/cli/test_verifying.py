"""`screen audit verify` finds no forgery at a site that goes on working while it looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cli.verifying import Wanted, verify_database
from storage.audit import checkpoints, verification
from storage.audit.other_rows import OtherRows
from storage.database import Database, Session
from storage.settings import Settings

NOTHING = Wanted.of((), (), ())


@pytest.fixture
def site(settings: Settings, database: Database) -> Settings:
    """The settings by which commands find ``database``."""
    return settings if database.engine.dialect.name == "sqlite" else replace(settings, database_url=database.url)


@pytest.fixture
def work(database: Database, site: Settings, submit: Any, received: Any, screen: Any) -> Callable[[], None]:
    """What a site does in a minute: a batch comes in, all that waits is screened, a checkpoint is written."""

    def some() -> None:
        submit(database, received(3))
        screen(database)
        assert checkpoints.take(database, site)

    return some


def test_a_batch_that_comes_and_ends_during_the_walk(
    site: Settings, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    work()
    walk = verification.walk

    def disturbed(session: Session) -> Iterator[Any]:
        for number, event in enumerate(walk(session)):
            if number == 1:
                work()
            yield event

    monkeypatch.setattr(verification, "PAGE", 2)
    monkeypatch.setattr(verification, "walk", disturbed)
    found = verify_database(site, NOTHING)
    assert (found["events"], found["checkpoints"], found["notes"]) == (found["covered"], 1, [])
    monkeypatch.setattr(verification, "walk", walk)
    assert verify_database(site, NOTHING)["checkpoints"] == 2


def test_images_that_are_screened_between_the_walk_and_the_look_at_the_rows(
    site: Settings, database: Database, work: Callable[[], None], submit: Any, received: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    work()
    submit(database, received(2))
    check = OtherRows.check

    def disturbed(rows: OtherRows, session: Session) -> None:
        work()
        check(rows, session)

    monkeypatch.setattr(OtherRows, "check", disturbed)
    assert verify_database(site, NOTHING)["checkpoints"] == 1


def test_a_second_place_that_grows_meanwhile(
    site: Settings, work: Callable[[], None], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is copied there while it is read is in the file too."""
    from storage.audit import checking

    two = replace(site, checkpoints_url=(tmp_path / "safe").as_uri())
    work()
    checkpoints.copy_to_second_place(two)
    lines_at = checking.lines_at

    def disturbed(url: str, name: str) -> Any:
        work()
        checkpoints.copy_to_second_place(two)
        return lines_at(url, name)

    monkeypatch.setattr(checking, "lines_at", disturbed)
    assert verify_database(two, NOTHING)["checkpoints"] == 2


def test_the_first_checkpoint_of_all_is_written_meanwhile(
    site: Settings, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain names its key, and the file was not there when it was looked for: no proof of anything."""
    from cli import verifying
    from models.errors import PassingFault

    read = verifying.Lines.read

    def disturbed(*given: Any) -> Any:
        lines = read(*given)
        work()
        return lines

    monkeypatch.setattr(verifying.Lines, "read", disturbed)
    with pytest.raises(PassingFault, match="verify again"):
        verify_database(site, NOTHING)
