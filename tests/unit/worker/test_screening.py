"""Every image of a chunk ends in exactly one part of the results, whatever happens to its neighbours."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cli.drawn_lesions import draw_lesion
from models.answers import Answers
from models.checksum import sha256_hex
from models.decoding import decode
from models.errors import ModelInvalid, OurFault, PassingFault, ServiceUnreachable
from models.preprocessing import prepare
from models.quality import ungradable
from storage.chunks import ChunkImage, Results
from worker import screening
from worker.screening import NO_NUMBER, PICTURES, screen

Photograph = Callable[..., Path]
Entry = Callable[..., ChunkImage]


@pytest.fixture
def images(tmp_path: Path, photograph: Photograph, chunk_image: Entry) -> tuple[ChunkImage, ...]:
    """Five sound pictures, with ids that are not their places."""
    return tuple(
        chunk_image(100 - n, photograph(tmp_path / f"Doe Jane {n}.jpg", seed=n, side=80 + 10 * n)) for n in range(5)
    )


def parts(results: Results) -> dict[int, list[str]]:
    """image id -> the parts of the results that it stands in."""
    found: dict[int, list[str]] = {}
    for part in ("scores", "rejected", "passing", "faults"):
        for image_id in getattr(results, part):
            found.setdefault(image_id, []).append(part)
    return found


def expected_score(image: ChunkImage, scored: Callable[..., Any], size: int = 32) -> float:
    picture = prepare(Path(image.location).read_bytes(), ".jpg", "square-1", size)
    return float(scored(picture[np.newaxis])[0])


def test_sound_pictures_are_scored(images: tuple[ChunkImage, ...], network: Any, scored: Callable[..., Any]) -> None:
    results = screen(images, network)
    assert parts(results) == {image.id: ["scores"] for image in images}
    for image in images:
        assert results.scores[image.id] == (expected_score(image, scored), None)
    assert len({probability for probability, _ in results.scores.values()}) == 5


def test_no_image_is_no_call(network: Any) -> None:
    assert screen((), network) == Results()
    assert network.seen == []


@pytest.mark.parametrize("count", [PICTURES - 1, PICTURES, PICTURES + 1, 2 * PICTURES + 5])
def test_each_score_belongs_to_its_picture(
    tmp_path: Path, photograph: Photograph, chunk_image: Entry, network: Any, scored: Callable[..., Any], count: int
) -> None:
    """Two of them cannot be scored, so places in the calls are not places in the chunk."""
    paths = [photograph(tmp_path / f"{n}.jpg", seed=n, side=70 + n) for n in range(count)]
    images = tuple(chunk_image(1000 - 7 * n, path) for n, path in enumerate(paths))
    for gone in (paths[0], paths[count - 2]):
        gone.unlink()
    progress: list[int] = []
    results = screen(images, network, lambda: progress.append(sum(len(call) for call in network.seen)))
    left = [image for image in images if Path(image.location).exists()]
    assert results.scores == {image.id: (expected_score(image, scored), None) for image in left}
    assert sorted(results.rejected) == sorted({image.id for image in images} - {image.id for image in left})
    assert all(len(call) <= PICTURES for call in network.seen)
    assert len(progress) == -(-count // PICTURES)
    assert progress[-1] == count - 2


@pytest.mark.parametrize("side", [80, 300])
def test_training_and_screening_see_the_same_pixels(
    tmp_path: Path, photograph: Photograph, chunk_image: Entry, network: Any, side: int
) -> None:
    """Also of a JPEG that is large enough to be shrunk while it is decoded."""
    path = photograph(tmp_path / "0.jpg", side=side)
    screen((chunk_image(1, path),), network)
    assert np.array_equal(network.seen[0][0], prepare(path.read_bytes(), ".jpg", "square-1", 32))


def test_a_changed_file_is_rejected_with_both_checksums(
    images: tuple[ChunkImage, ...], network: Any, photograph: Photograph
) -> None:
    changed = images[2]
    photograph(Path(changed.location), seed=99)
    received = sha256_hex(Path(changed.location).read_bytes())
    results = screen(images, network)
    assert results.rejected == {
        changed.id: "the file changed between intake and screening: expected the bytes with SHA-256 "
        f"{changed.checksum[:12]}..., received {received[:12]}...; submit it again"
    }
    assert sorted(results.scores) == sorted(image.id for image in images if image is not changed)


def test_a_deleted_file_is_rejected(images: tuple[ChunkImage, ...], network: Any) -> None:
    Path(images[0].location).unlink()
    results = screen(images, network)
    assert results.rejected == {images[0].id: "the file is no longer there"}
    assert len(results.scores) == 4


def test_a_file_behind_a_link_is_rejected(images: tuple[ChunkImage, ...], network: Any, tmp_path: Path) -> None:
    path = Path(images[0].location)
    path.rename(tmp_path / "elsewhere.jpg")
    path.symlink_to(tmp_path / "elsewhere.jpg")
    assert screen(images, network).rejected == {images[0].id: "a symbolic link: expected the file itself"}


def test_a_truncated_file_is_rejected(
    images: tuple[ChunkImage, ...], network: Any, tmp_path: Path, chunk_image: Entry
) -> None:
    torn = tmp_path / "torn.jpg"
    whole = Path(images[0].location).read_bytes()
    torn.write_bytes(whole[: len(whole) * 3 // 4])
    results = screen((*images, chunk_image(1, torn)), network)
    assert list(results.rejected) == [1]
    assert results.rejected[1].startswith("unreadable: the file ends too early")
    assert len(results.scores) == 5


def test_a_wrong_extension_is_rejected(
    images: tuple[ChunkImage, ...], network: Any, tmp_path: Path, chunk_image: Entry
) -> None:
    """It counts by the name as submitted, not by where the bytes lie."""
    renamed = tmp_path / "renamed.png"
    renamed.write_bytes(Path(images[0].location).read_bytes())
    results = screen((chunk_image(1, renamed),), network)
    assert results.rejected[1].startswith("wrong extension: the content is JPEG")
    assert network.seen == []


def test_why_a_picture_cannot_be_graded_goes_along(
    images: tuple[ChunkImage, ...], network: Any, tmp_path: Path, chunk_image: Entry
) -> None:
    Image.new("RGB", (100, 100), (130, 130, 130)).save(tmp_path / "grey.png")
    results = screen((chunk_image(1, tmp_path / "grey.png"), *images), network)
    probability, reason = results.scores[1]
    assert probability == pytest.approx(130 / 255)
    assert reason == "no content: nearly uniform, contrast 0 of 255, expected at least 30"
    assert [results.scores[image.id][1] for image in images] == [None] * 5


@pytest.mark.parametrize("fault", [PassingFault("the file could not be read now: Input/output error"),
                                   ServiceUnreachable("the image store does not answer (TimeoutError)")])  # fmt: skip
def test_a_passing_fault_is_kept_apart(
    images: tuple[ChunkImage, ...], network: Any, monkeypatch: pytest.MonkeyPatch, fault: PassingFault
) -> None:
    reads = screening.read_image_bytes

    def read(location: str) -> bytes:
        if location == images[3].location:
            raise fault
        return reads(location)

    monkeypatch.setattr(screening, "read_image_bytes", read)
    results = screen(images, network)
    assert results.passing == {images[3].id: str(fault)}
    assert len(results.scores) == 4
    assert results.faults == results.rejected == {}


@pytest.mark.parametrize("error", [RuntimeError, OSError, MemoryError, OurFault])
def test_a_fault_of_ours_harms_no_neighbour_and_names_no_file(
    images: tuple[ChunkImage, ...],
    network: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[Exception],
) -> None:
    reads = screening.read_image_bytes

    def read(location: str) -> bytes:
        if location == images[1].location:
            try:
                raise ValueError(f"first {location}")
            except ValueError as first:
                raise error(f"no such thing: {location}") from first
        return reads(location)

    monkeypatch.setattr(screening, "read_image_bytes", read)
    with caplog.at_level(logging.DEBUG):
        results = screen(images, network)
    reason = "could not be prepared, by a fault of dermscreen; the worker's log says which, under the image's number"
    if error is MemoryError:
        reason = "out of memory"
    assert results.faults == {images[1].id: reason}
    assert len(results.scores) == 4
    assert results.passing == results.rejected == {}
    assert f"image {images[1].id} could not be prepared: {error.__name__}" in caplog.text
    assert "test_screening.py" in caplog.text  # where it happened is there
    assert "Doe" not in caplog.text


def test_all_of_them_at_once(
    images: tuple[ChunkImage, ...], network: Any, monkeypatch: pytest.MonkeyPatch, photograph: Photograph
) -> None:
    scored, changed, gone, passing, broken = images
    photograph(Path(changed.location), seed=99)
    Path(gone.location).unlink()
    reads = screening.read_image_bytes

    def read(location: str) -> bytes:
        if location == passing.location:
            raise PassingFault("later")
        if location == broken.location:
            raise RuntimeError
        return reads(location)

    monkeypatch.setattr(screening, "read_image_bytes", read)
    assert parts(screen(images, network)) == {
        scored.id: ["scores"],
        changed.id: ["rejected"],
        gone.id: ["rejected"],
        passing.id: ["passing"],
        broken.id: ["faults"],
    }
    assert [len(call) for call in network.seen] == [1]


def test_progress_may_stop_the_work(tmp_path: Path, photograph: Photograph, chunk_image: Entry, network: Any) -> None:
    images = tuple(chunk_image(n, photograph(tmp_path / f"{n}.jpg", seed=n)) for n in range(PICTURES + 3))

    def stop() -> None:
        raise OurFault("the lease is gone")

    with pytest.raises(OurFault, match="the lease is gone"):
        screen(images, network, stop)
    assert [len(call) for call in network.seen] == [PICTURES]


def test_what_is_no_number_is_no_score_and_harms_no_neighbour(images: tuple[ChunkImage, ...], network: Any) -> None:
    """Stored, it would be below each threshold: as if the picture were clear."""
    network.answers = lambda pictures: Answers(np.where(np.arange(len(pictures)) == 1, np.nan, 0.25))
    results = screen(images, network)
    assert results.faults == {images[1].id: NO_NUMBER}
    assert results.scores == {image.id: (0.25, None) for image in images if image is not images[1]}


def test_too_few_answers_of_a_network_are_no_scores(images: tuple[ChunkImage, ...], network: Any) -> None:
    """Nothing is paired up wrongly: the chunk ends without a result."""
    network.answers = lambda pictures: Answers(np.zeros(len(pictures) - 1))
    with pytest.raises(ValueError, match="zip"):
        screen(images, network)


def test_a_real_network_scores_a_picture_the_same_in_any_company(
    tmp_path: Path, photograph: Photograph, chunk_image: Entry, network: Any
) -> None:
    from models.networks.architectures import build

    real = build("hidri", 32)
    network.answers = lambda pictures: Answers(real.predict_on_batch(pictures).reshape(-1))
    images = tuple(chunk_image(n, photograph(tmp_path / f"{n}.jpg", seed=n)) for n in range(PICTURES + 1))
    together = screen(images, network).scores
    for image in images[:2] + images[-1:]:
        assert screen((image,), network).scores[image.id][0] == pytest.approx(together[image.id][0], abs=1e-6)


def test_an_unknown_preprocessing_scores_nothing(
    images: tuple[ChunkImage, ...], network: Any, manifest: Any, tmp_path: Path
) -> None:
    from dataclasses import replace

    network.version = replace(network.version, manifest=replace(manifest, preprocessing="fov-9"))
    with pytest.raises(ModelInvalid, match="fov-9"):
        screen(images, network)
    assert network.seen == []


@pytest.mark.parametrize(("at_once", "most"), [(2.5, 2), (1, 1), (0.1, 1)])
def test_pictures_are_in_memory_within_the_budget_of_pixels(
    tmp_path: Path, chunk_image: Entry, network: Any, monkeypatch: pytest.MonkeyPatch, at_once: float, most: int
) -> None:
    """From before a pixel is decoded until the picture is small; ``at_once``: in pictures."""
    lesion = draw_lesion(1, width=200, height=150).resize((800, 600))
    images = []
    for number in range(6):
        lesion.putpixel((0, 0), (number, 0, 0))
        lesion.save(tmp_path / f"{number}.png", compress_level=1)
        images.append(chunk_image(number, tmp_path / f"{number}.png"))
    in_memory: set[int] = set()  # threads
    seen: list[int] = []

    def decoding(*arguments: Any, before: Callable[[int], None], **options: Any) -> Any:
        def taken(pixels: int) -> None:
            assert pixels == 800 * 600
            before(pixels)
            in_memory.add(threading.get_ident())
            seen.append(len(in_memory))

        return decode(*arguments, before=taken, **options)

    def looked_at(rgb: Any, field: Any) -> str | None:
        found = ungradable(rgb, field)
        in_memory.discard(threading.get_ident())
        return found

    monkeypatch.setattr(screening, "PIXELS_AT_ONCE", int(at_once * 800 * 600))
    monkeypatch.setattr(screening, "THREADS", 4)
    monkeypatch.setattr(screening, "decode", decoding)
    monkeypatch.setattr(screening, "ungradable", looked_at)
    assert len(screen(tuple(images), network).scores) == 6
    assert max(seen) <= most
