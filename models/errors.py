"""The error tree, by who must react.

DermscreenError
├── InputFault            the person who supplied the input; never retried
│   ├── ImageRefused      one image cannot be screened; the batch goes on
│   │   └── NotInPlace    its bytes are not where they were handed in; a copy elsewhere may be sound
│   └── UsageFault        a command or a setting asks for something that cannot be
├── PassingFault          nobody: it is tried again with backoff
│   └── ServiceUnreachable  the operator: Redis, the database or a storage does not answer
├── OurFault              us: counted against the attempts of a chunk, then `failed`
├── ModelInvalid          whoever installed the model version: nothing is screened with it
└── ProofBroken           whoever answers for the records: a checksum or the audit chain does not hold

What becomes of the work that met an error is read off its class alone: ``handling_of``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Handling(StrEnum):
    """What a worker does with an image or a chunk that met an error. docs/reliability.md lists it by class."""

    REJECTED = "rejected"  # the input's fault: terminal at once, never tried again
    AGAIN = "again"  # passing: tried again with backoff and jitter, not counted
    COUNTED = "counted"  # ours: tried again until the attempts are used up, then failed
    HANDED_BACK = "handed back"  # the worker may not go on: its chunk waits for another, not counted
    DROPPED = "dropped"  # somebody else has the work by now: what was computed is thrown away


class DermscreenError(Exception):
    """Base of every error that dermscreen raises on purpose. Its text is shown to people as it is."""

    handling: ClassVar[Handling] = Handling.COUNTED


class InputFault(DermscreenError):
    """The input cannot be used, now or later."""

    handling = Handling.REJECTED


class ImageRefused(InputFault):
    """One image cannot be screened. ``str(error)`` is the reason that stands in the report.

    The text names no file: it goes into logs and onto the audit chain.
    """


class NotInPlace(ImageRefused):
    """The bytes that were handed in cannot be read where they lay: a copy of them elsewhere may be sound."""


class UsageFault(InputFault):
    """What was asked for cannot be done as asked.

    Met by a worker, it is no fault of the image: a package or a setting is missing on that machine.
    """

    handling = Handling.COUNTED


class PassingFault(DermscreenError):
    """Something that may work when it is tried again."""

    handling = Handling.AGAIN


class ServiceUnreachable(PassingFault):
    """A service that the work needs does not answer."""


class OurFault(DermscreenError):
    """A fault of the software or its machine while it handled a sound input."""


class ModelInvalid(DermscreenError):
    """A model version is missing, incomplete or not what its manifest says."""

    handling = Handling.HANDED_BACK


class ProofBroken(DermscreenError):
    """A checksum or a link of the audit chain does not hold, or a replay gives another result than is on record."""


def handling_of(error: BaseException) -> Handling:
    """What becomes of work that met ``error``. An error that is not one of ours (MemoryError, ...) is counted."""
    return error.handling if isinstance(error, DermscreenError) else Handling.COUNTED
