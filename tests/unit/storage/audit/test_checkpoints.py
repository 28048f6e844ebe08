"""Checkpoints are signed, lie outside the database, and lose no result when they cannot be written."""

from __future__ import annotations

import hashlib
import json
import logging
import resource
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from storage import audit
from storage.audit import checkpoints, keys
from storage.audit.checkpoint_log import database_id, log_path, open_log, read_log
from storage.audit.head import head_of
from storage.audit.standalone import Found, Line
from storage.database import Database, want_checkpoint
from storage.migrate import open_database
from storage.schema import AuditEvent
from storage.settings import Settings

Verify = Callable[..., Found]


def lines(settings: Settings) -> list[Line]:
    return read_log(log_path(settings))


def test_an_empty_chain_has_no_checkpoint(database: Database, settings: Settings, verify: Verify) -> None:
    assert checkpoints.take(database, settings) is None
    assert not settings.audit_folder.exists()
    assert verify() == Found(0, 0, [], [])


def test_a_chain_without_any_checkpoint_is_said_to_have_none(tell: Callable[..., None], verify: Verify) -> None:
    tell()
    assert verify().notes == [
        "no checkpoint was ever made: nothing shows whether the chain's end was cut off",
        "events 1 to 4 are newer than the newest checkpoint",
    ]


def test_checkpoints_cover_the_chain(sealed: Database, settings: Settings, verify: Verify) -> None:
    assert [(line.kind, line.size) for line in lines(settings)] == [
        ("begin", 0), ("checkpoint", 5), ("checkpoint", 9), ("checkpoint", 13),
    ]  # fmt: skip
    signer = keys.existing(settings)
    assert signer is not None
    assert verify() == Found(3, 13, [signer.id], [])
    assert stat.S_IMODE(log_path(settings).stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.audit_folder.stat().st_mode) == 0o700


def test_the_chain_names_the_key_once(sealed: Database, settings: Settings) -> None:
    signer = keys.existing(settings)
    assert signer is not None
    with sealed.read() as session:
        named = session.scalars(select(AuditEvent.body).where(AuditEvent.event == "audit.key")).all()
    facts = json.loads(*named)
    assert (facts["key"], facts["public"], facts["log"]) == (signer.id, signer.public, lines(settings)[0].digest)


def test_the_signature_is_that_of_the_documentation(sealed: Database, settings: Settings) -> None:
    """Ed25519 over the domain and the canonical text without the signature, checked here without our code."""
    signer = keys.existing(settings)
    assert signer is not None
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer.public))
    before = "0" * 64
    for text in log_path(settings).read_text(encoding="utf-8").splitlines():
        told = json.loads(text)
        signature = bytes.fromhex(told.pop("signature"))
        plain = json.dumps(told, sort_keys=True, separators=(",", ":"))
        public.verify(signature, b"dermscreen checkpoint 1\n" + plain.encode())
        assert (told["previous"], told["key"]) == (
            before,
            hashlib.sha256(bytes.fromhex(signer.public)).hexdigest()[:16],
        )
        before = hashlib.sha256(text.encode()).hexdigest()


def test_what_was_signed_is_not_signed_again(sealed: Database, settings: Settings) -> None:
    assert checkpoints.take(sealed, settings) is None
    assert len(lines(settings)) == 4


