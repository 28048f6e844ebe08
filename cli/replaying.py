"""What `screen audit replay` does: score what is on record once more, count, and say what of it does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cli.progress import progress
from models.rounding import DECIMALS
from storage.batch_writer import CHUNK_IMAGES
from storage.paging import pages
from storage.replay import Chain, Record, records
from storage.settings import Settings
from worker.environment import NOT_RECORDED, Environment, present_environment, recorded_environment, why_different
from worker.networks import Networks
from worker.replaying import replay
from worker.screening import PICTURES

if TYPE_CHECKING:
    from cli.replay_targets import Target
    from storage.database import Database
    from worker.replayed import Replayed


class Replay:
    """Counts images as they are scored again. images = replayed + not_replayable; replayed = identical + different."""

    def __init__(self, tolerance: Decimal) -> None:
        self.tolerance = tolerance
        self.counts: Counter[str] = Counter()
        self.largest = Decimal(0)
        self.differing: list[dict[str, Any]] = []
        self.not_replayable: list[dict[str, Any]] = []
        self.broken: list[str] = []  # what does not hold, each with its image
        self.now = Environment()
        self._then: dict[Environment, None] = {}

    def run(self, target: Target, database: Database, settings: Settings, networks: Networks, file: str | None) -> None:
        """Score the images of a target, a chunk at a time; no transaction stays open while a network looks.

        ``file``: where the bytes are read instead of the recorded place. Raises ModelInvalid.
        """
        with database.read() as session:
            chain = Chain(session, target.batch_ids)
        self.now = present_environment()
        done = 0
        with progress("Scoring again", len(target.image_ids)) as bar:
            for image_ids in pages(target.image_ids, CHUNK_IMAGES):
                with database.read() as session:
                    found = records(session, chain, image_ids)
                if file is not None:
                    found = [_at(record, file) for record in found]
                before = done

                def scored(most: int = before + len(found)) -> None:
                    nonlocal done
                    done = min(done + PICTURES, most)
                    bar.update(done)

                again = replay(found, networks, scored)
                self.now = present_environment()  # once more: the network has brought its libraries
                self._add(again)

    def _add(self, again: Sequence[Replayed]) -> None:
        for item in again:
            self.counts["images"] += 1
            then = recorded_environment(item.record.decided)
            self._then.setdefault(then)
            wrong = item.broken(self.tolerance)
            number, batch = item.record.image.id, item.record.batch
            if wrong:
                self.broken.append(f"image {number} of batch {batch}: {'; '.join(wrong)}")
            if item.now is None:
                self.counts["not_replayable"] += 1
                self.not_replayable.append(_names(item) | {"reason": item.why_not, "broken": wrong})
                continue
            self.counts["replayed"] += 1
            self.counts["identical" if item.identical else "different"] += 1
            self.counts["outcomes_changed"] += item.outcome_changed
            self.largest = max(self.largest, item.difference)
            if not item.identical:
                self.differing.append(_difference(item, wrong, why_different(then, self.now)))

    def as_json(self, target: Target) -> dict[str, Any]:
        """The promised keys in their order; probabilities and differences as decimal text."""
        names = ("images", "replayed", "identical", "different", "not_replayable")
        return {
            "batch": target.batch_ids[0] if len(target.batch_ids) == 1 else None,
            **{name: self.counts[name] for name in names},
            "largest_difference": decimal_text(self.largest),
            "outcomes_changed": self.counts["outcomes_changed"],
            "tolerance": str(self.tolerance),
            "broken": len(self.broken),
            "recorded": _together(self._then),
            "now": self.now.shown(),
            "images_differing": self.differing,
            "images_not_replayable": self.not_replayable,
        }

    def facts(self, target: Target, actor: str) -> dict[str, str | int | None]:
        """What the audit chain says of it: counts, and the number of the image where only one was meant."""
        names = ("images", "replayed", "identical", "different", "not_replayable", "outcomes_changed")
        return {
            "actor": actor,
            "image": target.image_ids[0] if not target.whole_batch and len(target.image_ids) == 1 else None,
            **{name: self.counts[name] for name in names},
            "broken": len(self.broken),
            "largest_difference": decimal_text(self.largest),
            "tolerance": str(self.tolerance),
            "libraries": self.now.libraries or None,
            "device": self.now.device or None,
        }


def decimal_text(value: Decimal) -> str:
    return f"{value:.{DECIMALS}f}"


def _at(record: Record, place: str) -> Record:
    return replace(record, image=replace(record.image, location=place))


def _names(item: Replayed) -> dict[str, Any]:
    image = item.record.image
    return {"image": image.id, "batch": item.record.batch, "file": image.image, "checksum": image.checksum}


def _difference(item: Replayed, wrong: list[str], engine: str) -> dict[str, Any]:
    # rows that were changed need no other explanation, unless the network says something third
    said = str(item.record.decided.get("probability"))
    explained = bool(item.disagreements) and item.now in (said, item.record.probability)
    return _names(item) | {
        "recorded": item.record.probability,
        "now": item.now,
        "difference": decimal_text(item.difference),
        "outcome_recorded": item.record.outcome,
        "outcome_now": item.outcome,
        "reason_recorded": item.record.reason or "",
        "reason_now": item.reason or "",
        "broken": wrong,
        "why": "the record was changed behind the audit chain's back" if explained else engine,
    }


def _together(environments: Sequence[Environment] | dict[Environment, None]) -> dict[str, str]:
    """What was recorded, each text once: several workers may have screened a batch."""
    shown = [environment.shown() for environment in environments] or [Environment().shown()]
    return {name: "; ".join(sorted({item[name] for item in shown})) or NOT_RECORDED for name in shown[0]}
