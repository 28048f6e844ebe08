"""What a chain alone does not show is shown by its checkpoints, and the right place is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.errors import ProofBroken, UsageFault
from storage.audit import checkpoints, keys
from storage.audit.checkpoint_log import log_path, open_log, read_log
from storage.audit.head import head_of
from storage.audit.standalone import Found
from storage.backup import write_backup
from storage.database import Database
from storage.restore import restore
from storage.settings import Settings

Verify = Callable[..., Found]


def broken(verify: Verify, *further: str, **known: Any) -> str:
    with pytest.raises(ProofBroken) as proof:
        verify(*further, **known)
    return str(proof.value)


def rewrite(settings: Settings, change: Callable[[list[str]], list[str]]) -> None:
    path = log_path(settings)
    kept = change(path.read_text(encoding="utf-8").splitlines())
    path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def sign_all_anew(database: Database, settings: Settings) -> None:
    """What somebody does who has put a key of their own in the place of the site's."""
    sizes = [line.size for line in read_log(log_path(settings))]
    log_path(settings).unlink()
    signer = keys.existing_or_new(settings)
    with open_log(settings) as opened, database.read() as session:
        last = checkpoints.begin(session, opened, signer)
        head, found = head_of(session), checkpoints.hashes(session, set(sizes) - {0})
        for size in sizes[1:]:
            line = checkpoints.fields("checkpoint", replace(head, size=size, hash=found[size]), last)
            last = opened.append(signer.line(line))


@pytest.mark.parametrize("after", [12, 9, 6])
def test_a_tail_that_was_cut_off(sealed: Database, attacker: Any, verify: Verify, after: int) -> None:
    attacker.cut(after)
    told = broken(verify)
    assert told.startswith(f"the audit chain ends with event {after}: the checkpoint of ")
    assert f"event {after + 1} and those behind it were cut off" in told


def test_a_tail_that_was_cut_off_and_grew_again(
    sealed: Database, attacker: Any, tell: Callable[..., None], verify: Verify
) -> None:
    attacker.cut(10)
    tell("other")
    assert broken(verify).startswith("events 10 to 13 are not those that the checkpoint of ")


@pytest.mark.parametrize(("seq", "first", "last"), [(4, 1, 5), (7, 6, 9), (13, 10, 13)])
def test_an_event_edited_and_all_hashes_computed_anew(
    sealed: Database, attacker: Any, verify: Verify, seq: int, first: int, last: int
) -> None:
    attacker.forge(seq)
    assert broken(verify).startswith(f"events {first} to {last} are not those that the checkpoint of ")


def test_the_first_event_edited_and_all_computed_anew(sealed: Database, attacker: Any, verify: Verify) -> None:
    attacker.forge(1)
    assert broken(verify).startswith("event 1 is not the one that the checkpoint of ")


def test_the_event_that_names_the_key_edited(sealed: Database, attacker: Any, verify: Verify) -> None:
    attacker.forge(5)
    assert broken(verify).startswith("events 1 to 5 are not those that the checkpoint of ")


def test_a_replaced_key_file(sealed: Database, settings: Settings, tell: Callable[..., None], verify: Verify) -> None:
    old = keys.existing_or_new(settings)
    keys.key_path(settings).unlink()
    new = keys.existing_or_new(settings)
    assert broken(verify).startswith(f"the key was replaced: {keys.key_path(settings)} holds key {new.id}, ")
    tell()
    checkpoints.take(sealed, settings)  # the site goes on with it, in good faith
    told = broken(verify)
    assert f"(18 events) is signed with key {new.id}, those before it with {old.id}: the key was replaced" in told
    assert verify(pinned=(old.public, new.public)).covered == 18  # it was meant so


def test_a_replaced_key_and_checkpoints_signed_anew(
    sealed: Database, settings: Settings, attacker: Any, verify: Verify
) -> None:
    old = keys.existing_or_new(settings)
    keys.key_path(settings).unlink()
    new = keys.existing_or_new(settings)
    sign_all_anew(sealed, settings)
    assert f"is signed with key {new.id}, which is named by no event of the chain" in broken(verify)
    assert f"is signed with key {new.id}, which is not the one that was given" in broken(verify, pinned=(old.public,))


def test_a_database_rolled_back_to_an_older_copy(
    sqlite_database: Database, settings: Settings, older_copy: Callable[..., Any]
) -> None:
    from storage import audit
    from storage.audit.checking import Lines, check_checkpoints

    def tell() -> None:
        with sqlite_database.write() as session:
            audit.append(session, [audit.Event("told", None, {})])
        checkpoints.take(sqlite_database, settings)

    tell()
    put_back = older_copy(sqlite_database)
    tell()
    put_back()
    with sqlite_database.read() as session:
        assert audit.verify(session) == 2
        with pytest.raises(ProofBroken, match=r"^the audit chain ends with event 2: .* event 3 and those behind it"):
            check_checkpoints(session, settings, Lines.read(settings))


def test_another_database_in_its_place(
    sealed: Database, attacker: Any, tell: Callable[..., None], verify: Verify
) -> None:
    attacker.cut(0)
    assert broken(verify).startswith("the audit chain ends with event 0: ")
    for _ in range(4):
        tell("other")
    assert broken(verify).startswith("event 1 is not the one that the checkpoint of ")


