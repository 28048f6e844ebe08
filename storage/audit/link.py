"""One link of the chain: h = SHA-256(domain || seq || previous || SHA-256(stored text)).

`standalone` has it once more: that file is handed out alone, so it imports nothing of ours, and it needs a library of
cryptography, which whoever writes events does without. A test holds the two together.
"""

from __future__ import annotations

import hashlib

DOMAIN = b"dermscreen audit 1\n"
GENESIS = "0" * 64


def link_hash(seq: int, previous: str, body: str) -> str:
    """The hash of one link, 64 hexadecimal digits. previous: those of the link before it."""
    inner = hashlib.sha256(body.encode()).digest()
    return hashlib.sha256(DOMAIN + str(seq).encode() + b"\n" + bytes.fromhex(previous) + inner).hexdigest()
