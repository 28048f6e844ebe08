"""Small pictures that are cheap to vary: same pixels, other bytes, so that the same score is due and nothing reused."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

BASES = 12
"""Different pictures; the first one is a flat grey that cannot be graded."""

SEGFAULT, MEMORY = b"harm:segfault", b"harm:memory"
"""What the test's decoder looks for in the bytes of a file."""

_END = 12  # bytes of a PNG's last part


def base_of(name: str) -> int:
    """Which of the BASES a file called ``00017.png`` shows."""
    return int(Path(name).stem) % BASES


def draw_many(folder: Path, number: int, harmful: dict[int, bytes] | None = None) -> Path:
    """Write so many pictures into a new folder. ``harmful`` says which of them carry a mark for the decoder."""
    folder.mkdir(parents=True)
    for position in range(number):
        remark = (harmful or {}).get(position, b"") + f" {folder} {position}".encode()
        (folder / f"{position:05}.png").write_bytes(_with_remark(_base(position % BASES), remark))
    return folder


@cache
def _base(number: int) -> bytes:
    pixels = np.full((64, 64, 3), 60.0)
    if number:
        y, x = np.mgrid[-1:1:64j, -1:1:64j]
        spot = (np.hypot(y, x) < 0.5)[..., None] * np.array([30.0, 40.0, 50.0])
        grain = np.random.default_rng(number).normal(0, 12, (64, 64, 1))
        pixels = (70 + 13 * number) * np.array([1.0, 0.85, 0.75]) - spot + grain
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGB").save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _with_remark(png: bytes, remark: bytes) -> bytes:
    body = b"tEXtComment\0" + remark
    part = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-_END] + part + png[-_END:]
