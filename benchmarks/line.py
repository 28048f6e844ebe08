"""How fast is a chunk, beside the loop that the reference notebooks deploy (one ``predict`` an image)?

    python -m benchmarks.line [FOLDER]

FOLDER holds photographs; without it 256 are drawn. Both ways use the same network, decoding and preprocessing,
and their probabilities are compared. Prints one JSON object.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cli.drawn_lesions import draw_lesion
from models.catalogue import DEFAULT_MODEL, find
from models.checksum import sha256_hex
from models.networks.backend import import_keras, library_versions
from models.networks.loaded import load
from models.preprocessing import prepare
from storage.batch_writer import CHUNK_IMAGES
from storage.chunks import ChunkImage
from storage.paging import pages
from worker.screening import screen

IMAGES = 256
ROUNDS = 5


def folder_of_drawn_lesions() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dermscreen-bench-"))
    for seed in range(IMAGES):
        draw_lesion(seed, width=600, height=450).save(folder / f"{seed}.jpg", quality=90)
    return folder


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else folder_of_drawn_lesions()
    paths = sorted(path for path in folder.rglob("*") if path.is_file())[:IMAGES]
    images = [ChunkImage(i, str(path), str(path), sha256_hex(path.read_bytes())) for i, path in enumerate(paths)]
    network = load(find(DEFAULT_MODEL, Path()))
    manifest = network.version.manifest
    import_keras().config.disable_interactive_logging()
    ours: dict[int, float] = {}
    theirs: dict[int, float] = {}

    def chunked() -> None:
        for group in pages(images, CHUNK_IMAGES):
            ours.update({key: value for key, (value, _) in screen(tuple(group), network).scores.items()})

    def one_by_one() -> None:
        for image in images:
            data = Path(image.location).read_bytes()
            picture = prepare(data, Path(image.location).suffix, manifest.preprocessing, manifest.input_size)
            theirs[image.id] = float(network._network.predict(picture[np.newaxis], verbose=0)[0, 0])

    chunked()  # traces the network for each batch size
    one_by_one()
    # the two take turns, so that whatever else the machine does meets both
    rounds = [(seconds(chunked), seconds(one_by_one)) for _ in range(ROUNDS)]
    ratios = [slow / fast for fast, slow in rounds]
    fast, slow = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(
        json.dumps(
            {
                "images": len(images),
                "chunked_images_per_second": round(len(images) / fast, 1),
                "one_by_one_images_per_second": round(len(images) / slow, 1),
                "ratio_median": round(statistics.median(ratios), 2),
                "ratio_min": round(min(ratios), 2),
                "ratio_max": round(max(ratios), 2),
                "largest_difference": max(abs(ours[key] - theirs[key]) for key in ours),
                "libraries": library_versions(),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
