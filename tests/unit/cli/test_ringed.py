"""Images with a ring drawn on them, for as long as they are screened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cli.ringed import drawn
from models.checksum import sha256_hex
from models.ring import dark_ring
from storage.chunks import ChunkImage
from storage.paths import to_location


def test_a_ring_on_each_and_what_cannot_be_read_as_it_is(tmp_path: Path, photograph: Callable[..., Path]) -> None:
    sound = photograph(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"no image")
    chunk = tuple(
        ChunkImage(number, path.name, to_location(str(path)), sha256_hex(path.read_bytes()))
        for number, path in enumerate((sound, tmp_path / "b.jpg"))
    )
    with drawn(chunk, 0.8) as (ringed, other):
        assert other == chunk[1]
        assert ringed.id == 0
        path = Path(ringed.location.removeprefix("file://"))
        assert sha256_hex(path.read_bytes()) == ringed.checksum
        expected = dark_ring(np.asarray(Image.open(sound).convert("RGB")), 0.8)
        assert np.array_equal(np.asarray(Image.open(path)), expected)
    assert not path.exists()
