"""Scoring again what is on record: the same file, weights and code path as a worker's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.errors import ModelInvalid
from models.manifest import Manifest
from models.scoring import OTHER_SCORING, scoring_sha256
from storage.replay import Record
from worker.networks import Networks
from worker.replayed import Replayed, Score, compare, not_replayable
from worker.screening import screen

CHANGED = "the file at its place is another one: {bytes}"


def replay(
    records: Sequence[Record], networks: Networks, on_progress: Callable[[], None] = lambda: None
) -> list[Replayed]:
    """Score images again, each with the model version on record, and compare. Every image is in the result.

    Raises ModelInvalid when that version is missing, or not the one that is on record any more.
    """
    found: dict[int, Replayed] = {}
    for model in sorted({record.model for record in records}):
        of_model = [record for record in records if record.model == model]
        manifest = networks.version(model).manifest
        for record in of_model:  # before anything is loaded
            _same_version(record, manifest)
        network = networks.get(model)
        results = screen(tuple(record.image for record in of_model), network, on_progress, CHANGED)
        not_scored = results.rejected | results.passing | results.faults
        for record in of_model:
            number = record.image.id
            if number in results.scores:
                probability, ungradable = results.scores[number]
                score = Score(probability, ungradable, results.classes.get(number))
                found[number] = compare(record, score)
            else:
                found[number] = not_replayable(record, not_scored[number])
    return [found[record.image.id] for record in records]


def _same_version(record: Record, manifest: Manifest) -> None:
    if record.weights is not None and record.weights != manifest.weights_sha256:
        raise ModelInvalid(
            f"model {record.model}: these are not the weights that image {record.image.id} of batch {record.batch} was "
            f"scored with: on record is SHA-256 {record.weights}, at hand is {manifest.weights_sha256}; "
            "restore the folder of the model version, nothing was replayed with another"
        )
    if record.preprocessing not in (None, manifest.preprocessing):
        raise ModelInvalid(
            f"model {record.model}: image {record.image.id} of batch {record.batch} was prepared by "
            f"{record.preprocessing}, the manifest at hand says {manifest.preprocessing}; restore the manifest"
        )
    if record.scoring not in (None, scoring_sha256(manifest)):
        raise ModelInvalid(
            f"model {record.model}: batch {record.batch} was handed in for these weights with {OTHER_SCORING}: on "
            f"record is scoring {record.scoring}, at hand is {scoring_sha256(manifest)}; restore the folder of the "
            "model version, nothing was replayed with another"
        )
