"""Intake: read each file once, name its bytes, check what a header can tell, and write the batch to SQL.

The slow parts (reading, and working out the rows) happen before the transaction that writes; their results wait in
spools, on disk when they are many, so that memory stays flat; then one transaction writes the batch whole or not at
all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from tempfile import SpooledTemporaryFile
from typing import IO

from models.catalogue import find
from models.checksum import sha256_hex
from models.errors import ImageRefused, PassingFault, UsageFault
from models.inspection import inspect
from models.manifest import Manifest
from scheduler.collect import Found
from storage import batches, policies
from storage.batch_preparation import prepared
from storage.batch_writer import Received
from storage.database import Database, Session
from storage.image_files import read_image_bytes
from storage.name_on_record import expect_same_weights
from storage.processes import os_user
from storage.registry import active_model
from storage.settings import Settings
from storage.sorted_runs import keep


class NothingToScreen(UsageFault):
    """There was not a single file."""


SPOOL_BYTES = 8_000_000  # about 30,000 images in memory, more on disk


@dataclass(frozen=True)
class Request:
    """Who hands in a batch, and how."""

    source: str = "submit"
    site: str | None = None
    submitter: str | None = None
    source_key: str | None = None
    export_folder: str | None = None
    inbox: str | None = None


def active_manifest(database: Database, settings: Settings) -> Manifest:
    """The manifest of the model version that screens new batches. Raises ModelInvalid."""
    with database.read() as session:
        manifest = find(active_model(session), settings.home).manifest
        expect_same_weights(session, manifest)  # as the writing does; before thousands of files are read
    return manifest


def take_in(
    database: Database,
    settings: Settings,
    request: Request,
    received: Iterable[Received],
    on_image: Callable[[], None] = lambda: None,
    confirm: Callable[[Session], None] = lambda _session: None,
) -> str:
    """Write a batch and return its id; nothing is sent yet. ``confirm`` is asked first in the transaction that writes.

    Raises NothingToScreen when there is no image at all, ModelInvalid when no model could ever screen it.
    """
    started = time.monotonic()
    manifest = active_manifest(database, settings)
    scratch = _spool_folder(settings)
    with SpooledTemporaryFile(max_size=SPOOL_BYTES, mode="w+", encoding="utf-8", dir=str(scratch)) as spool:
        number = 0
        for item in received:
            keep(spool, f"{json.dumps(asdict(item))}\n", "the list of images")
            number += 1
            on_image()
        if number == 0:
            raise NothingToScreen("there is no file to screen: expected at least one image, received none")
        policy = policies.settled(database, manifest)
        key = batches.key_of(manifest)
        with prepared(database.read, policy, key, lambda: _read_back(spool), scratch) as ready:
            header = batches.Header(
                source=request.source,
                submitter=request.submitter or os_user(),
                manifest=manifest,
                site=request.site,
                source_key=request.source_key,
                export_folder=request.export_folder,
                inbox=request.inbox,
                seconds_spent=time.monotonic() - started,
            )
            with database.write() as session:
                confirm(session)
                return batches.write(session, header, ready)


def _read_back(spool: IO[str]) -> Iterator[Received]:
    spool.seek(0)
    for line in spool:
        yield Received(**json.loads(line))


def _spool_folder(settings: Settings) -> Path:
    settings.make_home()  # names of images stay in the data folder, not in a shared /tmp
    return settings.home


def examine(found: Found, *, check: Callable[[bytes, str], object] = inspect, attended: bool = True) -> Received:
    """Read and name the bytes of one file and check its header, or what else ``check`` looks at.

    Never raises for a bad file: the refusal stands in ``reason``. ``check`` is given the bytes and the extension of the
    name, and raises ImageRefused; what else it raises is raised. Where nobody looks on (``attended`` false), files
    that have a second name are refused: others may have put it there to have a file read that they may not read.
    """
    received = Received(found.image, found.location, None, None, found.problem)
    if found.problem:
        return received
    try:
        data = read_image_bytes(found.location, found.root, one_name=not attended)
    except ImageRefused as refusal:
        return replace(received, reason=str(refusal))
    except PassingFault as fault:
        return replace(received, reason=f"could not be read, submit it again: {fault}")
    received = replace(received, checksum=sha256_hex(data), size=len(data))
    suffix = PurePath(found.image).suffix
    try:
        check(data, suffix)
    except ImageRefused as refusal:
        return replace(received, reason=str(refusal))
    return received
