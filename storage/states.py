"""The states and outcomes, each with its meaning. The words are those of docs/glossary.md."""

from __future__ import annotations

from enum import StrEnum


class ImageState(StrEnum):
    """Where an image is on its way. The last four are terminal."""

    WAITING = "waiting"  # recorded, not yet sent to the queue
    QUEUED = "queued"  # its chunk was sent
    RUNNING = "running"  # a worker holds its chunk
    SCREENED = "screened"  # has a prediction and a decision
    DUPLICATE = "duplicate"  # same bytes as another image of the batch, screened or not; linked to it
    REJECTED = "rejected"  # the input's fault, with the reason; never retried
    FAILED = "failed"  # ours: attempts used up, with the reason


UNFINISHED = (ImageState.WAITING, ImageState.QUEUED, ImageState.RUNNING)
NOT_JUDGED = (ImageState.REJECTED, ImageState.FAILED)  # ended without an outcome


class Outcome(StrEnum):
    """What was decided about a screened image."""

    FLAGGED = "flagged"  # probability at or above the threshold
    CLEAR = "clear"  # probability below the threshold
    REVIEW = "review"  # we abstain: a person must look


class BatchState(StrEnum):
    """Where a batch is."""

    OPEN = "open"  # some image is not yet terminal
    COMPLETE = "complete"  # every image is terminal: received = screened + duplicate + rejected + failed


class Role(StrEnum):
    """What a model version does at a site."""

    ACTIVE = "active"  # screens new batches
    SHADOW = "shadow"  # scores beside the active one and decides nothing


class ChunkState(StrEnum):
    """Where a chunk is."""

    WAITING = "waiting"  # to be claimed; sent_at says whether a message is out
    RUNNING = "running"  # claimed under a lease
    DONE = "done"  # its results are committed
    SPLIT = "split"  # it killed its worker and lives on as two halves
