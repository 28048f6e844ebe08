"""The whole trail in one file, for somebody who does not trust this site."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import IO

from sqlalchemy import select

from storage.audit.chain import Event, append
from storage.audit.checkpoint_log import log_path, read_log
from storage.audit.checkpoints import take_quietly
from storage.audit.head import head_of
from storage.database import Database, want_checkpoint
from storage.schema import AuditEvent
from storage.settings import Settings

PAGE = 5_000  # events fetched at once: memory stays flat however many there are


@dataclass(frozen=True)
class Exported:
    """What was written: so many checkpoints and events, the head of the latter, and the SHA-256 of it all."""

    events: int
    checkpoints: int
    head: str
    sha256: str

    def facts(self) -> dict[str, str | int | None]:
        return {"sha256": self.sha256, "events": self.events, "checkpoints": self.checkpoints, "head": self.head}


def write_export(database: Database, settings: Settings, file: IO[bytes]) -> Exported:
    """Write the checkpoints, the last of them made now, and behind them every event with its text as it is stored.

    Lines of JSON (UTF-8): ``{"checkpoint":{...}}``, then ``{"seq","previous","hash","body"}`` in their order.
    Raises ProofBroken when the file of checkpoints is damaged, PassingFault, OSError.
    """
    take_quietly(database, settings)
    digest = hashlib.sha256()

    def write(text: str) -> None:
        data = text.encode() + b"\n"
        digest.update(data)
        file.write(data)

    path = log_path(settings)
    lines = read_log(path) if path.exists() else []
    for line in lines:
        write(f'{{"checkpoint":{line.text}}}')
    query = select(AuditEvent.seq, AuditEvent.previous, AuditEvent.hash, AuditEvent.body).order_by(AuditEvent.seq)
    with database.read() as session:
        end = head_of(session)
        events = query.where(AuditEvent.seq <= end.size).execution_options(yield_per=PAGE)
        for seq, previous, link, body in session.execute(events):
            text = json.dumps(body, ensure_ascii=False)
            write(f'{{"seq":{seq},"previous":"{previous}","hash":"{link}","body":{text}}}')
    return Exported(end.size, len(lines), end.hash, digest.hexdigest())


def note_export(database: Database, made: Exported, receiver: str | None) -> None:
    """Record the export on the trail. That event is the first one that is not in it."""
    with database.write() as session:
        append(session, [Event("audit.exported", None, made.facts() | {"receiver": receiver})])
        want_checkpoint(session)
