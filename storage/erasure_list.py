"""The list of files that an erasure did not delete: once the rows are clean, nothing else knows their places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from models.errors import ServiceUnreachable
from models.whole_file import write_whole
from storage.image_removal import Removal
from storage.settings import Settings

NOTICE = "Files that an erasure did not delete. Their names may be a patient's: see to them, then delete this list."


def list_folder(settings: Settings) -> Path:
    return settings.home / "erasures"


def write_list(settings: Settings, files: Sequence[Removal]) -> Path:
    """Write the list, whole and for its owner alone, named by the time and not by whom it is about.

    JSON: ``notice``, and ``files``, each with ``file``, ``status`` (kept, left) and ``reason``. A byte that is not
    UTF-8 stands as Python's lone surrogate. Raises UsageFault or ServiceUnreachable when it cannot be written.
    """
    settings.make_home()
    path = list_folder(settings) / f"left-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:6]}.json"
    told = [{"file": item.file, "status": item.status, "reason": item.reason} for item in files]
    text = json.dumps({"notice": NOTICE, "files": told}, ensure_ascii=False, indent=1)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise ServiceUnreachable(
            f"the list of the files that were not deleted cannot be written to {path.parent} ({error.strerror}), so "
            "the records stay as they are; make room there and give the command again"
        ) from error
    return path
