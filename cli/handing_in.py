"""Reading the files that a person named into a batch, with progress and a word on what was passed over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.output import talk
from cli.progress import progress

if TYPE_CHECKING:
    from scheduler.intake import Request
    from storage.counts import Counts
    from storage.database import Database
    from storage.settings import Settings


def hand_in(paths: Sequence[str], request: Request, settings: Settings, database: Database) -> Counts:
    """Record a batch and return its counts; nothing is queued yet."""
    from scheduler.collect import Collection
    from scheduler.intake import examine, take_in
    from storage.counts import counts

    collection = Collection(paths, scratch=settings.home)
    total_files = collection.count()  # names only; lets the bar say how long the reading takes
    done = 0
    with progress("Reading", total_files) as bar:

        def count() -> None:
            nonlocal done
            done += 1
            bar.update(done)

        batch_id = take_in(database, settings, request, map(examine, collection), count)
    if collection.passed_over:
        talk(f"Files of the operating system passed over (.DS_Store, Thumbs.db, ...): {collection.passed_over}.")
    with database.read() as session:
        total = counts(session, batch_id)
    if total.screened:
        talk(
            f"{total.screened} of {total.received} images were scored before by this model: "
            "their results are reused, no inference is run for them."
        )
    return total
