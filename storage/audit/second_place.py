"""The second place of the checkpoints: a folder behind an fsspec URL, one object for each line.

Best one where this site may write and not delete: what stands there outlives whoever rules this machine.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.errors import ProofBroken, ServiceUnreachable, UsageFault
from models.whole_file import write_whole
from storage.audit.checkpoint_log import database_id, log_path
from storage.audit.standalone import Broken, Line, parse
from storage.remote_folders import how_to_reach
from storage.secrets import hide_secrets
from storage.settings import Settings

PAUSE_SECONDS = 60.0  # a place that did not answer is left alone for so long by this process
_silent_until = 0.0


def copy_to_second_place(settings: Settings) -> int:
    """Copy the lines that are not there yet; returns how many. Does nothing without DERMSCREEN_CHECKPOINTS_URL.

    What was copied is remembered beside the file, line by line, so that nothing has to be listed, read or overwritten.
    Raises ServiceUnreachable, UsageFault (no such protocol), OSError.
    """
    global _silent_until  # noqa: PLW0603 - of this process, whichever database it serves
    if settings.checkpoints_url is None or time.monotonic() < _silent_until:
        return 0
    mark = log_path(settings).with_suffix(".copied")
    try:
        with log_path(settings).open("rb") as file:
            begun = hashlib.sha256(file.readline()).hexdigest()  # a file that was begun anew is copied from its start
            place = f"{hide_secrets(settings.checkpoints_url)} {begun}"
            done = _done(mark, place)
            file.seek(done)
            data = file.read()
    except FileNotFoundError:
        return 0
    whole = data[: data.rfind(b"\n") + 1]
    if not whole:
        return 0
    try:
        lines = [parse(text) for text in whole.decode().split("\n")[:-1]]
    except (Broken, UnicodeDecodeError):  # the file was exchanged: all of it is new
        mark.unlink(missing_ok=True)
        raise ProofBroken(
            "the file of checkpoints was changed since it was copied; run `screen audit verify`"
        ) from None
    try:
        with _reached(settings.checkpoints_url) as (files, root):
            folder = f"{root.rstrip('/')}/{database_id(settings)}"
            files.makedirs(folder, exist_ok=True)
        for line in lines:
            with _told(settings.checkpoints_url):
                _put(files, f"{folder}/{line.key}-{line.size:020d}-{line.digest[:16]}", line.text.encode())
            done += len(line.text.encode()) + 1
            write_whole(mark, json.dumps({"place": place, "bytes": done}).encode())
    except ServiceUnreachable:
        _silent_until = time.monotonic() + PAUSE_SECONDS
        raise
    return len(lines)


def _put(files: Any, path: str, data: bytes) -> None:
    """Put an object there, in a place that may take new ones only and have this one: its answer never came."""
    try:
        files.pipe_file(f"{path}.json", data)
    except Exception:  # each store has errors of its own
        if not _holds(files, f"{path}.json", data):
            # perhaps it does, and may not be read: a line that is there twice is read as one
            files.pipe_file(f"{path}-{secrets.token_hex(4)}.json", data)


def _holds(files: Any, path: str, data: bytes) -> bool:
    try:
        return bool(files.cat_file(path) == data)
    except Exception:  # there is none, it may not be read, or there is no answer
        return False


def lines_at(url: str, name: str) -> list[Line]:
    """All lines that a second place holds for a database, in no order.

    Raises ServiceUnreachable, UsageFault, ProofBroken when an object is no checkpoint.
    """
    with _reached(url) as (files, root):
        folder = f"{root.rstrip('/')}/{name}"
        found = [path for path in files.find(folder) if path.endswith(".json")] if files.exists(folder) else []
        texts = {path: files.cat_file(path) for path in found}
    try:
        return [parse(text.decode("utf-8", "replace")) for text in texts.values()]
    except Broken as broken:
        raise ProofBroken(f"the checkpoints at {hide_secrets(url)} do not hold: {broken}") from broken


def _done(mark: Path, place: str) -> int:
    try:
        noted = json.loads(mark.read_text(encoding="utf-8"))
        return int(noted["bytes"]) if noted["place"] == place else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


@contextmanager
def _reached(url: str) -> Iterator[tuple[Any, str]]:
    import fsspec

    with _told(url):
        files, root = fsspec.core.url_to_fs(url)
        yield files, root


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Raises UsageFault and ServiceUnreachable for what goes wrong in the block."""
    shown = hide_secrets(url)
    try:
        yield
    except (ImportError, ValueError) as error:
        raise UsageFault(f"checkpoints cannot be kept at {shown}: {error}{how_to_reach(url)}") from error
    except Exception as error:  # each store has errors of its own
        what = f"{type(error).__name__}: {error}"
        raise ServiceUnreachable(f"the second place of checkpoints, {shown}, does not answer: {what}") from error
