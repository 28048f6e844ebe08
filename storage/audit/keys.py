"""The Ed25519 key that signs checkpoints. It lies outside the database: whoever rewrites that cannot sign."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from models.errors import UsageFault
from models.whole_file import sync
from storage.audit.standalone import canonical, key_id, signed_bytes
from storage.settings import Settings

_OTHERS = 0o077  # the bits of a mode by which anybody but the owner gets at a file


@dataclass(frozen=True)
class Signer:
    """A private key. ``public``: the raw public key, 64 hexadecimal digits; ``id``: 16 digits of its SHA-256."""

    public: str
    id: str
    _private: Ed25519PrivateKey

    def line(self, fields: dict[str, str | int]) -> str:
        """The text of a signed line."""
        fields = fields | {"key": self.id}
        return canonical(fields | {"signature": self._private.sign(signed_bytes(fields)).hex()})


def key_path(settings: Settings) -> Path:
    """Where the key lies: where DERMSCREEN_AUDIT_KEY says, else in the data folder."""
    return settings.audit_key or settings.audit_folder / "key"


def existing(settings: Settings) -> Signer | None:
    """The key, None when none was made yet. Raises UsageFault when it is no key, or others may read it."""
    path = key_path(settings)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageFault(f"the audit key {path} cannot be read: {error.strerror}") from error
    if mode & _OTHERS:
        raise UsageFault(
            f"the audit key {path} has mode {mode:04o}: expected 0600, so that its owner alone can sign. "
            f"`chmod 600 {path}`; if somebody may have read it, what it signed proves nothing"
        )
    try:
        private = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageFault(f"the audit key {path} cannot be read: expected an Ed25519 private key (PEM)") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise UsageFault(f"the audit key {path} is of another kind: expected an Ed25519 private key (PEM)")
    return _signer(private)


def existing_or_new(settings: Settings) -> Signer:
    """The key, made if there is none. Two processes that make it at once agree on one.

    Raises UsageFault as `existing`, or when it cannot be written.
    """
    return existing(settings) or _made(settings)


def _made(settings: Settings) -> Signer:
    path = key_path(settings)
    private = Ed25519PrivateKey.generate()
    # written whole under another name first; the link fails where somebody else's key came in between
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(draft)
        finally:
            draft.unlink(missing_ok=True)
        sync(path.parent)
    except FileExistsError:
        found = existing(settings)
        assert found is not None  # noqa: S101 - nobody removes keys
        return found
    except OSError as error:
        raise UsageFault(f"the audit key {path} cannot be made: {error.strerror}") from error
    return _signer(private)


def _signer(private: Ed25519PrivateKey) -> Signer:
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    return Signer(public, key_id(public), private)
