"""What the worker's steps cost for an image in a large database and in a small one, a chunk of each in turn.

    python -m benchmarks.in_turn [SMALL] [LARGE] [--folder FOLDER]

Two runs one after the other, as ``benchmarks.million`` makes them, differ by the other work of the machine as much as
by the number of images. Here both sizes (default: 10,000 and 100,000) meet the same neighbours. No file is read: the
images are made up, and of the large batch all but the last are written by SQL as if they had been screened. On Linux.
Writes one JSON object to stdout: for each size microseconds of the processor and bytes handed to and asked from the
operating system for one image, and their ratios.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.million_intake import REAL, Measured, noted_lock
from benchmarks.million_stages import SCREENED, UnreadRunner, fill_in, networks, waiting
from models.checksum import sha256_hex
from scheduler.intake import Request, take_in
from storage.batch_writer import CHUNK_IMAGES, Received
from storage.migrate import open_database
from storage.settings import Settings

CHUNKS = 120  # of each size that are screened
COLD = 8  # of them go before and are not counted


def made_up(number: int) -> Iterator[Received]:
    for position in range(number):
        name = f"/nowhere/pictures/{position}.png"
        yield Received(name, name, sha256_hex(f"{number} {position}".encode()), 27_000)


class Size:
    """A site with one batch, of which CHUNKS chunks are to be screened."""

    def __init__(self, below: Path, number: int) -> None:
        settings = Settings(below / str(number))
        database = open_database(settings)
        self.written: Measured = {}
        with noted_lock(database, self.written):
            take_in(database, settings, Request(), made_up(number))
        fill_in(database, max(REAL, (number - SCREENED) // CHUNK_IMAGES * CHUNK_IMAGES))
        self.number, self.chunks = number, waiting(database)[REAL // CHUNK_IMAGES :][:CHUNKS]
        self._runner = UnreadRunner(database, networks(settings), "")
        self._spent: list[float] = []
        self._read = self._written = 0

    def screen(self, turn: int) -> None:
        cpu, (read, written) = _cpu(), _moved()
        assert self._runner.run(self.chunks[turn]) == "done"
        if turn >= COLD:
            now = _moved()
            self._spent.append(_cpu() - cpu)
            self._read, self._written = self._read + now[0] - read, self._written + now[1] - written

    def figures(self) -> dict[str, float]:
        images = len(self._spent) * CHUNK_IMAGES
        return {
            "images": self.number,
            "under the write lock of intake, us": self.written["lock_cpu"] / self.number * 1e6,
            "steps, median us": median(self._spent) / CHUNK_IMAGES * 1e6,
            "steps, mean us": sum(self._spent) / images * 1e6,
            "steps, bytes written": self._written / images,
            "steps, bytes read": self._read / images,
        }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _moved() -> tuple[int, int]:
    """Bytes read and written by this process so far."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(lines[0].split()[1]), int(lines[1].split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("small", nargs="?", type=int, default=10_000)
    parser.add_argument("large", nargs="?", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dermscreen-in-turn-", dir=given.folder) as below:
        small, large = (Size(Path(below), number) for number in (given.small, given.large))
        for turn in range(min(len(small.chunks), len(large.chunks))):
            for size in (small, large) if turn % 2 else (large, small):
                size.screen(turn)
    figures = small.figures(), large.figures()
    ratios = {name: figures[1][name] / figures[0][name] for name in figures[0]}
    sys.stdout.write(json.dumps({"sizes": figures, "ratios": ratios}, indent=1) + "\n")


if __name__ == "__main__":
    main()
