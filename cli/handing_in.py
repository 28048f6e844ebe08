"""Reading the files that a person named into a batch, with progress and a word on what was passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import talk
from cli.progress import progress

if TYPE_CHECKING:
    from scheduler.collect import Collection, Found
    from scheduler.intake import Request
    from scheduler.patients import Patients
    from storage.batch_writer import Received
    from storage.counts import Counts
    from storage.database import Database
    from storage.settings import Settings


def hand_in(
    paths: Sequence[str], request: Request, settings: Settings, database: Database, manifest: Path | None = None
) -> Counts:
    """Record a batch and return its counts; nothing is queued yet.

    ``manifest``: a CSV that says of which patient and lesion each image is; it is no image itself. Raises UsageFault
    when it does not fit the images, before one of them is read.
    """
    from scheduler.collect import Collection
    from scheduler.intake import take_in
    from storage.counts import counts

    collection = Collection(paths, scratch=settings.home)
    patients = _patients(manifest, paths, collection) if manifest else None
    # names only; lets the bar say how long the reading takes
    total_files = patients.files if patients else collection.count()
    done = 0
    with progress("Reading", total_files) as bar:

        def count() -> None:
            nonlocal done
            done += 1
            bar.update(done)

        batch_id = take_in(database, settings, request, _examined(collection, manifest, patients), count)
    if collection.passed_over:
        talk(f"Files of the operating system passed over (.DS_Store, Thumbs.db, ...): {collection.passed_over}.")
    if patients and patients.unlisted:
        talk(f"Images that the manifest does not list, and that have no patient: {patients.unlisted}.")
    with database.read() as session:
        total = counts(session, batch_id)
    if total.screened:
        talk(
            f"{total.screened} of {total.received} images were scored before by this model: "
            "their results are reused, no inference is run for them."
        )
    return total


def _patients(manifest: Path, paths: Sequence[str], collection: Collection) -> Patients:
    from scheduler.patients import Patients, read_manifest

    rows = read_manifest(manifest)  # first: a mistake in it is said before a large folder is listed
    return Patients(rows, _without(collection, manifest), paths)


def _examined(collection: Collection, manifest: Path | None, patients: Patients | None) -> Iterator[Received]:
    from scheduler.intake import examine

    collection.passed_over = 0  # those of an earlier look at the names
    for found in _without(collection, manifest):
        received = examine(found)
        if patients and (subject := patients.of(found.image)):
            received = replace(received, patient=subject.patient, lesion=subject.lesion)
        yield received


def _without(collection: Collection, manifest: Path | None) -> Iterator[Found]:
    """The files but the manifest, which may lie among the images."""
    from storage.paths import to_location

    own = to_location(str(manifest)) if manifest else None
    return (found for found in collection if found.location != own)
