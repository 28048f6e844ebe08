"""One watcher for each inbox: a lock in the data folder, which a process that ends lets go, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from models.checksum import sha256_hex
from models.errors import PassingFault
from storage.settings import Settings


class OneWatcher:
    """The right to take files out of an inbox, by whatever path it was named: one process of a data folder has it."""

    def __init__(self, inbox: Path, settings: Settings) -> None:
        self._settings = settings
        # not in the inbox: whoever may write there could hold the lock, and a share may know none
        self._file = settings.home / f"inbox-{sha256_hex(os.fsencode(inbox.resolve()))[:16]}.lock"
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Have it from now on. Raises PassingFault while another process does, or when no lock can be had."""
        if self._descriptor is not None:
            return
        self._settings.make_home()
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                raise
        except BlockingIOError:
            raise PassingFault("another `screen watch` has this inbox and takes what is dropped there") from None
        except OSError as error:
            raise PassingFault(f"the inbox cannot be locked in the data folder: {error.strerror}") from error
        self._descriptor = descriptor

    def let_go(self) -> None:
        """Leave it to another."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None
