"""The images that `screen model evaluate` measures: those of a folder, screened now, or those of a batch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from cli.output import talk
from cli.progress import progress
from cli.ringed import drawn
from models.answers import ClassProbabilities
from models.evaluation.matching import Target
from models.rounding import decimal
from models.version import ModelVersion
from scheduler.collect import Collection
from scheduler.intake import examine
from storage.chunks import ChunkImage
from storage.counts import counts
from storage.database import Session
from storage.paging import pages
from storage.paths import shown
from storage.report import rows
from storage.states import ImageState, Outcome
from worker.networks import Network
from worker.screening import PICTURES, screen

SCORED_TOGETHER = 32 * PICTURES  # decoded pictures that may wait for the network: 50 MB at 128 x 128


@dataclass(frozen=True)
class Image:
    """One image that was handed in. ``state``: screened, duplicate, rejected or failed; "" for still to be scored.

    ``probability`` 0..1, of screened images alone; ``by_class``: those of several classes. ``reason``: why it was not
    scored, or cannot be graded. ``patient``: the pseudonym that it was handed in with, "" where nobody said.
    """

    target: Target
    location: str
    state: str
    reason: str = ""
    probability: float | None = None
    by_class: ClassProbabilities | None = None
    patient: str = ""

    @property
    def scorable(self) -> bool:
        return self.state in ("", ImageState.SCREENED)


def of_folder(folder: Path, scratch: Path) -> list[Image]:
    """Every file of a folder, read and checked as intake does, not yet scored; the same bytes count once.

    ``scratch``: where, if it is there, the names of a large folder wait while they are sorted.
    """
    found: list[Image] = []
    first: dict[str, str] = {}
    collection = Collection([str(folder)], scratch=scratch if scratch.is_dir() else None)
    prefix = shown(str(folder))
    with progress("Reading", collection.count()) as bar:
        for received in map(examine, collection):
            relative = received.image.removeprefix(prefix).lstrip("/")
            target = Target(received.image, relative, received.checksum, received.location)
            image = Image(target, received.location, "")
            if received.reason or received.checksum is None:
                image = replace(image, state=ImageState.REJECTED, reason=received.reason or "not read")
            elif received.checksum in first:
                copy_of = first[received.checksum]
                image = replace(image, state=ImageState.DUPLICATE, reason=f"same bytes as {copy_of}")
            else:
                first[received.checksum] = received.image
            found.append(image)
            bar.update(len(found))
    if collection.passed_over:
        talk(f"Passed over {collection.passed_over} files of the operating system (.DS_Store, Thumbs.db, ...).")
    return found


def scored(images: Sequence[Image], network: Network, ring: float | None = None) -> list[Image]:
    """The images with their probabilities, by the very function that workers screen with.

    With ``ring`` a dark ring of that radius is drawn on each first (`models.ring`).
    """
    done = list(images)
    waiting = [number for number, image in enumerate(images) if image.state == ""]
    finished = 0
    with progress("Screening", len(waiting)) as bar:

        def tell() -> None:
            nonlocal finished
            finished = min(finished + PICTURES, len(waiting))
            bar.update(finished)

        for page in pages(waiting, SCORED_TOGETHER):
            chunk = tuple(
                ChunkImage(
                    number, images[number].target.image, images[number].location, images[number].target.checksum or ""
                )
                for number in page
            )
            with drawn(chunk, ring) if ring else nullcontext(chunk) as shown_ones:
                results = screen(shown_ones, network, tell)
            for number, (probability, ungradable) in results.scores.items():
                done[number] = replace(
                    done[number],
                    state=ImageState.SCREENED,
                    probability=decimal(probability),
                    reason=ungradable or "",
                    by_class=results.classes.get(number),
                )
            for state, reasons in (
                (ImageState.REJECTED, results.rejected),
                (ImageState.FAILED, results.passing | results.faults),
            ):
                for number, reason in reasons.items():
                    done[number] = replace(done[number], state=state, reason=reason)
    return done


def of_batch(session: Session, batch_id: str) -> tuple[list[Image], int]:
    """The images of a complete batch with their stored probabilities, and how many more it had that were erased.

    Raises UsageFault when there is no such batch or when it is not complete: what is screened first need not be
    like the rest.
    """
    from models.errors import UsageFault

    total = counts(session, batch_id)
    if total.state != "complete":
        raise UsageFault(
            f"batch {batch_id} is not complete: {total.received - total.finished} of its {total.received} images are "
            "not yet screened; run `screen worker` and evaluate it then"
        )
    every = list(rows(session, [batch_id], flagged_only=False))
    found = [row for row in every if not row.erased]  # nobody can say any more what they were called
    folder = common_folder([row.image for row in found])
    images = [
        Image(
            Target(row.image, row.image.removeprefix(folder), row.checksum or None, row.location),
            row.location,
            ImageState.SCREENED if row.outcome in tuple(Outcome) else row.outcome,
            row.reason,
            row.probability,
            row.classes,
            row.patient,
        )
        for row in found
    ]
    return images, len(every) - len(found)


def common_folder(images: Sequence[str]) -> str:
    """The folder that all paths share, with its slash; "" where there is none, as between URLs."""
    together = len({image.startswith("/") for image in images}) == 1 and not any("://" in image for image in images)
    shared = os.path.commonpath([image[: image.rfind("/") + 1] for image in images]) if together else ""
    return f"{shared.removesuffix('/')}/" if shared else ""


def network_of(version: ModelVersion, home: Path) -> Network:
    """The network of a model version, its weights checked. Raises ModelInvalid, also without the extra cpu or gpu."""
    from worker.device import apply, resolve
    from worker.networks import Networks

    apply(resolve("auto"))
    return Networks(home).get(version.name)
