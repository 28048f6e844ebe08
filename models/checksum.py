"""The checksum that names a picture everywhere: in the database, on the audit chain and in the report."""

import hashlib


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of the stored bytes: 64 lower-case hexadecimal digits (FIPS 180-4)."""
    return hashlib.sha256(data).hexdigest()
