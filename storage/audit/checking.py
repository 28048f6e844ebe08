"""Holding the chain of a database against its checkpoints, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from models.errors import PassingFault, ProofBroken, ServiceUnreachable, UsageFault
from storage.audit.checkpoint_log import database_id, log_path, read_log
from storage.audit.checkpoints import announced, hashes
from storage.audit.keys import existing, key_path
from storage.audit.second_place import lines_at
from storage.audit.standalone import Broken, Chain, Found, Line, check, order, sizes
from storage.remote_folders import is_url
from storage.secrets import hide_secrets
from storage.settings import Settings


@dataclass(frozen=True)
class Lines:
    """Checkpoints by where they lie: in the file, in the second place (None: none, or silent), and where asked for."""

    local: list[Line]
    elsewhere: list[Line] | None
    others: list[Line]
    notes: tuple[str, ...]

    @classmethod
    def read(cls, settings: Settings, further: Sequence[str] = ()) -> Lines:
        """Read them all, before the transaction begins in which the chain is looked at.

        Args:
            further: files, and URLs of second places, besides those of the settings.

        Raises ProofBroken naming the place, UsageFault or ServiceUnreachable when one of ``further`` cannot be read.
        """
        notes: list[str] = []
        others = [line for place in further for line in further_lines(place, settings)]
        elsewhere = _second_place(settings, notes)  # before the file: what is copied meanwhile is in both
        return cls(_local(settings), elsewhere, others, tuple(notes))


def check_checkpoints(
    session: Session,
    settings: Settings,
    lines: Lines,
    pinned: Sequence[str] = (),
    heads: Sequence[tuple[int, str]] = (),
) -> Found:
    """Check every checkpoint of a chain that `verify` found whole in the same transaction.

    Args:
        session: sees one state, of after the lines were read.
        pinned: public keys known from elsewhere; then no other one counts.
        heads: sizes and heads that somebody noted, as they stand in reports.

    Raises ProofBroken naming the place, PassingFault when the file was begun since the lines were read.
    """
    try:
        chain = announced(session)
    except (ValueError, KeyError, TypeError) as error:
        raise ProofBroken("an event that names the key of the checkpoints cannot be read: it was forged") from error
    notes = list(lines.notes)
    local, elsewhere = lines.local, lines.elsewhere
    _nothing_missing(settings, lines, chain, notes)
    if elsewhere is not None and (lacking := {line.digest for line in local} - {line.digest for line in elsewhere}):
        notes.append(
            f"the second place lacks {len(lacking)} of {len(local)} lines; the next checkpoint copies new ones"
        )
    _same_key(settings, local, pinned, notes)
    every = [*local, *(elsewhere or []), *lines.others]
    chain.hashes = hashes(session, sizes(every) | {size for size, _ in heads})
    try:
        found = check(order(every), chain, pinned, heads)
    except (Broken, ValueError) as broken:
        raise ProofBroken(str(broken)) from broken
    return Found(found.checkpoints, found.covered, found.keys, [*notes, *found.notes])


def further_lines(place: str, settings: Settings) -> list[Line]:
    """The checkpoints of a file, or of the folder behind a URL, one at least.

    Raises UsageFault, ServiceUnreachable, ProofBroken.
    """
    name = database_id(settings)
    found = lines_at(place, name) if is_url(place) else _read(Path(place))
    if not found:  # a wrong place must not look like one that agrees
        where = f"the folder {name} of {hide_secrets(place)}" if is_url(place) else place
        raise UsageFault(f"--checkpoints: expected checkpoints of this database, found none in {where}")
    return found


def _local(settings: Settings) -> list[Line]:
    path = log_path(settings)
    return _read(path) if path.exists() else []


def _read(path: Path) -> list[Line]:
    try:
        return read_log(path)
    except OSError as error:
        raise UsageFault(f"the checkpoints {path} cannot be read: {error.strerror}") from error


def _second_place(settings: Settings, notes: list[str]) -> list[Line] | None:
    """What the second place holds; None when there is none, or it does not answer."""
    if settings.checkpoints_url is None:
        return None
    try:
        return lines_at(settings.checkpoints_url, database_id(settings))
    except ServiceUnreachable as fault:
        notes.append(f"{fault}; its checkpoints were not compared")
        return None


def _nothing_missing(settings: Settings, lines: Lines, chain: Chain, notes: list[str]) -> None:
    """Raise ProofBroken where checkpoints that there were are not here."""
    here, local, others, elsewhere = log_path(settings), lines.local, lines.others, lines.elsewhere or []
    if not local and not others:
        if elsewhere:
            raise ProofBroken(
                f"the file of checkpoints {here} is missing, and the second place holds {len(elsewhere)}: it was "
                "removed; --checkpoints URL verifies against the second place alone"
            )
        if chain.logs and _local(settings):
            raise PassingFault("the first checkpoint was written while the others were looked for; verify again")
        if chain.logs:
            seq, key, _ = chain.logs[0]
            raise ProofBroken(
                f"event {seq} names the key {key} of checkpoints, and none is here: expected {here}; it was removed, "
                "or this is another machine than theirs: pass them with --checkpoints FILE"
            )
        if chain.length:
            notes.append("no checkpoint was ever made: nothing shows whether the chain's end was cut off")
    if not local and others:
        notes.append(f"the file of checkpoints {here} is not here; verified against those that were given")
    if local and not others:
        known, ours = {line.digest for line in local}, {line.key for line in local}
        for line in elsewhere:
            if line.key in ours and line.digest not in known:
                raise ProofBroken(
                    f"{line} is in the second place and not in {here}: lines were removed from the file; "
                    "--checkpoints URL verifies against both"
                )


def _same_key(settings: Settings, local: list[Line], pinned: Sequence[str], notes: list[str]) -> None:
    try:
        signer = existing(settings)
    except UsageFault as fault:
        notes.append(str(fault))
        return
    if not local:
        return
    if signer is None:
        notes.append(f"the key {key_path(settings)} is gone; what is signed from now on has another one")
    elif signer.id != local[-1].key and not pinned:
        raise ProofBroken(
            f"the key was replaced: {key_path(settings)} holds key {signer.id}, the checkpoints up to event "
            f"{local[-1].size} are signed with {local[-1].key}; if that was meant, verify with both public keys (--key)"
        )
