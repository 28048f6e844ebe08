"""The report as one page that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import IO

from PIL import Image

from cli.pages import page_environment
from models.checksum import sha256_hex
from models.decoding import decode
from models.errors import ImageRefused, InputFault, PassingFault
from models.rounding import text
from storage.batches import batch_and_policy
from storage.counts import Counts
from storage.database import Session
from storage.image_files import read_image_bytes
from storage.report import NOTICE, ReportRow, rows
from storage.states import UNFINISHED, Outcome

SECTION_ROWS = 2_000  # a browser and a printer still manage them; the CSV holds all
CARDS = 20  # batches shown as a card; those beyond are lines of a table
THUMBNAILS = 200  # about 3 KB each
THUMBNAIL_SIDE = 96  # pixels, the longer side
OVERLAYS = 50  # each is a look of the network, about 0.1 s
OVERLAY_SIDE = 128  # pixels
STORE_FAULTS = 3  # a share or store that did not answer so often is not asked for the rest of the pictures


@dataclass(frozen=True)
class Picture:
    """What stands in the picture's place: a JPEG as data URI, or one word why there is none."""

    uri: str | None
    word: str = ""


@dataclass(frozen=True)
class Line:
    """One image of the page, its numbers ready for the bar (percent) and for reading."""

    row: ReportRow
    folder: str
    name: str
    picture: Picture | None
    probability: str
    threshold: str
    percent: float | None
    threshold_percent: float | None
    overlay: str | None = None  # data URI of the picture under its map


@dataclass
class Section:
    """One table of the page."""

    key: str
    title: str
    lead: str
    scored: bool = True  # has pictures, probability and threshold
    folded: bool = False
    received: list[ReportRow] = field(default_factory=list)
    number: int = 0
    lines: list[Line] = field(default_factory=list)

    @property
    def columns(self) -> int:
        return 5 if self.scored else 3  # without that of the pictures

    def take(self, row: ReportRow) -> None:
        self.number += 1
        if len(self.received) < SECTION_ROWS:
            self.received.append(row)


@dataclass(frozen=True)
class Card:
    """One batch: its counts and what screened it."""

    counts: Counts
    model: str
    policy: str
    threshold: str
    site: str
    submitter: str
    created: str

    @property
    def complete(self) -> bool:
        return self.counts.state == "complete" and self.counts.adds_up

    @property
    def waiting(self) -> int:
        return self.counts.received - self.counts.finished


def write_html(
    file: IO[str],
    session: Session,
    total: Sequence[Counts],
    *,
    flagged_only: bool,
    on_picture: Callable[[int], None] = lambda _: None,
    overlay_of: Callable[[ReportRow], str | None] = lambda _: None,
    trail: Mapping[str, str | int] | None = None,
    asked_as: str = "screen report",
) -> int:
    """Write the page (UTF-8); returns how many images its tables hold.

    Args:
        total: the batches, in the order in which they are shown.
        flagged_only: leave out the sections of all other images.
        on_picture: called with the number of thumbnails looked at so far.
        trail: where the audit trail ended, ``size`` and ``head``, and the ``key`` of its checkpoints.
        asked_as: the command that reports these batches, to which the page adds its options.
        overlay_of: gives the overlay of a flagged row as data URI; asked for the first OVERLAYS of them.
    """
    sections = _sections(session, [item.batch for item in total], flagged_only=flagged_only)
    thumbnails = Thumbnails(on_picture)
    for section in sections:
        section.lines = [_line(row, thumbnails.of(row) if section.scored else None) for row in section.received]
        if section.key == "flagged":
            first = section.lines[:OVERLAYS]
            section.lines[:OVERLAYS] = [replace(line, overlay=overlay_of(line.row)) for line in first]
    environment = page_environment()
    page = environment.get_template("report.html").stream(
        notice=NOTICE,
        trail=trail,
        asked_as=asked_as,
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        flagged_only=flagged_only,
        cards=[_card(session, item) for item in total],
        card_limit=CARDS,
        overlay_limit=OVERLAYS,
        sections=sections,
        thumbnails=thumbnails,
        several_classes=any(line.row.classes for section in sections for line in section.lines),
        elsewhere={name: sum(getattr(item, name) for item in total) for name in ("review", "rejected", "failed")},
    )
    page.enable_buffering(200)
    file.writelines(page)
    return sum(len(section.lines) for section in sections)


