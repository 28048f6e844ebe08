"""Signed checkpoints: what a chain alone does not show, that its end was cut off or all of it computed anew."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import DermscreenError, ProofBroken, UsageFault
from storage.audit.chain import Event, append
from storage.audit.checkpoint_log import OpenLog, last_line, log_path, open_log
from storage.audit.head import Head, head_of
from storage.audit.keys import Signer, existing_or_new
from storage.audit.link import GENESIS
from storage.audit.second_place import copy_to_second_place
from storage.audit.standalone import BEGIN, CHECKPOINT, KEY_EVENT, Chain, Line
from storage.clock import db_now
from storage.database import Database
from storage.schema import AuditEvent
from storage.settings import Settings

DUE_AFTER = timedelta(minutes=5)  # while no batch ends: so much of the chain's end could be cut off unseen
log = logging.getLogger(__name__)


def take(database: Database, settings: Settings) -> Line | None:
    """Sign the chain's end and write it into the file and the second place; None when that was done before.

    Raises PassingFault, ServiceUnreachable (the second place; the file has it), UsageFault (the key), ProofBroken (the
    file is damaged), OSError.
    """
    line = _take(database, settings)
    copy_to_second_place(settings)
    return line


def take_quietly(database: Database, settings: Settings) -> None:
    """As `take`; a fault becomes a warning, and the next checkpoint makes up for it: no result hangs on it."""
    try:
        _take(database, settings)
    except Exception as fault:
        what = fault if isinstance(fault, DermscreenError | OSError) else type(fault).__name__
        log.warning("no checkpoint of the audit trail was written (%s); the next one makes up for it", what)
        return
    try:
        copy_to_second_place(settings)
    except (DermscreenError, OSError) as fault:
        log.warning("%s; the next checkpoint makes up for it", fault)


def _take(database: Database, settings: Settings) -> Line | None:
    with database.read() as session:
        if not head_of(session).size:
            return None
    with open_log(settings) as opened:
        return sign_head(database, opened, existing_or_new(settings))


def take_if_due(database: Database, settings: Settings) -> None:
    """As `take_quietly`, when the chain has moved on and the last checkpoint is older than DUE_AFTER."""
    try:
        last = last_line(log_path(settings))
        with database.read() as session:
            head = head_of(session)
        moved = last is None or (last.size, last.head) != (head.size, head.hash)
        if last is not None and moved and abs(head.at - datetime.fromisoformat(last.at)) < DUE_AFTER:
            return
        if not moved:
            copy_to_second_place(settings)  # what it missed
            return
    except (DermscreenError, OSError) as fault:
        log.warning("the checkpoints of the audit trail: %s", fault)
        return
    take_quietly(database, settings)


def sign_head(database: Database, opened: OpenLog, signer: Signer, *, again: bool = False) -> Line | None:
    """Append a checkpoint of the chain's end; None when the last line is one, unless ``again``."""
    last = opened.last
    with database.read() as session:
        found = hashes(session, {last.size}) if last else {}
    lost = last is not None and last.kind != BEGIN and found.get(last.size) != last.head
    if lost:
        log.warning("the audit chain does not hold its last checkpoint; `screen audit verify` says where")
    if last is None or last.kind == BEGIN or last.key != signer.id or lost:
        with database.write() as session:
            last = last or begin(session, opened, signer)
            announce(session, opened, signer)
    with database.read() as session:
        head = head_of(session)
    if (last.size, last.head, last.key) == (head.size, head.hash, signer.id) and not again:
        return None
    return opened.append(signer.line(fields(CHECKPOINT, head, last)))


def begin(session: Session, opened: OpenLog, signer: Signer) -> Line:
    """The first line of a file: of a chain without events. Events that name the key refer to it."""
    now = session.execute(select(db_now())).scalar_one()
    return opened.append(signer.line(fields(BEGIN, Head(0, GENESIS, GENESIS, now), None)))


def announce(session: Session, opened: OpenLog, signer: Signer) -> None:
    """Have an event of the chain name the key and the file that it signs, unless one does.

    A file that was taken away and begun anew has another first line, so that the chain tells of both.
    """
    if (signer.id, opened.id) not in {(key, begun) for _, key, begun in announced(session).logs}:
        append(session, [Event(KEY_EVENT, None, {"key": signer.id, "public": signer.public, "log": opened.id})])


def announced(session: Session) -> Chain:
    """What the chain tells of itself: its length, both ends, and the keys that its events name."""
    head = head_of(session)
    chain = Chain(head.size, head.hash, head.origin)
    named = select(AuditEvent.seq, AuditEvent.body).where(AuditEvent.event == KEY_EVENT).order_by(AuditEvent.seq)
    for seq, body in session.execute(named):
        chain.take_key(seq, body)
    return chain


def hashes(session: Session, numbers: set[int]) -> dict[int, str]:
    """The hashes of events by their numbers; those that there are not are left out."""
    wanted, found = sorted(numbers), dict[int, str]()
    for start in range(0, len(wanted), 500):
        query = select(AuditEvent.seq, AuditEvent.hash).where(AuditEvent.seq.in_(wanted[start : start + 500]))
        found |= {row.seq: row.hash for row in session.execute(query)}
    return found


def fields(kind: str, head: Head, last: Line | None) -> dict[str, str | int]:
    """What a line says, without key and signature."""
    return {
        "at": head.at.isoformat(), "head": head.hash, "kind": kind, "origin": head.origin,
        "previous": last.digest if last else GENESIS, "size": head.size,
    }  # fmt: skip


def end_of_trail(session: Session, settings: Settings) -> dict[str, str | int]:
    """What reports print: size and head of the chain, and the id of the key that signed the last checkpoint, if any."""
    head = head_of(session)
    try:
        last = last_line(log_path(settings))
    except (ProofBroken, UsageFault):  # `screen audit verify` tells more of it
        last = None
    return {"size": head.size, "head": head.hash, "key": last.key if last else ""}
