"""What `screen audit replay` is asked for: a batch, or one image by its file, its path as submitted, or its number."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.checksum import sha256_hex
from models.errors import ImageRefused, UsageFault
from storage.counts import batch_ids, counts
from storage.image_files import read_image_bytes
from storage.paths import is_folder, shown, to_location
from storage.replay import batches_of, screened, screened_as, screened_bytes, screened_number

if TYPE_CHECKING:
    from storage.database import Session

ID_DIGITS = 18  # of an image's number at most, so that it fits the database's integers


@dataclass(frozen=True)
class Target:
    """The screened images that are meant, and the batches that they belong to. ``open_batch``: more may come."""

    image_ids: list[int]
    batch_ids: list[str]
    whole_batch: bool = False
    open_batch: bool = False


def find_target(session: Session, name: str) -> Target:
    """A file that is there is an image, as for `screen explain`; else a batch, a path as submitted, or a number.

    An image that was screened in several batches is meant in each of them. Raises UsageFault where nothing fits.
    """
    if is_folder(name):
        raise UsageFault(f"{shown(name)} is a folder; expected a batch or an image")
    is_file = os.path.lexists(name)
    if not is_file and name in batch_ids(session):
        return Target(screened(session, name), [name], True, counts(session, name).state != "complete")
    found = screened_as(session, shown(name), to_location(name))
    if not found and is_file:
        found = screened_bytes(session, _checksum(name))
    if not found and not is_file and name.isascii() and name.isdigit() and len(name) <= ID_DIGITS:
        found = screened_number(session, int(name))
    if not found:
        raise UsageFault(
            f"{shown(name)}: no screened image is on record under this path, number or content, and no batch has this "
            "name; `screen status` lists the batches, `screen report BATCH --all` their images"
        )
    return Target(found, batches_of(session, found))


def _checksum(path: str) -> str:
    try:
        return sha256_hex(read_image_bytes(to_location(path)))
    except ImageRefused as error:
        raise UsageFault(f"{shown(path)} cannot be read as an image: {error}") from error
