"""A patient's images and names are erased on request; what was decided stays, and the audit chain still verifies.

Files go first, then one transaction cleans the rows: if the process dies in between, the rows still know what is to be
done, and the same command finishes it. The other way round nobody would know where the files lie. Those that stay are
listed elsewhere before the rows forget them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.errors import PassingFault, UsageFault
from storage import audit
from storage.database import Database, want_checkpoint
from storage.erased import Facts, erase_rows
from storage.erasure_choice import Chosen, Whose, choose, places_of_others, same_bytes
from storage.exports import export_paths
from storage.image_removal import DELETED, KEPT, LEFT, Removal, remove_image, tidy_inbox
from storage.paging import pages
from storage.paths import to_path
from storage.schema import Batch, Chunk
from storage.states import UNFINISHED, ChunkState

PAGE = 500
LONGEST_REASON = 500  # characters
SHORTEST_STEM = 4  # characters; "17" of 17.jpg is no name that a reason must not hold


@dataclass(frozen=True)
class Order:
    """Why and by whom. ``unscreened``: also what still waits to be screened, which then never is."""

    reason: str
    actor: str
    keep_files: bool = False
    unscreened: bool = False


@dataclass
class Erasure:
    """What was done, or would be."""

    images: int = 0
    unscreened: int = 0  # of them
    batches: list[str] = field(default_factory=list)
    files: list[Removal] = field(default_factory=list)
    same_bytes: int = 0  # images that stay and have the bytes of one that is erased
    rewrite: list[Path] = field(default_factory=list)  # reports of nightly runs that are due once more

    def number(self, status: str) -> int:
        """How many files were deleted, kept or left."""
        return sum(removal.status == status for removal in self.files)


def erase(
    database: Database, whose: Whose, order: Order, *,
    dry_run: bool = False, keep_list: Callable[[Sequence[Removal]], object] = lambda _: None,
) -> Erasure:  # fmt: skip
    """Delete the files, then clean the rows in one transaction. Nothing to erase is no error.

    ``keep_list`` is told of the files that were kept or left, if any, before the transaction is committed; what it
    raises undoes the transaction. Without it their places are known from the answer alone.

    Raises UsageFault when the reason or the actor names the patient, or when an image is still to be screened or on its
    way out of an inbox; PassingFault when other images of the patient came in meanwhile: give the command again.
    """
    with database.read() as session:
        chosen = choose(session, whose)
        _refuse_names(whose, order, chosen)
        _refuse_unfinished(session, chosen, order)
        done = Erasure(
            images=len(chosen),
            unscreened=sum(image.state in UNFINISHED for image in chosen),
            batches=list(dict.fromkeys(image.batch_id for image in chosen)),
            same_bytes=same_bytes(session, chosen),
        )
        others = places_of_others(session, chosen)
    removed = {} if not chosen else _remove(chosen, others, keep=order.keep_files, dry_run=dry_run)
    done.files = list(removed.values())
    if chosen and not dry_run:
        with database.write() as session:
            done.rewrite = _erase(session, whose, order, chosen, removed)
            if stay := [item for item in done.files if item.status != DELETED]:
                keep_list(stay)
    return done


def _refuse_names(whose: Whose, order: Order, chosen: Sequence[Chosen]) -> None:
    """The chain keeps what is written on it for ever."""
    if not order.reason.strip() or len(order.reason) > LONGEST_REASON or not order.reason.isprintable():
        raise UsageFault(f"the reason: expected one line of 1 to {LONGEST_REASON} characters that can be shown")
    patients = {image.patient for image in chosen} | {whose.patient}
    paths = [PurePosixPath(image.image) for image in chosen]
    words = {image.lesion for image in chosen} | {path.name for path in paths}
    words |= {path.stem for path in paths if len(path.stem) >= SHORTEST_STEM}
    for what, said in (("reason", order.reason.casefold()), ("name after --by", order.actor.casefold())):
        if any(patient and patient.casefold() in said for patient in patients):
            raise UsageFault(f"the {what} holds the patient's pseudonym: it stands on the audit chain for ever")
        if any(word and re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", said) for word in words):
            raise UsageFault(f"the {what} holds the name of an image or lesion: it stands on the audit chain for ever")


def _refuse_unfinished(session: Session, chosen: Sequence[Chosen], order: Order) -> None:
    batches = sorted({image.batch_id for image in chosen})
    for page in pages(batches, PAGE):
        query = select(Batch.id).where(Batch.id.in_(page), Batch.inbox.is_not(None), Batch.moved_at.is_(None))
        if (moving := session.scalars(query.limit(1)).first()) is not None:
            raise UsageFault(f"files of batch {moving} are still leaving its inbox: run `screen watch` first")
    waiting = [image for image in chosen if image.state in UNFINISHED]
    if not waiting:
        return
    if not order.unscreened:
        raise UsageFault(
            f"{len(waiting)} of the {len(chosen)} images are still to be screened (batch {waiting[0].batch_id}): "
            "wait for it, or give --unscreened: they end as failed and are never screened"
        )
    for page in pages(sorted(_open_chunks(waiting)), PAGE):
        held = select(Chunk.id).where(Chunk.id.in_(page), Chunk.state == ChunkState.RUNNING).limit(1)
        if session.scalars(held).first() is not None:
            raise UsageFault(f"a worker is screening images of batch {waiting[0].batch_id}: wait until it has finished")


def _remove(chosen: Sequence[Chosen], others: set[str], *, keep: bool, dry_run: bool) -> dict[str, Removal]:
    """What became of each file, by location."""
    removed: dict[str, Removal] = {}
    for image in chosen:
        place = image.location
        if place in removed:
            continue
        if keep:
            removed[place] = Removal(to_path(place), KEPT)
        elif place in others:
            removed[place] = Removal(to_path(place), LEFT, "the same file was handed in for another patient too")
        else:
            removed[place] = remove_image(place, image.checksum, inbox=image.inbox, dry_run=dry_run)
            if image.inbox and not dry_run:
                tidy_inbox(image.inbox, to_path(place))
    return removed


def _erase(
    session: Session, whose: Whose, order: Order, planned: Sequence[Chosen], removed: dict[str, Removal]
) -> list[Path]:
    audit.lock(session)  # before any row is locked, as `screen retry` does: neither waits for the other's
    chunks = _open_chunks(choose(session, whose))
    for page in pages(sorted(chunks), PAGE):  # a worker that claims one at this moment is not waited for: PassingFault
        locked = select(Chunk.id).where(Chunk.id.in_(page)).order_by(Chunk.id).with_for_update(nowait=True)
        session.execute(locked).all()
    chosen = choose(session, whose)  # from here on nobody changes their states
    if [image.id for image in chosen] != [image.id for image in planned] or not _open_chunks(chosen) <= chunks:
        raise PassingFault("images to be erased came in or went on at this moment; give the command again")
    _refuse_unfinished(session, chosen, order)
    rewrite = _due_again(session, sorted({image.batch_id for image in chosen}))
    stated: Facts = {"reason": order.reason, "actor": order.actor}
    facts: dict[int, Facts] = {image.id: {**stated, "file": removed[image.location].status} for image in chosen}
    files = list(removed.values())
    numbers: Facts = {
        "images": len(chosen),
        "unscreened": sum(image.state in UNFINISHED for image in chosen),
        **{f"files_{status}": sum(file.status == status for file in files) for status in (DELETED, KEPT, LEFT)},
    }
    closing = audit.Event(
        "patient.erased" if whose.patient is not None else "images.erased", None, {**stated, **numbers}
    )
    erase_rows(session, chosen, facts, closing)
    want_checkpoint(session)
    return rewrite


def _open_chunks(chosen: Sequence[Chosen]) -> set[str]:
    return {image.chunk_id for image in chosen if image.state in UNFINISHED and image.chunk_id}


def _due_again(session: Session, batches: Sequence[str]) -> list[Path]:
    """Reports of nightly runs that still lie where they were written: to be written again, without the names."""
    due: list[Path] = []
    for page in pages(batches, PAGE):
        query = select(Batch.id, Batch.export_folder).where(Batch.id.in_(page), Batch.exported_at.is_not(None))
        for batch_id, folder in session.execute(query).all():
            if left := [path for path in export_paths(folder, batch_id) if path.is_file()]:
                due += left
                session.execute(update(Batch).where(Batch.id == batch_id).values(exported_at=None))
    return due