def _sections(session: Session, batch_ids: Sequence[str], *, flagged_only: bool) -> list[Section]:
    lead = "Probability at or above the threshold (the mark across the bar); the highest of each batch come first."
    flagged = Section("flagged", "Flagged lesions", lead)
    for batch_id in batch_ids:  # the page has a heading for each batch
        for row in rows(session, [batch_id], flagged_only=True):
            flagged.take(row)
    if flagged_only:
        return [flagged]
    others = [
        Section("review", "For review", "Could not be judged reliably. A person must look at these lesions."),
        Section("rejected", "Rejected", "Not scored: the file cannot be screened as it is.", scored=False),
        Section("failed", "Failed", "Not scored. Repair the cause, then `screen retry BATCH`.", scored=False),
        Section("unfinished", "Not yet screened", "Still on their way when this report was made.", scored=False),
        Section("duplicate", "Duplicates", "The bytes of another image; its outcome, if any, is theirs.", scored=False),
        Section("clear", "Clear", "Probability below the threshold. Clear does not mean harmless.", folded=True),
    ]
    return [flagged, *_sorted_in(rows(session, batch_ids, flagged_only=False), others)]


def _sorted_in(found: Iterable[ReportRow], sections: list[Section]) -> list[Section]:
    """Every row into its section; those of the flagged lesions are passed over."""
    takes = {section.key: section.take for section in sections}
    takes |= dict.fromkeys(UNFINISHED, takes["unfinished"])
    for row in found:
        if row.outcome != Outcome.FLAGGED:
            takes[row.outcome](row)
    return [section for section in sections if section.number]


def _line(row: ReportRow, picture: Picture | None) -> Line:
    folder, slash, name = row.image.rpartition("/")
    return Line(
        row=row,
        folder=folder + slash,
        name=name,
        picture=picture,
        probability="" if row.probability is None else text(row.probability),
        threshold="" if row.threshold is None else text(row.threshold),
        percent=None if row.probability is None else round(100 * row.probability, 2),
        threshold_percent=None if row.threshold is None else round(100 * row.threshold, 2),
    )


def _card(session: Session, total: Counts) -> Card:
    batch, policy = batch_and_policy(session, total.batch)
    return Card(
        counts=total,
        model=batch.model,
        policy=policy.label,
        threshold=text(policy.threshold),
        site=batch.site or "",
        submitter=batch.submitter,
        created=f"{batch.created_at:%Y-%m-%d %H:%M} UTC",
    )


class Thumbnails:
    """Small pictures of the very bytes that were screened, for the first ``THUMBNAILS`` rows that ask."""

    def __init__(self, on_picture: Callable[[int], None]) -> None:
        self._on_picture = on_picture
        self._store_faults = 0
        self.asked = 0

    def of(self, row: ReportRow) -> Picture | None:
        """The picture of a row, a word why there is none, or None once there have been enough."""
        if self.asked >= THUMBNAILS:
            return None
        self.asked += 1
        picture = Picture(None, "erased") if row.erased else self._made(row)
        self._on_picture(self.asked)
        return picture

    def _made(self, row: ReportRow) -> Picture:
        if self._store_faults >= STORE_FAULTS:
            return Picture(None, "not reachable")
        try:
            data = read_image_bytes(row.location)
        except ImageRefused as refusal:
            gone = isinstance(refusal.__cause__, FileNotFoundError | NotADirectoryError)
            return Picture(None, "moved" if gone else "not readable")
        except (PassingFault, InputFault):
            self._store_faults += 1
            return Picture(None, "not reachable")
        if sha256_hex(data) != row.checksum:
            return Picture(None, "changed")
        try:
            return Picture(jpeg_uri(data, PurePath(row.image).suffix))
        except ImageRefused:
            return Picture(None, "not readable")


def jpeg_uri(data: bytes, suffix: str) -> str:
    """Encoded anew from pixels alone: EXIF, place and name of the patient stay behind."""
    small = Image.fromarray(decode(data, suffix, at_least=THUMBNAIL_SIDE))
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    encoded = io.BytesIO()
    small.save(encoded, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(encoded.getvalue()).decode()