def test_a_removed_file_of_checkpoints(
    sealed: Database, settings: Settings, tell: Callable[..., None], verify: Verify, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(log_path(settings).read_bytes())
    log_path(settings).unlink()
    assert broken(verify).startswith("event 5 names the key ")
    assert "--checkpoints" in broken(verify)
    assert verify(str(copy)).checkpoints == 3
    tell()
    checkpoints.take(sealed, settings)  # begins a new one
    told = broken(verify)
    assert told.startswith("event 5 names checkpoints of key ")
    assert told.endswith("that are not here: they were removed")
    assert verify(str(copy)).checkpoints == 4


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_line(sealed: Database, settings: Settings, verify: Verify, number: int) -> None:
    rewrite(settings, lambda lines: lines[:number] + lines[number + 1 :])
    assert broken(verify).endswith("names one before it that is missing: checkpoints were removed")


def test_a_removed_first_line(sealed: Database, settings: Settings, verify: Verify) -> None:
    rewrite(settings, lambda lines: lines[1:])
    assert broken(verify).endswith("names one before it that is missing: checkpoints were removed")


def test_swapped_lines(sealed: Database, settings: Settings, verify: Verify) -> None:
    rewrite(settings, lambda lines: [lines[0], lines[2], lines[1], lines[3]])
    assert broken(verify).endswith("does not follow the one before it: lines were swapped")


def test_a_changed_line(sealed: Database, settings: Settings, verify: Verify) -> None:
    rewrite(settings, lambda lines: [*lines[:3], lines[3].replace('"size":13', '"size":12')])
    assert broken(verify).endswith("(12 events) was changed: its signature does not hold")
    rewrite(settings, lambda lines: [*lines[:3], "{}"])
    assert "is none or was changed" in broken(verify)


def test_a_noted_head_that_the_chain_does_not_hold(sealed: Database, verify: Verify) -> None:
    told = broken(verify, heads=((12, "ab" * 32),))
    assert told == "the chain does not hold the noted head of 12 events: cut off or changed"


def test_a_restore_is_no_roll_back(
    sealed: Database, settings: Settings, tell: Callable[..., None], attacker: Any, verify: Verify, tmp_path: Path
) -> None:
    write_backup(sealed, tmp_path / "b.gz")  # of 13 events
    tell()
    checkpoints.take(sealed, settings)
    restore(sealed, tmp_path / "b.gz", replace=True, settings=settings)
    found = verify()
    assert (found.covered, len(found.notes)) == (14, 1)
    assert found.notes[0].startswith("a backup was restored at ")
    assert found.notes[0].endswith("; 5 events may have been set aside")
    tell()
    checkpoints.take(sealed, settings)
    assert verify().covered == 18
    attacker.cut(14)  # and after it a roll-back is one again
    assert broken(verify).startswith("the audit chain ends with event 14: ")


def test_an_older_backup_without_the_key_is_restored(
    database: Database, settings: Settings, tell: Callable[..., None], verify: Verify, tmp_path: Path
) -> None:
    tell()
    write_backup(database, tmp_path / "b.gz")
    checkpoints.take(database, settings)
    restore(database, tmp_path / "b.gz", replace=True, settings=settings)
    assert verify().covered == 6  # 4, the restore, the key


def test_a_restore_that_nobody_announced_is_a_roll_back(
    sealed: Database, settings: Settings, tell: Callable[..., None], verify: Verify, tmp_path: Path
) -> None:
    write_backup(sealed, tmp_path / "b.gz")
    tell()
    checkpoints.take(sealed, settings)
    restore(sealed, tmp_path / "b.gz", replace=True)
    assert broken(verify).startswith("the audit chain ends with event 14: ")


def test_a_restore_whose_commit_failed_changes_nothing(
    sealed: Database, settings: Settings, tell: Callable[..., None], verify: Verify, tmp_path: Path
) -> None:
    from storage.audit.restoring import noted

    write_backup(sealed, tmp_path / "b.gz")
    with pytest.raises(ZeroDivisionError), noted(settings) as note, sealed.write() as session:
        from storage import audit

        audit.append(session, [audit.Event("database.restored", None, {})])
        note.before_commit(session, 13, head_of(session).origin)
        raise ZeroDivisionError
    assert broken(verify)  # for the wrong end of the chain was given
    rewrite(settings, lambda lines: lines[:-1])
    with sealed.read() as session:
        head = head_of(session)
    with pytest.raises(ZeroDivisionError), noted(settings) as note, sealed.write() as session:
        audit.append(session, [audit.Event("database.restored", None, {})])
        note.before_commit(session, head.size, head.hash)
        raise ZeroDivisionError
    tell()
    checkpoints.take(sealed, settings)
    assert verify().notes == []


@pytest.mark.parametrize(("content", "mode", "told"), [
    (None, 0o644, "has mode 0644: expected 0600"),
    (b"no key", 0o600, "expected an Ed25519 private key"),
])  # fmt: skip
def test_a_key_that_cannot_be_trusted_is_refused(
    settings: Settings, content: bytes | None, mode: int, told: str
) -> None:
    keys.existing_or_new(settings)
    path = keys.key_path(settings)
    if content is not None:
        path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(UsageFault, match=told):
        keys.existing_or_new(settings)
