"""What the exit code of `screen` says."""

from __future__ import annotations

import errno
from enum import IntEnum

from models.errors import DermscreenError, InputFault, ModelInvalid, PassingFault, ProofBroken


class ExitCode(IntEnum):
    """One number for each thing that a script has to tell apart."""

    DONE = 0
    DONE_WITH_REJECTS = 1  # done, but some images were rejected, failed, not replayed or not erased, or data unsound
    USAGE = 2
    SERVICE_UNREACHABLE = 3
    MODEL_INVALID = 4
    PROOF_BROKEN = 5  # audit chain, checksum, or a record that a replay does not bear out
    BUG = 70  # an error of ours that nobody foresaw (sysexits.h, EX_SOFTWARE)
    INTERRUPTED = 130  # Ctrl-C


_BY_FAMILY: tuple[tuple[type[DermscreenError], ExitCode], ...] = (
    (InputFault, ExitCode.USAGE),
    (PassingFault, ExitCode.SERVICE_UNREACHABLE),
    (ModelInvalid, ExitCode.MODEL_INVALID),
    (ProofBroken, ExitCode.PROOF_BROKEN),
)

# what the operating system says of a path that somebody named and that cannot be used
_OF_THE_PATH = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR,
)  # fmt: skip


def exit_code_of(error: DermscreenError) -> ExitCode:
    """The exit code of an error, read off its family."""
    return next((code for family, code in _BY_FAMILY if isinstance(error, family)), ExitCode.BUG)


def unusable_path(error: BaseException) -> str | None:
    """What to say of an error that a path is at fault for, as in another account's data folder; None of any other."""
    if not isinstance(error, OSError) or error.errno not in _OF_THE_PATH or not isinstance(error.filename, str):
        return None
    from storage.paths import shown

    return (
        f"{shown(error.filename)} cannot be used ({error.strerror}): expected a path that this account may use; name "
        "another one, or give the command as the account that it belongs to"
    )
