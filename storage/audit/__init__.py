"""The audit trail: a hash chain of events, each in the transaction of the change that it records."""

from storage.audit.chain import Event, append, lock
from storage.audit.verification import verify

__all__ = ["Event", "append", "lock", "verify"]
