"""Does the time for an image, or the memory, grow with the number of images in a batch?

    python -m benchmarks.million [IMAGES]... [--folder FOLDER]

Takes in, queues, screens (with a stub network) and reports one batch of each number of images (default: 10,000 and
100,000) in a data folder of its own below FOLDER (default: a temporary one), and compares it with the first.
Writes a table to stderr and one JSON object to stdout.

Real at every size: the walk through one folder, reading, hashing and checking the header of every file, the spool, the
database, the messages in the embedded broker, the worker's steps around each chunk, the reports. The first 1,280
pictures have bytes of their own and are read, decoded and prepared by the worker. The others are hard links to one of
them: their checksums are made up after they were read, and the worker takes scores from the checksums instead of
reading them again. Of more than 100,000 images the first are written by SQL as if they had been screened, without their
audit events (``fill_in``), and the last 30,000 go through the worker's steps, in tables of the full size; the CSV ends
after 100,000 rows.
DERMSCREEN_DATABASE_URL names an empty PostgreSQL to be used instead of SQLite (one size a run).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from benchmarks.million_stages import REAL, STAGES, WHOLE

LINKS = 50_000  # hard links to one file; ext4 allows 65,000
SIDE = 96  # pixels
ROUNDS = 3


def draw(path: Path, number: int) -> None:
    """A small sound picture; its number makes its bytes its own."""
    pixels = np.random.default_rng(number % 16).normal((200, 160, 140), 8, (SIDE, SIDE, 3)).clip(0, 255)
    text = PngInfo()
    text.add_text("number", str(number))
    Image.fromarray(pixels.astype(np.uint8)).save(path, pnginfo=text, compress_level=1)


def fill(folder: Path, number: int) -> None:
    folder.mkdir()
    original = folder / "unset"
    for n in range(number):
        path = folder / f"{n}.png"
        if n < REAL or n % LINKS == 0:
            draw(path, n)
            original = path
        else:
            path.hardlink_to(original)


def run_stage(stage: str, home: Path, folder: Path, number: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.million_stages", stage, str(home), str(folder), str(number)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def command_seconds(home: Path, *arguments: str) -> float:
    """Wall seconds of a ``screen`` command, start of Python included; the best of a few."""
    environment = os.environ | {"DERMSCREEN_HOME": str(home)}
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        command = [sys.executable, "-P", "-m", "cli.main", *arguments]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - started)
    return min(taken)


def measure(number: int, below: Path) -> dict[str, Any]:
    home, folder = below / "home", below / "pictures"
    fill(folder, number)
    found: dict[str, Any] = {"images": number}
    found["status_empty"] = command_seconds(home, "status", "--json")
    try:
        for stage in STAGES:
            started = time.perf_counter()
            found[stage] = run_stage(stage, home, folder, number)
            sys.stderr.write(f"{number} {stage}: {time.perf_counter() - started:.1f} s {found[stage]}\n")
            if stage in ("recover", "real_files"):
                found[f"status_after_{stage}"] = command_seconds(home, "status", "--json")
        found["recover_command"] = command_seconds(home, "recover", "--json")
    finally:
        subprocess.run(
            [sys.executable, "-P", "-m", "cli.main", "down"], env=os.environ | {"DERMSCREEN_HOME": str(home)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    found["database_mb"] = sum(path.stat().st_size for path in home.glob("dermscreen.db*")) / (1 << 20)
    return found


def figures(found: dict[str, Any]) -> dict[str, float]:
    """What is compared: microseconds of the processor for one image or event, seconds of commands, megabytes."""
    number, part = found["images"], found["screening"]
    per = {
        "read, us an image": found["intake"]["read_cpu"] / number,
        "write, us an image": found["intake"]["write_cpu"] / number,
        "of it under the write lock, us an image": found["intake"]["lock_cpu"] / number,
        "enqueue, us an image": found["enqueue"]["enqueue_cpu"] / number,
        "screen (stub, unread), us an image": part["screen_first_cpu"] / part["screened_first"],
        "screen, the last tenth, us an image": part["screen_last_tenth_cpu"] / part["screened_last_tenth"],
        "screen (stub, real files), us an image": found["real_files"]["real_cpu"] / min(REAL, number),
        "report of all, us an image": found["report"]["report_cpu"] / min(number, WHOLE),
        "audit verify, us an event": found["verify"]["verify_cpu"] / found["verify"]["events"],
    }
    shown = {name: seconds * 1e6 for name, seconds in per.items()}
    shown |= {
        "write lock of intake, s": found["intake"]["lock_wall"],
        "longest wait of another writer, s": found["intake"]["waited_wall"],
        "status of an empty site, s": found["status_empty"],
        "status, all waiting, s": found["status_after_recover"],
        "status, complete, s": found["status_after_real_files"],
        "first page, flagged, s": found["report"]["first_page_flagged_wall"],
        "first page, all, s": found["report"]["first_page_all_wall"],
        "recover, all waiting, s": found["recover"]["recover_wall"],
        "recover command, complete, s": found["recover_command"],
    }
    if found["database_mb"]:
        shown["database, MB"] = found["database_mb"]
    return shown | {f"peak of {stage}, MB": found[stage]["peak_mb"] for stage in STAGES}


def table(sizes: list[dict[str, Any]]) -> str:
    columns = [figures(found) for found in sizes]
    head = f"{'':42}" + "".join(f"{found['images']:>22,}" for found in sizes)
    lines = [head]
    for name, first in columns[0].items():
        cells = "".join(f"{column[name]:>14.4g} {column[name] / first:>6.2f}x" for column in columns)
        lines.append(f"{name:42}{cells}")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", type=int)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    sizes = []
    for number in given.images or (10_000, 100_000):
        below = Path(tempfile.mkdtemp(prefix=f"dermscreen-{number}-", dir=given.folder))
        try:
            sizes.append(measure(number, below))
        finally:
            shutil.rmtree(below)
    sys.stderr.write(table(sizes))
    compared = [figures(found) for found in sizes]
    ratios = [{name: column[name] / compared[0][name] for name in column} for column in compared]
    sys.stdout.write(json.dumps({"sizes": sizes, "figures": compared, "ratios": ratios}, indent=1) + "\n")


if __name__ == "__main__":
    main()
