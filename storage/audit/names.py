"""Salted digests that stand on the chain for what may have to be erased: names of files, of patients, of lesions.

Without its salt, which lies in the image's row, a digest tells nothing of the name, not even by trying all names; with
it, it proves that the row still holds what was handed in. Erasing the salt erases the name from the chain.
"""

from __future__ import annotations

import hashlib
import secrets

DOMAIN = b"dermscreen name 1\n"


def new_salt() -> str:
    """32 hexadecimal digits, for one image."""
    return secrets.token_hex(16)


def digest(salt: str, kind: str, value: str) -> str:
    """64 hexadecimal digits for a value. kind: ``name`` (path as submitted), ``patient`` or ``lesion``."""
    said = value.encode("utf-8", "surrogateescape")  # names of files are bytes, not always UTF-8
    return hashlib.sha256(DOMAIN + bytes.fromhex(salt) + kind.encode() + b"\n" + said).hexdigest()


def digests(salt: str, name: str, patient: str | None, lesion: str | None) -> dict[str, str]:
    """The facts ``name_digest``, ``patient_digest`` and ``lesion_digest``, as far as there is something to digest."""
    named = {"name": name, "patient": patient, "lesion": lesion}
    return {f"{kind}_digest": digest(salt, kind, value) for kind, value in named.items() if value is not None}
