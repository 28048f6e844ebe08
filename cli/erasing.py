"""What `screen erase` does: erase, write due reports again, clean the database's file, and tell what is left."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import output
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from storage.database import Database
    from storage.erasure import Erasure, Order
    from storage.erasure_choice import Whose
    from storage.image_removal import Removal
    from storage.settings import Settings


def whose_images(patient: str | None, checksum: str | None) -> Whose:
    """What was asked for. Raises UsageFault unless it is a patient or a checksum."""
    from models.errors import UsageFault
    from storage.erasure_choice import Whose

    if (patient is None) == (checksum is None):
        raise UsageFault("expected --patient ID or --checksum SHA256, one of them")
    if checksum is not None:
        if not re.fullmatch("[0-9a-fA-F]{64}", checksum):
            raise UsageFault("--checksum: expected the SHA-256 of a report, 64 hexadecimal digits")
        return Whose(checksum=checksum.lower())
    # `ps` and the shell's history show what stands on a command line
    try:
        pseudonym = (sys.stdin.readline() if patient == "-" else patient or "").strip()
        pseudonym.encode("utf-8")
    except UnicodeError as error:
        raise UsageFault("--patient: expected the pseudonym of a manifest, which is UTF-8; stdin is not") from error
    if not pseudonym:
        raise UsageFault("--patient: expected the pseudonym of a manifest, received nothing")
    return Whose(patient=pseudonym)


def erase_and_tell(
    settings: Settings, database: Database, whose: Whose, order: Order, *, dry_run: bool, as_json: bool
) -> ExitCode:
    """Do it, or with ``dry_run`` only look, and print it. Raises what `storage.erasure.erase` raises.

    What stays of the files is on the disk and said before the rows forget it: the end of this may never be seen.
    """
    from storage.erasure import erase
    from storage.erasure_list import write_list
    from storage.erasure_traces import anything_erased, backups_since, reports_of
    from storage.scrubbing import scrub

    kept: list[Path] = []

    def keep_list(files: Sequence[Removal]) -> None:
        kept.append(write_list(settings, files))
        output.talk(
            f"Files that are not deleted: {len(files)}, listed in {kept[0]}; delete it when they are dealt with."
        )

    done = erase(database, whose, order, dry_run=dry_run, keep_list=keep_list)
    with database.read() as session:
        # also where nothing is left to erase: an earlier call may have died before it came to this
        clean = not dry_run and (done.images or anything_erased(session))
    todo = [left for left in (_reports_again(database, done), scrub(database)) if left] if clean else []
    with database.read() as session:
        shown: dict[str, Any] = {
            "erased": not dry_run,
            "images": done.images,
            "unscreened": done.unscreened,
            "batches": done.batches,
            "files": [{"file": item.file, "status": item.status, "reason": item.reason} for item in done.files],
            "same_bytes": done.same_bytes,
            "reports": reports_of(session, done.batches),
            "reports_written_again": [str(path) for path in done.rewrite],
            "backups": backups_since(session, done.batches),
            "left_to_do": todo,
            "list": str(kept[0]) if kept else None,
        }
    if as_json:
        output.data_json(shown)
    else:
        _show(shown, done, dry_run=dry_run)
    _say(shown, whose)
    return ExitCode.DONE_WITH_REJECTS if done.number("left") else ExitCode.DONE


def _reports_again(database: Database, done: Erasure) -> str | None:
    """Nightly reports that lie where they were written lose the names too. Returns what is left to do."""
    from models.errors import PassingFault
    from storage.exports import write_due_exports

    try:
        if done.rewrite:
            write_due_exports(database)
    except PassingFault as fault:
        return f"a nightly report still holds the names ({fault}): `screen beat` writes it again"
    return None


def _show(shown: dict[str, Any], done: Erasure, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    output.data(f"images   {done.images} {would}erased, in {len(done.batches)} batches")
    output.data(
        f"files    {done.number('deleted')} {would}deleted, {done.number('kept')} kept, {done.number('left')} left"
    )
    if files := [item for item in shown["files"] if dry_run or item["status"] != "deleted"]:
        output.table("Files", ["file", "status", "reason"], [list(item.values()) for item in files])
    for title, key in (("Reports that have left and hold the names", "reports"), ("Backups that hold them", "backups")):
        if rows := [[str(value or "") for value in item.values()] for item in shown[key]]:
            output.table(title, list(shown[key][0]), rows)


def _say(shown: dict[str, Any], whose: Whose) -> None:
    if not shown["images"]:
        what = "this patient" if whose.patient is not None else "these bytes"
        output.talk(f"No image of {what} is on record, or none any more: nothing to erase.")
    if shown["same_bytes"]:
        output.talk(
            f"{shown['same_bytes']} more images have the same bytes, of other patients or from other places, and stay; "
            "`screen erase --checksum` erases those too."
        )
    if shown["reports"]:
        output.talk(f"Reports of these batches that have left: {len(shown['reports'])}; delete them where they are.")
    if shown["backups"]:
        output.talk(
            f"Backups that hold the names: {len(shown['backups'])}; delete them, or the names come back with them "
            "wherever the erasure is not on record."
        )
    for left in shown["left_to_do"]:
        output.talk(f"Left to do: {left}.")
