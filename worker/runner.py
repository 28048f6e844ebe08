"""A worker process at work: claim, screen, complete."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from models.errors import Handling, PassingFault, handling_of
from storage import chunks, predictions, registry, workers
from storage.batches import key_of
from storage.chunks import Claim, LeaseLost, Results, ShadowScores
from storage.database import Database
from storage.name_on_record import expect_model_of_batch, expect_same_weights
from storage.pause import paused, put_off
from storage.processes import identity
from storage.settings import LEASE_SECONDS
from worker.engine import computed
from worker.networks import Network, Networks
from worker.screening import screen

log = logging.getLogger(__name__)

RENEWALS = 4  # of a lease while it lasts, as long as there is progress
WRITE_TRIES = 6  # of a result that is already computed; with backoff they span about 30 s

T = TypeVar("T")


class Runner:
    """Screens chunks, one after the other. ``worker_id`` names the worker that this process belongs to."""

    def __init__(
        self, database: Database, networks: Networks, worker_id: str, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._database, self._networks, self._worker_id = database, networks, worker_id
        self._lease_seconds = lease_seconds

    def run(self, chunk_id: str) -> str:
        """Screen one chunk and return what became of it, in a word for the log.

        Raises PassingFault when the database stays away for longer than we are patient; errors that are
        counted are raised once the chunk is given up.
        """
        claim = patiently(lambda: self._claim(chunk_id))  # a message given up here is missed for 15 s or more
        if isinstance(claim, str):
            return claim
        try:
            return self._attempt(claim)
        except LeaseLost as lost:
            log.warning("%s", lost)
            return "lost"

    def refuse(self, reason: str) -> None:
        """Note that this worker may not go on; its supervisor then ends it."""
        with self._database.write() as session:
            workers.refuse(session, self._worker_id, reason)

    def _claim(self, chunk_id: str) -> Claim | str:
        with self._database.write() as session:
            if paused(session):
                put_off(session, chunk_id)
                return "put off: the site is paused"
            return chunks.claim(session, chunk_id, identity(), self._lease_seconds) or "not due"

    def _attempt(self, claim: Claim) -> str:
        try:
            return self._screen(claim)
        except Exception as error:
            handling = handling_of(error)
            if handling is Handling.AGAIN:
                log.warning("chunk %s is handed back: %s", claim.chunk_id, error)
                reason, pause = str(error), chunks.backoff_seconds(claim.attempt)
                patiently(lambda: self._hand_back(claim, reason, pause))
                return "again"
            if handling is Handling.HANDED_BACK:
                log.critical("%s", error)
                reason = str(error)
                patiently(lambda: self._hand_back(claim, reason, refused=True))
                return "refused"
            if handling is Handling.COUNTED:
                # out of memory, say: it comes back in halves at once, not when its lease is over
                reason = f"screening broke off: {_in_words(error)}"
                patiently(lambda: self._abandon(claim, reason))
            raise

    def _hand_back(self, claim: Claim, reason: str, pause_seconds: float = 0.0, *, refused: bool = False) -> None:
        with self._database.write() as session:
            chunks.hand_back(session, claim, reason, pause_seconds)
            if refused:
                workers.refuse(session, self._worker_id, reason)

    def _abandon(self, claim: Claim, reason: str) -> None:
        with self._database.write() as session:
            chunks.abandon(session, claim, reason)

    def _screen(self, claim: Claim) -> str:
        network = self._networks.get(claim.model)
        manifest = network.version.manifest
        expect_model_of_batch(claim.batch_id, claim.weights, claim.scoring, manifest)
        key = key_of(manifest)
        results = self._results(claim, network, key)
        results.computed = computed(manifest)
        shadow = self._shadow(claim, results)
        patiently(lambda: self._complete(claim, key, results, shadow))
        return "done"

    def _results(self, claim: Claim, network: Network, key: predictions.Key) -> Results:
        """Scores of the chunk's images; those that another batch brought in meanwhile are not computed again."""
        checksums = {image.checksum for image in claim.images}
        with self._database.read() as session:
            known = predictions.known(session, key, checksums)
            others = predictions.of_other_weights(session, key, checksums)
        todo = tuple(image for image in claim.images if image.checksum not in known.keys() | others)
        results = screen(todo, network, _Lease(self._database, claim).keep)
        for image in claim.images:
            if image.checksum in others:
                results.faults[image.id] = predictions.SCORED_BY_OTHERS
            if scored := known.get(image.checksum):
                results.scores[image.id] = (scored.probability, scored.ungradable)
                if by_class := predictions.classes_of_text(scored.classes):
                    results.classes[image.id] = by_class
        return results

    def _shadow(self, claim: Claim, results: Results) -> ShadowScores | None:
        """What the model version in the shadow says of those scored images that it has not scored before.

        Its faults are logged and harm nothing.
        """
        scored = tuple(image for image in claim.images if image.id in results.scores)
        with self._database.read() as session:
            name = registry.shadow_model(session)
            if name is None or name == claim.model:
                return None
            before = predictions.scored_by(session, name, {image.checksum for image in scored})
        todo = tuple(image for image in scored if image.checksum not in before)
        if not todo:
            return None
        try:
            network = self._networks.get(name)
            with self._database.read() as session:
                expect_same_weights(session, network.version.manifest)
            found = screen(todo, network, _Lease(self._database, claim).keep)
        except LeaseLost:
            raise
        except Exception as error:
            log.error("the shadow %s could not score chunk %s: %s", name, claim.chunk_id, type(error).__name__)
            return None
        manifest = network.version.manifest
        key = key_of(manifest)
        return ShadowScores(key, found.scores, found.classes, computed(manifest))

    def _complete(self, claim: Claim, key: predictions.Key, results: Results, shadow: ShadowScores | None) -> None:
        with self._database.write() as session:
            chunks.complete(session, claim, key, results, shadow)


def _in_words(error: Exception) -> str:
    return "out of memory" if isinstance(error, MemoryError) else "a fault of dermscreen, told in the worker's log"


class _Lease:
    """Renews the lease of a chunk while there is progress."""

    def __init__(self, database: Database, claim: Claim) -> None:
        self._database, self._claim, self._renewed = database, claim, time.monotonic()

    def keep(self) -> None:
        """Raises LeaseLost when another worker holds the chunk by now."""
        if time.monotonic() - self._renewed > self._claim.lease_seconds / RENEWALS:
            patiently(self._renew)
            self._renewed = time.monotonic()

    def _renew(self) -> None:
        with self._database.write() as session:
            chunks.renew(session, self._claim)


def patiently(action: Callable[[], T], tries: int = WRITE_TRIES) -> T:
    """Do something that may meet a passing fault, with exponential backoff and jitter; the last fault is raised."""
    for attempt in range(1, tries):
        try:
            return action()
        except PassingFault as fault:
            pause = 2.0**attempt / 2 * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
            log.warning("%s; again in %.1f s", fault, pause)
            time.sleep(pause)
    return action()