def test_a_checkpoint_is_due_when_the_chain_moved_and_the_last_is_old(
    sealed: Database, settings: Settings, tell: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell()
    checkpoints.take_if_due(sealed, settings)
    assert len(lines(settings)) == 4
    monkeypatch.setattr(checkpoints, "DUE_AFTER", checkpoints.DUE_AFTER * 0)
    checkpoints.take_if_due(sealed, settings)
    assert lines(settings)[-1].size == 17
    checkpoints.take_if_due(sealed, settings)
    assert len(lines(settings)) == 5


def test_events_that_are_newer_are_told(sealed: Database, tell: Callable[..., None], verify: Verify) -> None:
    tell()
    assert verify().notes == ["events 14 to 17 are newer than the newest checkpoint"]


def test_the_end_of_a_batch_is_a_checkpoint_whoever_closes_it(
    settings: Settings, sqlite_database: Database, submit: Callable[..., str], received: Callable[..., Any]
) -> None:
    database = open_database(settings)
    submit(database, received(2, reason="not an image"))  # decided at once
    with database.read() as session:
        head = head_of(session)
    database.close()
    assert (lines(settings)[-1].size, lines(settings)[-1].head) == (head.size, head.hash)


def test_a_rolled_back_transaction_makes_none(settings: Settings, sqlite_database: Database) -> None:
    database = open_database(settings)
    with pytest.raises(ZeroDivisionError), database.write() as session:
        audit.append(session, [audit.Event("told", None, {})])
        want_checkpoint(session)
        raise ZeroDivisionError
    database.close()
    assert not log_path(settings).exists()


def test_a_checkpoint_that_cannot_be_written_harms_nothing(
    settings: Settings, sqlite_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    settings.audit_folder.write_text("a file where the folder should be")
    database = open_database(settings)

    def tell() -> None:
        with database.write() as session:
            audit.append(session, [audit.Event("told", None, {})])
            want_checkpoint(session)

    tell()
    settings.audit_folder.unlink()
    tell()
    with database.read() as session:
        assert audit.verify(session) == 3
    database.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "no checkpoint of the audit trail was written" in caplog.text
    assert lines(settings)[-1].size == 3


def test_a_full_disk_leaves_no_half_line(
    sealed: Database, settings: Settings, tell: Callable[..., None], verify: Verify
) -> None:
    tell()
    signer = keys.existing_or_new(settings)
    before = log_path(settings).read_bytes()
    with sealed.read() as session:
        head = head_of(session)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_log(settings) as opened:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
        try:
            with pytest.raises(OSError):  # EFBIG here, ENOSPC on a full disk
                opened.append(signer.line(checkpoints.fields("checkpoint", head, opened.last)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log_path(settings).read_bytes() == before
    assert checkpoints.take(sealed, settings)
    assert verify().covered == 17


def test_what_a_crash_left_of_a_line_is_written_over(
    sealed: Database, settings: Settings, tell: Callable[..., None], verify: Verify
) -> None:
    with log_path(settings).open("ab") as file:
        file.write(b'{"at":"2026')
    assert verify().checkpoints == 3
    tell()
    checkpoints.take(sealed, settings)
    assert verify().checkpoints == 4


def test_writers_at_once_make_one_file(
    database: Database, settings: Settings, at_once: Callable[..., list[object]], verify: Verify
) -> None:
    def work() -> None:
        for _ in range(3):
            with database.write() as session:
                audit.append(session, [audit.Event("told", None, {})])
            checkpoints.take(database, settings)

    assert at_once([work] * 4) == [None] * 4
    found = verify()
    assert (found.covered, found.notes) == (13, [])


def test_the_id_of_a_database_is_that_of_its_place(settings: Settings) -> None:
    def named(url: str) -> str:
        return database_id(replace(settings, database_url=url))

    assert database_id(settings) == "embedded"
    assert named("postgresql://ann:secret@db/site") == named("postgres://ben:hush@db/site?sslmode=require")
    assert named("postgresql://u@/site?host=/run/pg") == named("postgresql://v:w@/site?host=/run/pg")
    different = {named(f"postgresql://u@{place}") for place in ("db/site", "db/other", "db2/site", "db:5433/site")}
    assert len(different) == 4


def test_reports_print_where_the_trail_ends(sealed: Database, settings: Settings, verify: Verify) -> None:
    with sealed.read() as session:
        end = checkpoints.end_of_trail(session, settings)
    assert end["size"] == 13
    assert end["key"] == lines(settings)[-1].key
    assert verify(heads=((13, str(end["head"])),)).covered == 13


def test_a_key_is_its_owners_alone(settings: Settings) -> None:
    first = keys.existing_or_new(settings)
    path = keys.key_path(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.existing_or_new(settings).public == first.public
    assert [item.name for item in path.parent.iterdir()] == ["key"]


def test_a_key_lies_where_the_setting_says(settings: Settings, tmp_path: Path) -> None:
    elsewhere = replace(settings, audit_key=tmp_path / "secrets" / "k")
    made = keys.existing_or_new(elsewhere)
    assert (tmp_path / "secrets" / "k").is_file()
    assert keys.existing(settings) is None
    assert keys.existing_or_new(elsewhere).public == made.public


def test_those_who_make_a_key_at_once_agree(settings: Settings, at_once: Callable[..., list[object]]) -> None:
    made = at_once([lambda: keys.existing_or_new(settings).public] * 8)
    assert set(made) == {keys.existing_or_new(settings).public}
