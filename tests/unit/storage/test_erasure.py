"""A patient's images and names are gone, what was decided stays, and the chain still verifies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from models.errors import ImageRefused, PassingFault, UsageFault
from storage import audit, erasure
from storage.audit.names import digest
from storage.backup import write_backup
from storage.batch_writer import Received
from storage.chunks import MAX_FAULTS, Claim, Results
from storage.clock import db_now
from storage.counts import counts
from storage.database import Database
from storage.erased import ERASED_IMAGE, UNSCREENED
from storage.erasure import Erasure, Order, erase
from storage.erasure_choice import Whose
from storage.erasure_traces import backups_since
from storage.exports import write_due_exports
from storage.image_files import read_image_bytes
from storage.image_removal import remove_image, tidy_inbox
from storage.report import rows
from storage.restore import restore
from storage.retry import retry_failed
from storage.schema import AuditEvent, Batch, Chunk, Decision, Image, Prediction
from storage.scrubbing import scrub

Submit = Callable[..., str]
Images = Callable[..., list[Image]]
Screen = Callable[..., None]
Count = Callable[..., int]
Ward = Callable[..., list[Received]]

PATIENT, OTHER = "patient-4711", "patient-0815"
ORDER = Order("request of 20 November", "Dr Jones")


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    """Writes files and hands them in as intake does: ``ward("a.jpg", "b.jpg", patient=PATIENT)``."""

    def make(*names: str, patient: str | None = PATIENT, content: str | None = None) -> list[Received]:
        made = []
        for name in names:
            path = tmp_path / "ward" / name
            path.parent.mkdir(exist_ok=True)
            data = (content or f"bytes of {name}").encode()
            path.write_bytes(data)
            lesion = f"lesion-{name}" if patient else None
            checksum = hashlib.sha256(data).hexdigest()
            made.append(Received(str(path), str(path), checksum, len(data), patient=patient, lesion=lesion))
        return made

    return make


def bodies(database: Database, event: str) -> list[dict[str, Any]]:
    with database.read() as session:
        query = select(AuditEvent.body).where(AuditEvent.event == event).order_by(AuditEvent.seq)
        return [json.loads(body) for body in session.scalars(query)]


def verified(database: Database) -> int:
    with database.read() as session:
        return audit.verify(session)


def test_files_and_names_go_and_the_result_stays(
    database: Database, ward: Ward, submit: Submit, screen: Screen, images: Images, count: Count
) -> None:
    mine, others = ward("olga.jpg", "olga2.jpg"), ward("bob.jpg", patient=OTHER)
    batch_id = submit(database, [*mine, *others])
    screen(database, {mine[0].location: 0.9})
    salts = [row.salt for row in images(database, batch_id)]
    before = count(database, Prediction), count(database, Decision)

    done = erase(database, Whose(PATIENT), ORDER)

    assert (done.images, done.batches, done.number("deleted"), done.number("left")) == (2, [batch_id], 2, 0)
    assert [Path(row.location).exists() for row in (*mine, *others)] == [False, False, True]
    first, second, kept = images(database, batch_id)
    for row, given in ((first, mine[0]), (second, mine[1])):
        assert (row.image, row.location, row.salt, row.patient, row.lesion) == (ERASED_IMAGE, "", None, None, None)
        assert row.erased_at is not None
        assert (row.checksum, row.size, row.state) == (given.checksum, given.size, "screened")
    assert (kept.image, kept.patient, kept.erased_at) == (others[0].image, OTHER, None)
    assert (count(database, Prediction), count(database, Decision)) == before
    said = bodies(database, "image.erased")
    assert [body["image"] for body in said] == [first.id, second.id]
    assert {(body["reason"], body["actor"], body["file"]) for body in said} == {
        ("request of 20 November", "Dr Jones", "deleted")
    }
    (summary,) = bodies(database, "patient.erased")
    assert (summary["images"], summary["files_deleted"], summary["batch"]) == (2, 2, "")
    verified(database)
    with database.read() as session:
        chain = "\n".join(session.scalars(select(AuditEvent.body)))
        (gone, _, _) = rows(session, [batch_id], flagged_only=False)
    assert not any(word in chain for word in (PATIENT, OTHER, "olga", "bob", "lesion-"))
    # the digest of before is still there, and nobody can say of what any more
    assert salts[0] is not None
    assert digest(salts[0], "patient", PATIENT) in chain
    assert (gone.image, gone.patient, gone.lesion, gone.probability, gone.erased) == (ERASED_IMAGE, "", "", 0.9, True)
    with pytest.raises(ImageRefused, match="^erased: "):
        read_image_bytes(gone.location)


def test_a_second_call_finds_nothing(database: Database, ward: Ward, submit: Submit, screen: Screen) -> None:
    submit(database, ward("olga.jpg"))
    screen(database)
    erase(database, Whose(PATIENT), ORDER)
    length = verified(database)
    assert erase(database, Whose(PATIENT), ORDER) == Erasure()
    assert verified(database) == length


def test_a_dry_run_changes_nothing(
    database: Database, ward: Ward, submit: Submit, screen: Screen, images: Images
) -> None:
    (row,) = ward("olga.jpg")
    batch_id = submit(database, [row])
    screen(database)
    length = verified(database)
    done = erase(database, Whose(PATIENT), ORDER, dry_run=True)
    assert (done.images, [item.status for item in done.files]) == (1, ["deleted"])
    assert Path(row.location).exists()
    assert (images(database, batch_id)[0].patient, verified(database)) == (PATIENT, length)


def test_files_can_be_kept(database: Database, ward: Ward, submit: Submit, screen: Screen) -> None:
    (row,) = ward("olga.jpg")
    submit(database, [row])
    screen(database)
    done = erase(database, Whose(PATIENT), replace(ORDER, keep_files=True))
    assert [(item.file, item.status) for item in done.files] == [(row.location, "kept")]
    assert Path(row.location).exists()
    assert bodies(database, "patient.erased")[0]["files_kept"] == 1


def test_what_died_between_the_files_and_the_rows_is_finished_by_the_same_call(
    database: Database, ward: Ward, submit: Submit, screen: Screen, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = ward("olga.jpg")
    batch_id = submit(database, [row])
    screen(database)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "_erase", die)
        with pytest.raises(KeyboardInterrupt):
            erase(database, Whose(PATIENT), ORDER)
    assert not Path(row.location).exists()
    assert images(database, batch_id)[0].patient == PATIENT
    done = erase(database, Whose(PATIENT), ORDER)
    assert [(item.status, item.reason.partition(":")[0]) for item in done.files] == [("left", "it is no longer there")]
    assert images(database, batch_id)[0].erased_at is not None
    verified(database)


def test_an_image_that_comes_in_meanwhile_is_not_overlooked(
    database: Database, ward: Ward, submit: Submit, screen: Screen, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = submit(database, ward("olga.jpg"))
    screen(database)
    remove = erasure.remove_image

    def slowly(*arguments: Any, **options: Any) -> Any:
        submit(database, ward("olga2.jpg"))
        screen(database)
        return remove(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "remove_image", slowly)
        with pytest.raises(PassingFault, match="give the command again"):
            erase(database, Whose(PATIENT), ORDER)
    assert images(database, batch_id)[0].erased_at is None
    assert erase(database, Whose(PATIENT), ORDER).images == 2
    verified(database)


@pytest.mark.parametrize(
    ("reason", "actor"),
    [
        ("asked by PATIENT-4711", "x"),
        ("file olga.jpg", "x"),
        ("the olga's lesion-olga.jpg", "x"),
        ("fine", "for patient-4711"),
    ],
)
def test_the_chain_gets_no_name(
    database: Database, ward: Ward, submit: Submit, screen: Screen, reason: str, actor: str
) -> None:
    (row,) = ward("olga.jpg")
    submit(database, [row])
    screen(database)
    with pytest.raises(UsageFault, match="it stands on the audit chain for ever") as error:
        erase(database, Whose(PATIENT), Order(reason, actor))
    assert PATIENT not in str(error.value)
    assert Path(row.location).exists()


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501])
def test_a_reason_is_one_line(database: Database, reason: str) -> None:
    with pytest.raises(UsageFault, match="^the reason: expected one line"):
        erase(database, Whose(PATIENT), Order(reason, "x"))


# --- what is still to be screened -----------------------------------------------------------------------------


def test_what_waits_is_refused_and_can_be_given_up(
    database: Database, ward: Ward, submit: Submit, images: Images, take: Callable[..., list[Claim]],
    finish: Callable[..., None],
) -> None:  # fmt: skip
    batch_id = submit(database, [*ward("olga.jpg"), *ward("bob.jpg", patient=OTHER)])
    with pytest.raises(UsageFault, match="^1 of the 1 images are still to be screened"):
        erase(database, Whose(PATIENT), ORDER)
    assert erase(database, Whose(PATIENT), replace(ORDER, unscreened=True)).unscreened == 1
    (held,) = take(database)  # the chunk lives on without the image
    assert [image.image for image in held.images] == [images(database, batch_id)[1].image]
    finish(database, held)
    assert [(row.state, row.reason) for row in images(database, batch_id)] == [
        ("failed", UNSCREENED),
        ("screened", None),
    ]
    with database.read() as session:
        total = counts(session, batch_id)
    assert (total.state, total.failed, total.adds_up) == ("complete", 1, True)
    verified(database)


def test_a_batch_of_which_nothing_is_left_to_screen_is_complete(
    database: Database, ward: Ward, submit: Submit, take: Callable[..., list[Claim]], count: Count
) -> None:
    batch_id = submit(database, ward("olga.jpg", "olga2.jpg"))
    erase(database, Whose(PATIENT), replace(ORDER, unscreened=True))
    with database.read() as session:
        assert counts(session, batch_id).state == "complete"
    assert take(database) == []
    assert count(database, Chunk, Chunk.state == "done") == 1
    verified(database)


def test_what_a_worker_holds_is_refused(
    database: Database, ward: Ward, submit: Submit, take: Callable[..., list[Claim]], finish: Callable[..., None]
) -> None:
    (row,) = ward("olga.jpg")
    submit(database, [row])
    (held,) = take(database)
    with pytest.raises(UsageFault, match="^a worker is screening images of batch"):
        erase(database, Whose(PATIENT), replace(ORDER, unscreened=True))
    assert Path(row.location).exists()
    finish(database, held)
    assert erase(database, Whose(PATIENT), ORDER).images == 1


def test_a_worker_that_claims_at_the_same_moment(
    database: Database, ward: Ward, submit: Submit, take: Callable[..., list[Claim]], finish: Callable[..., None],
    at_once: Callable[..., list[object]],
) -> None:  # fmt: skip
    batch_id = submit(database, [*ward("olga.jpg"), *ward("bob.jpg", patient=OTHER)])
    order = replace(ORDER, unscreened=True)
    erased, claims = at_once([lambda: erase(database, Whose(PATIENT), order), lambda: take(database)])
    assert isinstance(claims, list)
    assert isinstance(erased, Erasure | UsageFault | PassingFault)
    for held in claims or take(database):
        assert len(held.images) == (1 if isinstance(erased, Erasure) else 2)
        finish(database, held)
    assert erase(database, Whose(PATIENT), ORDER).images == (0 if isinstance(erased, Erasure) else 1)
    with database.read() as session:
        assert counts(session, batch_id).state == "complete"
    verified(database)


def test_an_erased_image_is_not_tried_again(
    database: Database, ward: Ward, submit: Submit, take: Callable[..., list[Claim]], finish: Callable[..., None],
    images: Images,
) -> None:  # fmt: skip
    batch_id = submit(database, [*ward("olga.jpg"), *ward("bob.jpg", patient=OTHER)])
    for _ in range(MAX_FAULTS):
        (held,) = take(database)
        finish(database, held, Results(faults={image.id: "out of memory" for image in held.images}))
        with database.write() as session:
            session.execute(update(Chunk).values(not_before=db_now(-1)))
    erase(database, Whose(PATIENT), ORDER)
    with database.write() as session:
        retried = retry_failed(session, batch_id, "x")
    assert (retried.images, retried.erased) == (1, 1)
    assert [row.state for row in images(database, batch_id)] == ["failed", "waiting"]
    verified(database)


# --- files ----------------------------------------------------------------------------------------------------


def test_only_the_very_file_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"picture")
    right, wrong = (hashlib.sha256(data).hexdigest() for data in (b"picture", b"another"))
    link, folder, double = tmp_path / "link.jpg", tmp_path / "folder", tmp_path / "double.jpg"
    link.symlink_to(path)
    folder.mkdir()
    assert "changed" in remove_image(str(path), wrong).reason
    assert "no regular file" in remove_image(str(link), right).reason
    assert "no regular file" in remove_image(str(folder), right).reason
    assert "no longer there" in remove_image(str(tmp_path / "gone" / "a.jpg"), right).reason
    assert "nobody knows" in remove_image(str(path), None).reason
    assert "remote store" in remove_image("s3://ward/a.jpg", right).reason
    assert path.exists()
    double.hardlink_to(path)
    assert "1 more names" in remove_image(str(path), right).reason
    assert not path.exists()
    assert (remove_image(str(double), right).status, double.exists()) == ("deleted", False)


def test_a_file_of_two_patients_stays(database: Database, ward: Ward, submit: Submit, screen: Screen) -> None:
    (row,) = ward("olga.jpg")
    submit(database, [row])
    submit(database, [replace(row, patient=OTHER)])
    screen(database)
    done = erase(database, Whose(PATIENT), ORDER)
    assert [(item.status, item.reason) for item in done.files] == [
        ("left", "the same file was handed in for another patient too")
    ]
    assert (done.same_bytes, Path(row.location).exists()) == (1, True)


def test_the_same_file_handed_in_without_a_patient_goes_too(
    database: Database, ward: Ward, submit: Submit, screen: Screen, images: Images
) -> None:
    (row,) = ward("olga.jpg")
    first, second = submit(database, [row]), submit(database, [replace(row, patient=None, lesion=None)])
    screen(database)
    done = erase(database, Whose(PATIENT), ORDER)
    assert (done.images, done.batches, len(done.files)) == (2, [first, second], 1)
    assert images(database, second)[0].image == ERASED_IMAGE
    verified(database)


def test_by_checksum_every_copy_goes(database: Database, ward: Ward, submit: Submit, screen: Screen) -> None:
    copies = [*ward("a.jpg", patient=None, content="same"), *ward("b.jpg", content="same")]
    batch_id = submit(database, copies)
    screen(database)
    assert erase(database, Whose(PATIENT), ORDER).same_bytes == 1
    assert erase(database, Whose(checksum=copies[0].checksum), ORDER).images == 1
    assert not any(Path(row.location).exists() for row in copies)
    with database.read() as session:
        reasons = [row.reason for row in rows(session, [batch_id], flagged_only=False)]
    assert reasons == ["", "same bytes as an erased image"]
    verified(database)


def test_what_an_inbox_kept_goes_too(
    database: Database, tmp_path: Path, submit: Submit, ward: Ward, screen: Screen
) -> None:
    inbox = tmp_path / "inbox"
    kept = inbox / "rejected" / "Doe, Jane" / "a.jpg"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"bytes of a.jpg")
    note = kept.with_name("a.jpg.reason.txt")
    note.write_text("not an image")
    (row,) = ward("a.jpg")
    rejected = replace(row, image=str(inbox / "a.jpg"), location=str(kept), reason="not an image")
    batch_id = submit(database, [rejected], source="inbox", inbox=str(inbox))
    with pytest.raises(UsageFault, match="still leaving its inbox"):
        erase(database, Whose(PATIENT), ORDER)
    with database.write() as session:
        session.execute(update(Batch).where(Batch.id == batch_id).values(moved_at=db_now()))
    assert erase(database, Whose(PATIENT), ORDER).number("deleted") == 1
    assert [path.name for path in inbox.rglob("*")] == ["rejected"]
    verified(database)


def test_nobody_leads_an_erasure_out_of_an_inbox(tmp_path: Path) -> None:
    inbox, elsewhere = tmp_path / "inbox", tmp_path / "elsewhere"
    (inbox / "rejected").mkdir(parents=True)
    elsewhere.mkdir()
    for name in ("a.jpg", "a.jpg.reason.txt"):
        (elsewhere / name).write_bytes(b"picture")
    (inbox / "rejected" / "jane").symlink_to(elsewhere)
    location = str(inbox / "rejected" / "jane" / "a.jpg")
    removal = remove_image(location, hashlib.sha256(b"picture").hexdigest(), inbox=str(inbox))
    assert (removal.status, "could not be deleted" in removal.reason) == ("left", True)
    tidy_inbox(str(inbox), location)
    assert len(list(elsewhere.iterdir())) == 2


def test_a_nightly_report_loses_the_names(
    database: Database, ward: Ward, submit: Submit, screen: Screen, tmp_path: Path
) -> None:
    (row,) = ward("olga.jpg")
    batch_id = submit(database, [row], export_folder=str(tmp_path))
    screen(database, {row.location: 0.9})
    [(path, summary)] = write_due_exports(database)
    assert PATIENT in path.read_text()
    assert erase(database, Whose(PATIENT), ORDER).rewrite == [path, summary]
    assert write_due_exports(database) == [(path, summary)]
    assert PATIENT not in path.read_text()
    assert path.read_text().splitlines()[1].startswith(f"{batch_id},{ERASED_IMAGE},{row.checksum},flagged,0.900000")


def test_a_nightly_summary_loses_them_too(
    database: Database, ward: Ward, submit: Submit, screen: Screen, tmp_path: Path
) -> None:
    (row,) = ward("olga.jpg")
    submit(database, [row], export_folder=str(tmp_path))
    screen(database, {row.location: (0.1, "blurred")})
    [(path, summary)] = write_due_exports(database)
    path.unlink()  # somebody took it away; what lies there still has to lose the names
    assert "olga.jpg" in summary.read_text()
    assert erase(database, Whose(PATIENT), ORDER).rewrite == [summary]
    write_due_exports(database)
    assert "olga" not in summary.read_text()
    assert f"  review    {ERASED_IMAGE}: blurred\n" in summary.read_text()


# --- the database's own files, and backups --------------------------------------------------------------------


def test_no_byte_of_a_name_is_left_in_the_files_of_sqlite(
    sqlite_database: Database, ward: Ward, submit: Submit, screen: Screen, take: Callable[..., list[Claim]]
) -> None:
    # many rows, changed several times: copies lie in free pages, in gaps of used ones, and in the log
    batch_id = submit(sqlite_database, ward(*(f"secret-name-{number}.jpg" for number in range(150))))
    screen(sqlite_database)
    names = [PATIENT.encode(), b"secret-name", b"lesion-"]
    home = Path(sqlite_database.engine.url.database or "").parent
    assert any(name in path.read_bytes() for path in home.glob("dermscreen.db*") for name in names)
    erase(sqlite_database, Whose(PATIENT), ORDER)
    assert scrub(sqlite_database) is None
    for path in home.glob("dermscreen.db*"):
        content = path.read_bytes()
        assert [name for name in names if name in content] == [], path.name
    assert verified(sqlite_database) > 150
    with sqlite_database.read() as session:
        assert counts(session, batch_id).adds_up


def test_a_log_that_a_reader_needs_is_told(
    sqlite_database: Database, submit: Submit, ward: Ward, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.scrubbing.BUSY_TIMEOUT_MS", 50)
    submit(sqlite_database, ward("olga.jpg"))
    screen(sqlite_database)
    with sqlite_database.read() as session:
        session.scalars(select(Image.id)).all()
        erase(sqlite_database, Whose(PATIENT), ORDER)
        assert "give the command again" in (scrub(sqlite_database) or "")
    assert scrub(sqlite_database) is None


def test_postgresql_is_told_what_its_owner_has_to_do(postgres_database: Database) -> None:
    assert "VACUUM FULL images" in (scrub(postgres_database) or "")


@pytest.mark.parametrize("screened", [True, False])
def test_a_restored_backup_is_erased_again(
    database: Database, ward: Ward, submit: Submit, screen: Screen, images: Images, tmp_path: Path, screened: bool
) -> None:
    batch_id = submit(database, [*ward("olga.jpg"), *ward("bob.jpg", patient=OTHER)])
    if screened:
        screen(database)
    write_backup(database, tmp_path / "backup.gz")
    screen(database)
    erase(database, Whose(PATIENT), ORDER)
    done = restore(database, tmp_path / "backup.gz", replace=True)
    assert (done.erased_again, done.unfinished) == (1, 0 if screened else 1)
    row, other = images(database, batch_id)
    assert (row.image, row.patient, row.salt) == (ERASED_IMAGE, None, None)
    assert (row.state, other.patient) == ("screened" if screened else "failed", OTHER)
    (said,) = bodies(database, "image.erased")
    assert (said["reason"], said["erased_before_by"], said["again_after"]) == (
        "request of 20 November", "Dr Jones", "database.restored",
    )  # fmt: skip
    screen(database)
    with database.read() as session:
        assert counts(session, batch_id).state == "complete"
    verified(database)
    assert restore(database, tmp_path / "backup.gz", replace=True).erased_again == 1


def test_a_backup_that_was_restored_is_named_among_those_that_hold_the_names(
    database: Database, ward: Ward, submit: Submit, screen: Screen, tmp_path: Path
) -> None:
    batch_id = submit(database, ward("olga.jpg"))
    screen(database)
    made = [write_backup(database, tmp_path / "1.gz")]
    restore(database, tmp_path / "1.gz", replace=True)
    made.append(write_backup(database, tmp_path / "2.gz"))
    erase(database, Whose(PATIENT), ORDER)
    with database.read() as session:
        found = backups_since(session, [batch_id])
    assert found == [{"at": backup.header.taken_at, "sha256": backup.sha256} for backup in made]
    later = submit(database, ward("bob.jpg", patient=OTHER))
    with database.read() as session:
        assert backups_since(session, [later]) == []
