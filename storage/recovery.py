"""What a restart must find again: chunks whose worker is gone, and chunks whose message is."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from storage import audit, copies
from storage.batch_writer import new_chunk
from storage.chunks import MAX_FAULTS, Claim, LeaseLost, given_up, hand_back
from storage.clock import db_now
from storage.closing import close_if_done
from storage.processes import certainly_gone
from storage.schema import Batch, Chunk, Image
from storage.states import UNFINISHED, BatchState, ChunkState, ImageState


def lost_chunks(session: Session) -> list[str]:
    """Ids of the running chunks whose lease expired or whose holder on this machine is gone."""
    running = session.execute(
        select(Chunk.id, Chunk.holder, (Chunk.lease_until < db_now()).label("expired"))
        .where(Chunk.state == ChunkState.RUNNING)
        .with_for_update(skip_locked=True)
    ).all()
    return [row.id for row in running if row.expired or certainly_gone(row.holder or "")]


def take_back_lost_chunks(session: Session) -> int:
    """Free the lost chunks. Returns how many.

    A chunk that lost its worker may have killed it, so it comes back in halves; an image that is alone and
    loses its worker MAX_FAULTS times becomes failed, and the rest of its batch is screened.
    """
    lost = lost_chunks(session)
    events: list[audit.Event] = []
    batches: set[str] = set()
    for chunk_id in lost:
        chunk = session.get_one(Chunk, chunk_id, populate_existing=True)
        batches.add(chunk.batch_id)
        events += _take_back(session, chunk)
    session.flush()
    audit.append(session, events)
    for item in events:
        if item.event == "image.failed":
            copies.link_anew(session, item.batch_id or "", [int(item.facts["image"] or 0)])
    for batch_id in sorted(batches):
        close_if_done(session, batch_id)
    return len(lost)


def hand_back_held(session: Session, holds: Callable[[str], bool], reason: str) -> int:
    """Return the running chunks of holders that are about to be ended; nothing is counted. Returns how many."""
    running = session.execute(
        select(Chunk.id, Chunk.batch_id, Chunk.attempt, Chunk.holder).where(Chunk.state == ChunkState.RUNNING)
    ).all()
    number = 0
    for row in running:
        if holds(row.holder or ""):
            try:
                hand_back(session, Claim(row.id, row.batch_id, row.attempt, "", ()), reason)
                number += 1
            except LeaseLost:
                continue  # it was just completed
    return number


def _take_back(session: Session, chunk: Chunk) -> list[audit.Event]:
    images = list(
        session.scalars(
            select(Image.id).where(Image.chunk_id == chunk.id, Image.state.in_(UNFINISHED)).order_by(Image.position)
        )
    )
    told = chunk.reason  # by the worker itself, before it gave up
    chunk.reason = told or "its worker died or fell silent"
    facts: dict[str, str | int | None] = {"chunk": chunk.id, "attempt": chunk.attempt, "reason": chunk.reason}
    chunk.lease_until, chunk.holder, chunk.sent_at = None, None, None
    if len(images) > 1:
        chunk.state = ChunkState.SPLIT
        middle = len(images) // 2
        halves = []
        for half in (images[:middle], images[middle:]):
            halves.append(new_chunk(session, chunk.batch_id))
            _move(session, half, halves[-1])
        return [audit.Event("chunk.split", chunk.batch_id, facts | {"first": halves[0], "second": halves[1]})]
    chunk.faults += 1
    if images and chunk.faults >= MAX_FAULTS:
        chunk.state = ChunkState.DONE
        silent = f"the worker died or fell silent {chunk.faults} times while screening this image alone"
        reason = given_up(told, chunk.faults) if told else silent
        session.execute(update(Image).where(Image.id == images[0]).values(state=ImageState.FAILED, reason=reason))
        return [audit.Event("image.failed", chunk.batch_id, facts | {"image": images[0], "reason": reason})]
    chunk.state = ChunkState.WAITING if images else ChunkState.DONE
    _move(session, images, chunk.id)
    return [audit.Event("chunk.taken_back", chunk.batch_id, facts)]


def _move(session: Session, images: list[int], chunk_id: str) -> None:
    session.execute(
        update(Image).where(Image.id.in_(images)).values(chunk_id=chunk_id, state=ImageState.WAITING),
        execution_options={"synchronize_session": False},
    )


def due_chunks(session: Session, limit: int) -> list[str]:
    """Ids of waiting chunks that no message is out for and whose backoff is over, oldest batch first.

    Batch by batch, so that a page costs the same however many chunks wait: one query over all of them would sort
    them all for each page.
    """
    due = (
        Chunk.state == ChunkState.WAITING,
        Chunk.sent_at.is_(None),
        or_(Chunk.not_before.is_(None), Chunk.not_before <= db_now()),
    )
    batches = session.scalars(
        select(Batch.id)
        .where(
            Batch.state == BatchState.OPEN,
            or_(Batch.inbox.is_(None), Batch.moved_at.is_not(None)),  # its files are still on their way
            exists().where(Chunk.batch_id == Batch.id, *due),
        )
        .order_by(Batch.created_at, Batch.id)
        .limit(limit)
    ).all()
    found: list[str] = []
    for batch_id in batches:
        of_batch = select(Chunk.id).where(Chunk.batch_id == batch_id, *due)
        # the order is that of the index, so that PostgreSQL takes it and does not read the table from its start
        found += session.scalars(of_batch.order_by(Chunk.sent_at).limit(limit - len(found)))
        if len(found) == limit:
            break
    return found


def mark_sent(session: Session, chunk_ids: list[str]) -> None:
    """Note that messages are out. Chunks that a worker claimed in the meantime are left as they are."""
    # the state stands in CASE, not in WHERE: there SQLite takes its index and looks at every chunk that waits
    waits = Chunk.state == ChunkState.WAITING
    sent = (
        update(Chunk)
        .where(Chunk.id.in_(chunk_ids))
        .values(sent_at=case((waits, db_now()), else_=Chunk.sent_at))
        .returning(Chunk.id, Chunk.batch_id, Chunk.state)
        .execution_options(synchronize_session=False)
    )
    rows = [row for row in session.execute(sent) if row.state == ChunkState.WAITING]
    session.execute(
        update(Image)
        .where(Image.chunk_id.in_([row.id for row in rows]), Image.state == ImageState.WAITING)
        .values(state=ImageState.QUEUED)
        .execution_options(synchronize_session=False)
    )
    audit.append(session, [audit.Event("chunk.queued", row.batch_id, {"chunk": row.id}) for row in rows])


def messages_overdue(session: Session, older_than_seconds: float) -> bool:
    """Whether ``forget_messages`` would find any."""
    return session.scalar(select(exists().where(*_overdue(older_than_seconds)))) or False


def messages_out(session: Session) -> int:
    """How many messages there should be: one for each chunk that was sent and waits, or runs."""
    sent = Chunk.state == ChunkState.WAITING, Chunk.sent_at.is_not(None)
    number = select(func.count()).select_from(Chunk)
    return sum(session.scalar(number.where(*those)) or 0 for those in (sent, (Chunk.state == ChunkState.RUNNING,)))


def _overdue(seconds: float) -> tuple[ColumnElement[bool], ...]:
    return Chunk.state == ChunkState.WAITING, Chunk.sent_at < db_now(-seconds)


def forget_messages(session: Session, older_than_seconds: float) -> int:
    """Treat messages sent so long ago as lost, so that their chunks are sent again. Returns how many."""
    rows = session.execute(
        update(Chunk)
        .where(*_overdue(older_than_seconds))
        .values(sent_at=None)
        .returning(Chunk.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(rows)
