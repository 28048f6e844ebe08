"""What the exit code of `screen` says."""

from __future__ import annotations

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


def exit_code_of(error: DermscreenError) -> ExitCode:
    """The exit code of an error, read off its family."""
    return next((code for family, code in _BY_FAMILY if isinstance(error, family)), ExitCode.BUG)
