"""One chunk: files are read and decoded in threads while the network computes on those that are ready."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isnan
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from models.checksum import sha256_hex
from models.decoding import decode
from models.errors import Handling, ImageRefused, NotInPlace, UsageFault, handling_of
from models.field import lit_field
from models.limits import PIXELS_AT_ONCE
from models.memory import PixelBudget
from models.preprocessing import preprocessing
from models.quality import ungradable
from storage.chunks import ChunkImage, Results
from storage.image_files import read_image_bytes
from storage.paging import pages
from worker.networks import Network

log = logging.getLogger(__name__)

PICTURES = 16  # a network call: small enough that decoding stays ahead, large enough to fill two cores
CHANGED = "the file changed between intake and screening: {bytes}; submit it again"
_COULD_NOT = "could not be prepared, by a fault of dermscreen; the worker's log says which, under the image's number"
NO_NUMBER = "the network gave no number from 0 to 1 for it: weights that overflow, as of a damaged import"
# libjpeg and zlib let go of the interpreter lock: two threads decode 1.9 times as fast as one
THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class _Picture:
    """A picture ready for the network: (size, size, 3) uint8, and why it cannot be graded, if so."""

    pixels: NDArray[np.uint8]
    ungradable: str | None


def screen(
    images: tuple[ChunkImage, ...],
    network: Network,
    on_progress: Callable[[], None] = lambda: None,
    changed: str = CHANGED,
) -> Results:
    """Score images; every image ends up in exactly one part of the results. ``on_progress`` may raise to stop.

    ``changed``: the reason for an image whose file has other bytes by now, with ``{bytes}`` for both checksums.
    """
    results = Results()
    manifest = network.version.manifest
    prepare = preprocessing(manifest.preprocessing)
    budget = PixelBudget(PIXELS_AT_ONCE)

    def ready(image: ChunkImage) -> _Picture:
        try:
            data = read_image_bytes(image.location)
        except ImageRefused as refusal:
            raise NotInPlace(str(refusal)) from refusal
        received = sha256_hex(data)
        if received != image.checksum:
            both = f"expected the bytes with SHA-256 {image.checksum[:12]}..., received {received[:12]}..."
            raise NotInPlace(changed.format(bytes=both))
        with budget.share() as take:
            rgb = decode(data, PurePath(image.image).suffix, at_least=manifest.input_size, before=take)
            field = lit_field(rgb)  # once for both
            return _Picture(prepare(rgb, manifest.input_size, field), ungradable(rgb, field))

    with ThreadPoolExecutor(THREADS, thread_name_prefix="decode") as pool:
        try:
            pending = [(image, pool.submit(ready, image)) for image in images]
            for group in pages(pending, PICTURES):
                pictures: list[tuple[int, _Picture]] = []
                for image, future in group:
                    try:
                        pictures.append((image.id, future.result()))
                    except Exception as error:  # one bad picture must not take its neighbours along
                        _note(results, image.id, error)
                if pictures:
                    batch = np.stack([picture.pixels for _, picture in pictures])
                    said = network.answers(batch)
                    reasons = said.reasons([picture.ungradable for _, picture in pictures])
                    for (image_id, _), probability, by_class, reason in zip(
                        pictures, said.malignant, said.by_class(), reasons, strict=True
                    ):
                        if isnan(probability):  # it is below each threshold, as if the picture were clear
                            results.faults[image_id] = NO_NUMBER
                            continue
                        results.scores[image_id] = (float(probability), reason)
                        if by_class is not None:
                            results.classes[image_id] = by_class
                on_progress()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return results


def _note(results: Results, image_id: int, error: Exception) -> None:
    """Sort an image that could not be prepared by the class of its error."""
    handling = handling_of(error)
    if handling is Handling.REJECTED:
        results.rejected[image_id] = str(error)
        if isinstance(error, NotInPlace):
            results.misplaced.add(image_id)
    elif handling is Handling.AGAIN:
        results.passing[image_id] = str(error)
    elif isinstance(error, UsageFault):  # a package is missing here, say: its text says which, and names no file
        results.faults[image_id] = str(error)
    else:  # without the text of the error: it may hold the name of the file
        trace = "".join(traceback.format_tb(error.__traceback__))
        log.error("image %d could not be prepared: %s\n%s", image_id, type(error).__name__, trace)
        results.faults[image_id] = "out of memory" if isinstance(error, MemoryError) else _COULD_NOT
