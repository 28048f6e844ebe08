"""The audit trail: a hash chain of events, each in the transaction of the change that it records."""

from storage.audit.chain import Event, append, append_texts, lock
from storage.audit.outline import fill_in, outline
from storage.audit.verification import verify

__all__ = ["Event", "append", "append_texts", "fill_in", "lock", "outline", "verify"]
