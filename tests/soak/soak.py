"""Many images, three workers, one random fault every few seconds, until all is done: ``make soak``.

    make soak IMAGES=20000 SEED=1

The network is a stub that takes its time; all else is what is shipped. One of the workers has a clock two hours
ahead, and in every batch one picture kills whoever decodes it and one has changed since intake. Prints one JSON
object; exit code 1 when an image was lost or had an effect twice.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from faults import FAULTS, PASSING
from sqlalchemy import func, select

from harm import truth
from harm.pictures import BASES, SEGFAULT
from harm.site import Site
from harm.ward import until
from harm.work import Work
from models.errors import PassingFault
from storage.counts import counts
from storage.schema import AuditEvent, Image, Prediction
from storage.states import ImageState

WORKERS = 3
BATCH = 1_000  # images
PACE = "0.2"  # seconds for each 16 pictures: about 80 images a second and worker
LEASE = "5"
FAULT_EVERY = 2.0, 6.0  # seconds
LASTING = 0.5, 7.0  # seconds, of a fault that is undone: shorter and longer than the lease
OPEN_BATCHES = 3
PATIENCE_SECONDS = 900.0  # without one more image done


class Soak:
    """A site under harm until so many images are done."""

    def __init__(self, site: Site, images: int, seed: int) -> None:
        self.site, self.images, self.chance = site, images, random.Random(seed)
        self.injected: Counter[str] = Counter()
        self.batches: dict[str, int] = {}
        self._undo: list[tuple[float, Callable[[], object]]] = []
        self.works: list[Work] = []

    def run(self) -> None:
        self.works = [self._start(number) for number in range(WORKERS)]
        left, next_fault = self.images, time.monotonic() + 2.0
        done, progress = -1, time.monotonic()
        while left or self._open():
            if left and self._open() < OPEN_BATCHES and (size := self._hand_in(min(left, BATCH))):
                left -= size
            self._undo_what_is_over()
            if time.monotonic() > next_fault:
                self._harm()
                next_fault = time.monotonic() + self.chance.uniform(*FAULT_EVERY)
            for number, work in enumerate(self.works):
                if work.process.poll() is not None:  # killed, or it refused the weights: its operator starts it again
                    self.works[number] = self._start(number)
            if (now := self._done()) != done:
                done, progress = now, time.monotonic()
                print(f"{done} of {self.images} done, {self.injected.total()} faults", file=sys.stderr)
            assert time.monotonic() - progress < PATIENCE_SECONDS, "nothing goes on any more"
            time.sleep(0.2)

    def _start(self, number: int) -> Work:
        clock = {"HARM_CLOCK_AHEAD": "7200"} if number == WORKERS - 1 else {}
        return self.site.worker(ready=False, DERMSCREEN_LEASE_SECONDS=LEASE, HARM_PACE=PACE, **clock)

    def _hand_in(self, size: int) -> int:
        folder = self.site.draw(size, {self.chance.randrange(size): SEGFAULT})
        changed = folder / f"{self.chance.randrange(size):05}.png"
        try:
            batch_id = self.site.record(folder)
        except PassingFault:
            shutil.rmtree(folder)
            return 0
        data = changed.read_bytes()
        changed.write_bytes(data[:-1])
        self.batches[batch_id] = size
        return size

    def _harm(self) -> None:
        fault = self.chance.choice(FAULTS)
        work = self.chance.choice(self.works)
        with suppress(*PASSING, PassingFault):
            undo = fault(self.site, work, self.chance)
            self.injected[fault.__name__] += 1
            if undo is not None:
                self._undo.append((time.monotonic() + self.chance.uniform(*LASTING), undo))

    def _undo_what_is_over(self, *, all_of_it: bool = False) -> None:
        for due in [item for item in self._undo if all_of_it or item[0] < time.monotonic()]:
            self._undo.remove(due)
            with suppress(*PASSING, PassingFault):
                due[1]()

    def _open(self) -> int:
        with self.site.database.read() as session:
            return sum(counts(session, batch_id).state != "complete" for batch_id in self.batches)

    def _done(self) -> int:
        with self.site.database.read() as session:
            return sum(counts(session, batch_id).finished for batch_id in self.batches)


def judged(soak: Soak) -> dict[str, object]:
    """What came of it, read from the database."""
    redeliveries, ended = 0, Counter()
    for batch_id, size in soak.batches.items():
        found = truth.check(soak.site.database, batch_id, soak.site.undisturbed, size)
        redeliveries += found.redeliveries
        ended.update(state for state, _ in found.ended.values())
    key = Prediction.checksum, Prediction.model, Prediction.preprocessing
    said = AuditEvent.event == "image.decided", AuditEvent.batch_id.in_(soak.batches)
    screened = Image.state == ImageState.SCREENED, Image.batch_id.in_(soak.batches)
    with soak.site.database.read() as session:
        twice = len(session.execute(select(*key).group_by(*key).having(func.count() > 1)).all())
        decided = session.scalar(select(func.count()).select_from(AuditEvent).where(*said)) or 0
        ended[ImageState.SCREENED] = session.scalar(select(func.count()).select_from(Image).where(*screened)) or 0
    return {
        "faults": dict(sorted(soak.injected.items())),
        "faults_injected": soak.injected.total(),
        "redeliveries": redeliveries,
        "duplicates_of_effect": twice + decided - ended[ImageState.SCREENED],
        "images_lost": soak.images - ended.total(),
        "images": {str(state): number for state, number in sorted(ended.items())},
    }


def main() -> int:
    images, seed = int(os.environ.get("IMAGES") or 20_000), int(os.environ.get("SEED") or 1)
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="dermscreen-soak-"))
    site = Site(folder / "home")
    try:
        first = site.worker()
        batch_id = site.hand_in(site.draw(2 * BASES))
        until(lambda: site.counts()[0].state == "complete", "the end of an undisturbed batch")
        with site.database.read() as session:
            site.undisturbed = truth.scores(session, batch_id)
        first.process.terminate()
        first.process.wait(60)
        soak = Soak(site, images, seed)
        soak.run()
        found = judged(soak)
    finally:
        site.end()
        shutil.rmtree(folder)
    print(json.dumps({"seed": seed, "seconds": round(time.monotonic() - started), **found}, indent=2))
    return 1 if found["duplicates_of_effect"] or found["images_lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
