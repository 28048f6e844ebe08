"""What `screen doctor` says of the audit trail's checkpoints."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from storage.settings import Settings


def newest_checkpoint(settings: Settings) -> tuple[bool | None, str, ExitCode] | None:
    """Whether it holds, what to say of it, and the exit code; None when there is no database yet.

    Raises ProofBroken (the file is damaged), UsageFault (others may read the key), PassingFault.
    """
    from storage.audit.checkpoint_log import last_line, log_path
    from storage.audit.checkpoints import hashes
    from storage.audit.head import head_of
    from storage.audit.keys import existing
    from storage.audit.standalone import GENESIS
    from storage.database import Database, url_of
    from storage.migrate import revision
    from storage.migrations import HEAD

    if settings.embedded_database and not (settings.home / "dermscreen.db").exists():
        return None
    signer = existing(settings)
    last = last_line(log_path(settings))
    with closing(Database(url_of(settings))) as database:
        if revision(database) != HEAD:
            return None
        with database.read() as session:
            head = head_of(session)
            there = (
                hashes(session, {last.size})[last.size] if last and last.size <= head.size and last.size else GENESIS
            )
    if last is None:
        return None, f"none yet, {head.size} audit events", ExitCode.DONE
    if there != last.head:
        lost = f"the audit chain does not hold that of {last.at} ({last.size} events): run `screen audit verify`"
        return False, lost, ExitCode.PROOF_BROKEN
    ahead = f"{head.size - last.size} newer" if head.size > last.size else "none newer"
    public = signer.public if signer else "gone: what is signed from now on has another one"
    told = f"the last of {last.at} covers {last.size} audit events, {ahead}; public key {public}"
    return True, told, ExitCode.DONE
