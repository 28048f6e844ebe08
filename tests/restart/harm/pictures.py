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
    brightness = 60 + 12 * number
    noise = 0 if number == 0 else 12
    pixels = np.random.default_rng(number).normal(0, noise, (64, 64, 3)) + brightness
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGB").save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _with_remark(png: bytes, remark: bytes) -> bytes:
    body = b"tEXtComment\0" + remark
    part = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-_END] + part + png[-_END:]
