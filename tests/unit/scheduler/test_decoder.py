"""Whoever has a picture decoded outlives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models.errors import ImageRefused, PassingFault
from scheduler import decoder as decoder_module
from scheduler.decoder import Decoder

Draw = Callable[..., Path]

# pictures that hold one of these words do to their decoder what it says
HARMED = """
import os, signal, sys, time
import models.decoding
from scheduler.decoder import main
decode = models.decoding.decode
def harmed(data, suffix):
    print("a library talks")
    if b"SEGFAULT" in data: os.kill(os.getpid(), signal.SIGSEGV)
    if b"NO MEMORY" in data: os.kill(os.getpid(), signal.SIGKILL)
    if b"OUR BUG" in data: raise SystemExit(7)
    if b"HANG" in data: time.sleep(600)
    if b"ONCE" in data and not os.path.exists(sys.argv[1]):
        open(sys.argv[1], "w").close()
        os.kill(os.getpid(), signal.SIGSEGV)
    decode(data, suffix)
models.decoding.decode = harmed
main()
"""


@pytest.fixture
def harmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_module, "PROGRAM", ("-P", "-c", HARMED, str(tmp_path / "once")))


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    with Decoder() as made:
        yield made
        last = made._process
    assert last is None or last.process.poll() is not None


@pytest.fixture
def picture(tmp_path: Path, photograph: Draw) -> bytes:
    return photograph(tmp_path / "1.jpg").read_bytes()


def refused(decoder: Decoder, data: bytes) -> str:
    with pytest.raises(ImageRefused) as refusal:
        decoder.check(data, ".jpg")
    return str(refusal.value)


def test_it_says_what_decoding_says(decoder: Decoder, picture: bytes) -> None:
    decoder.check(picture, ".jpg")
    assert refused(decoder, picture[:-800]) == "unreadable: the file ends too early, in the picture data"
    assert refused(decoder, b"no image") == "not an image: expected JPEG, PNG, TIFF, WebP or BMP, received text"
    decoder.check(picture, ".jpeg")


@pytest.mark.parametrize(
    ("word", "how"), [(b"SEGFAULT", "SIGSEGV"), (b"NO MEMORY", "SIGKILL"), (b"OUR BUG", "exit code 7")]
)
def test_a_picture_that_kills_its_decoder(
    word: bytes, how: str, decoder: Decoder, picture: bytes, harmed: None
) -> None:
    decoder.check(picture, ".jpg")
    told = refused(decoder, picture + word)
    assert told == f"unreadable: its decoder ended without an answer, 2 times ({how})"
    decoder.check(picture, ".jpg")


def test_a_picture_that_holds_up_its_decoder(
    decoder: Decoder, picture: bytes, harmed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder.check(picture, ".jpg")
    monkeypatch.setattr(decoder_module, "DECODE_SECONDS", 0.2)
    monkeypatch.setattr(decoder_module, "TRIES", 1)
    assert "(none for 0 s)" in refused(decoder, picture + b"HANG")


def test_a_decoder_that_died_of_something_else(decoder: Decoder, picture: bytes, harmed: None) -> None:
    decoder.check(picture + b"ONCE", ".jpg")


def test_a_decoder_that_dies_between_two_pictures(decoder: Decoder, picture: bytes) -> None:
    decoder.check(picture, ".jpg")
    assert decoder._process is not None
    decoder._process.process.kill()
    decoder.check(picture * 40, ".jpg")  # more than a socket holds


def test_without_a_decoder_no_picture_is_refused(
    decoder: Decoder, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_module, "PROGRAM", ("-P", "-c", "raise SystemExit(1)"))
    with pytest.raises(PassingFault, match=r"does not start \(exit code 1\)"):
        decoder.check(picture, ".jpg")
