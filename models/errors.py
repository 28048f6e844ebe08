"""The error tree, by who must react.

DermscreenError
├── InputFault            the person who supplied the input; never retried
│   ├── ImageRefused      one image cannot be screened; the batch goes on
│   └── UsageFault        a command or a setting asks for something that cannot be
├── PassingFault          nobody: it is tried again with backoff
│   └── ServiceUnreachable  the operator: Redis, the database or a storage does not answer
├── OurFault              us: counted against the attempts of a chunk, then `failed`
├── ModelInvalid          whoever installed the model version: nothing is screened with it
└── ProofBroken           whoever answers for the records: a checksum or the audit chain does not hold
"""


class DermscreenError(Exception):
    """Base of every error that dermscreen raises on purpose. Its text is shown to people as it is."""


class InputFault(DermscreenError):
    """The input cannot be used, now or later."""


class ImageRefused(InputFault):
    """One image cannot be screened. ``str(error)`` is the reason that stands in the report.

    The text names no file: it goes into logs and onto the audit chain.
    """


class UsageFault(InputFault):
    """What was asked for cannot be done as asked."""


class PassingFault(DermscreenError):
    """Something that may work when it is tried again."""


class ServiceUnreachable(PassingFault):
    """A service that the work needs does not answer."""


class OurFault(DermscreenError):
    """A fault of the software or its machine while it handled a sound input."""


class ModelInvalid(DermscreenError):
    """A model version is missing, incomplete or not what its manifest says."""


class ProofBroken(DermscreenError):
    """A checksum or a link of the audit chain does not hold."""
