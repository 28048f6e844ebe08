"""A restore rolls the database back on purpose: a signed line says so, and what it set aside."""

from __future__ import annotations

from sqlalchemy.orm import Session

from storage.audit.checkpoint_log import OpenLog, read_log
from storage.audit.checkpoints import announce, fields, hashes, head_of
from storage.audit.keys import Signer
from storage.audit.link import GENESIS
from storage.audit.standalone import RESTORING


def note_restore(session: Session, opened: OpenLog, signer: Signer, replaced_size: int, replaced_head: str) -> None:
    """Write the line last in the transaction of the restore, before its commit.

    If the commit fails, the line harms nothing: who verifies finds the chain that it would have replaced. Were it
    written after the commit, a crash in between would look like a database that somebody rolled back.

    Raises OSError, ProofBroken when the file of checkpoints is damaged.
    """
    announce(session, opened, signer)
    head, last = head_of(session), opened.last
    line = fields(RESTORING, head, last) | {
        "kept": _kept(session, opened),
        "replaced_size": replaced_size,
        "replaced_head": replaced_head or GENESIS,
    }
    opened.append(signer.line(line))


def _kept(session: Session, opened: OpenLog) -> int:
    """The size of the largest earlier checkpoint that the restored chain holds."""
    lines = read_log(opened.path)
    found = hashes(session, {line.size for line in lines})
    return max((line.size for line in lines if line.size and found.get(line.size) == line.head), default=0)
