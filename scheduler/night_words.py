"""What a night that made no batch leaves in its reports folder, so that the morning sees it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from models.errors import PassingFault
from models.printable import printable
from models.whole_file import write_whole
from storage.exports import require_folder
from storage.paths import shown
from storage.schedules import Nightly


def say_nothing(item: Nightly, due: str) -> None:
    """An empty folder is a quiet night, or a share that is not mounted there.

    Raises PassingFault when the reports folder cannot be told so.
    """
    words = (
        f"no photograph was in {printable(shown(item.folder))}, so nothing was screened.\n"
        "If some were expected, look whether the share is mounted there.\n"
    )
    _write(_path(item, "nothing", due), words, "an empty night")


def say_failed(item: Nightly, due: str, kind: str) -> None:
    """A night that could not be taken in, for a fault of ours. ``kind`` names the error; its text may name files.

    Raises PassingFault when the reports folder cannot be told so.
    """
    words = (
        f"{printable(shown(item.folder))} could not be taken in ({kind}), so nothing was screened.\n"
        "The worker's log tells why. While `screen beat` runs, the night is tried again for half a day; once that\n"
        "succeeds, this file is gone. Until then nobody has judged these photographs.\n"
    )
    _write(_path(item, "failed", due), words, "a night that failed")


def forget_failed(item: Nightly, due: str) -> None:
    """The night was taken in after all."""
    with suppress(OSError):
        _path(item, "failed", due).unlink(missing_ok=True)


def _path(item: Nightly, what: str, due: str) -> Path:
    """With the folder's number: of two that share a reports folder and a time, each has a word of its own."""
    return Path(item.reports) / f"{what}-{datetime.fromisoformat(due):%Y%m%d-%H%M}-{item.id}.txt"


def _write(path: Path, words: str, what: str) -> None:
    now = datetime.now().astimezone()
    try:
        require_folder(path.parent)
        write_whole(path, f"{now:%Y-%m-%d %H:%M %Z}: {words}".encode())
    except OSError as error:
        raise PassingFault(f"{what} cannot be told in the reports folder yet: {error.strerror}") from error
