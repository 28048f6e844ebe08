"""A restore rolls the database back on purpose: a signed line says so, and what it set aside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from models.errors import DermscreenError, UsageFault
from storage.audit.checkpoint_log import OpenLog, open_log, read_log
from storage.audit.checkpoints import announce, begin, fields, hashes, log, sign_head
from storage.audit.head import head_of
from storage.audit.keys import Signer, existing_or_new
from storage.audit.link import GENESIS
from storage.audit.second_place import copy_to_second_place
from storage.audit.standalone import RESTORING
from storage.database import Database
from storage.settings import Settings


class RestoreNote:
    """Notes a restore where nothing is kept of it: for a database without a data folder."""

    def before_commit(self, session: Session, replaced_size: int, replaced_head: str) -> None:
        """Write the line, last in the transaction of the restore."""

    def done(self, database: Database) -> None:
        """The transaction is committed."""


class _Signed(RestoreNote):
    def __init__(self, opened: OpenLog, signer: Signer) -> None:
        self._opened, self._signer = opened, signer

    def before_commit(self, session: Session, replaced_size: int, replaced_head: str) -> None:
        """If the commit fails, the line harms nothing: the chain that it would have replaced still holds.

        Were it written after the commit, a crash in between would look like a database that somebody rolled back.
        """
        opened, signer = self._opened, self._signer
        try:
            last = opened.last or begin(session, opened, signer)
            announce(session, opened, signer)
            line = fields(RESTORING, head_of(session), last) | {
                "kept": _kept(session, opened),
                "replaced_size": replaced_size,
                "replaced_head": replaced_head or GENESIS,
            }
            opened.append(signer.line(line))
        except OSError as error:
            raise UsageFault(
                f"the restore cannot be noted in {opened.path} ({error.strerror}); nothing was restored"
            ) from error

    def done(self, database: Database) -> None:
        """From here on the chain that was replaced is no longer taken for this one."""
        try:
            sign_head(database, self._opened, self._signer, again=True)
        except (DermscreenError, OSError) as fault:
            log.warning("no checkpoint was written after the restore (%s); the next one makes up for it", fault)


@contextmanager
def noted(settings: Settings | None) -> Iterator[RestoreNote]:
    """What notes a restore. No other process writes a checkpoint meanwhile.

    Raises UsageFault (the key or the file cannot be had), PassingFault, ProofBroken when the file is damaged.
    """
    if settings is None:
        yield RestoreNote()
        return
    with open_log(settings) as opened:
        yield _Signed(opened, existing_or_new(settings))
    try:
        copy_to_second_place(settings)
    except (DermscreenError, OSError) as fault:
        log.warning("%s; the next checkpoint makes up for it", fault)


def _kept(session: Session, opened: OpenLog) -> int:
    """The size of the largest earlier checkpoint that the restored chain holds."""
    lines = read_log(opened.path)
    found = hashes(session, {line.size for line in lines})
    return max((line.size for line in lines if line.size and found.get(line.size) == line.head), default=0)
