"""Images as they would be with a dark ring around the lesion, so that the ring's part in a score can be measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from PIL import Image

from models.checksum import sha256_hex
from models.decoding import decode
from models.errors import ImageRefused, PassingFault
from models.ring import dark_ring
from storage.chunks import ChunkImage
from storage.image_files import read_image_bytes
from storage.paths import to_location


@contextmanager
def drawn(chunk: tuple[ChunkImage, ...], radius: float) -> Iterator[tuple[ChunkImage, ...]]:
    """The chunk with a ring of ``radius`` (halves of the shorter side) on each image, as files that go afterwards.

    An image that cannot be read stays as it is: screening it says why.
    """
    with TemporaryDirectory(prefix="dermscreen-ringed-") as folder:
        yield tuple(_drawn(image, Path(folder) / f"{image.id}.png", radius) for image in chunk)


def _drawn(image: ChunkImage, target: Path, radius: float) -> ChunkImage:
    try:
        rgb = decode(read_image_bytes(image.location), PurePath(image.image).suffix)
    except (ImageRefused, PassingFault):
        return image
    Image.fromarray(dark_ring(rgb, radius)).save(target)
    checksum = sha256_hex(target.read_bytes())
    return replace(image, image=target.name, location=to_location(str(target)), checksum=checksum)
