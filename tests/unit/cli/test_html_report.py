"""The page: everything escaped, nothing from elsewhere, pictures only of the bytes that were screened."""

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from cli import html_report
from cli.html_report import write_html
from models.errors import ServiceUnreachable
from models.manifest import Manifest, OperatingPoint
from storage import batches, chunks, predictions
from storage.batch_writer import Received
from storage.counts import batch_ids, counts
from storage.database import Database
from storage.migrate import open_database
from storage.report import NOTICE
from storage.schema import Chunk
from storage.settings import from_environment

POINT = OperatingPoint("sensitivity-95", 0.25, "sensitivity 0.95", "validation")
MANIFEST = Manifest(
    "m-1", "net", 224, "prepared-1", ("benign", "malignant"), "m.safetensors", "0" * 64,
    {POINT.name: POINT}, POINT.name, {}, {}, {},
)  # fmt: skip
HEADER = batches.Header("submit", "<b>r.meyer</b>", MANIFEST, site='"north" & <i>')
Score = tuple[float, str | None]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("DERMSCREEN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DERMSCREEN_DATABASE_URL", raising=False)
    opened = open_database(from_environment())
    yield opened
    opened.close()


def drawn(file: Path, shade: int) -> Received:
    """A JPEG that says in its EXIF block whose it is."""
    exif = Image.Exif()
    exif[0x010E] = "patient 4711"
    Image.new("RGB", (160, 120), (shade, 90, 80)).save(file, "JPEG", exif=exif)
    data = file.read_bytes()
    assert b"patient 4711" in data
    return Received(file.name, str(file), hashlib.sha256(data).hexdigest(), len(data))


def screened(database: Database, scores: dict[Received, Score], *others: Received) -> str:
    by_name = {item.image: score for item, score in scores.items()}
    with database.write() as session:
        batch_id = batches.create(session, HEADER, [*scores, *others])
        for chunk_id in session.scalars(select(Chunk.id).where(Chunk.batch_id == batch_id)).all():
            claim = chunks.claim(session, chunk_id, "tester")
            assert claim is not None
            results = chunks.Results(scores={image.id: by_name[image.image] for image in claim.images})
            chunks.complete(session, claim, predictions.Key("m-1", "prepared-1"), results)
    return batch_id


def page(database: Database, *, flagged_only: bool = True) -> tuple[str, int]:
    written = io.StringIO()
    with database.read() as session:
        total = [counts(session, batch_id) for batch_id in batch_ids(session)]
        number = write_html(written, session, total, flagged_only=flagged_only)
    return written.getvalue(), number


def nowhere(name: str, reason: str | None = None) -> Received:
    return Received(name, f"/nowhere/{name}", hashlib.sha256(name.encode()).hexdigest(), 9, reason)


def headings(html: str) -> list[str]:
    return re.findall(r'<h2>(.*?) <span class="number">(\d+)</span></h2>', html)


def test_notice_equation_and_what_screened(database: Database) -> None:
    batch_id = screened(database, {nowhere("a.jpg"): (0.75, None)}, nowhere("b.jpg", "too small"))
    html, number = page(database)
    assert number == 1
    assert html.startswith("<!doctype html>") and html.rstrip().endswith("</html>")
    assert NOTICE in html
    assert f"Batch {batch_id}" in html
    assert "✓ 2 received = 1 screened + 0 duplicate + 1 rejected + 0 failed. Every image is accounted for." in html
    assert "not complete" not in html
    assert "Model <b>m-1</b>" in html and "Policy <b>sensitivity-95/1</b>" in html
    assert 'Threshold <b class="number">0.250000</b>' in html
    assert headings(html) == [("Flagged lesions", "1")]
    assert 'aria-label="probability 0.750000, threshold 0.250000"' in html
    assert 'width="75.0%"' in html and 'x1="25.0%"' in html
    assert "1 rejected" in html.partition("Not in this list:")[2]


def test_everything_is_escaped(database: Database) -> None:
    name = '<script>alert("1")</script>/"><img src=x onerror=alert(2)>.jpg'
    screened(
        database, {nowhere(name): (0.9, "<u>blurred</u>")}, nowhere("<script>alert(3)</script>.png", "<s>reason</s>")
    )
    html, _ = page(database, flagged_only=False)
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;/" in html
    for raw in ("<script", "<img src=x", "<u>", "<s>", "<b>r.meyer", "<i>&", "& <i>"):
        assert raw not in html


def test_nothing_comes_from_elsewhere(database: Database, tmp_path: Path) -> None:
    screened(database, {drawn(tmp_path / "a.jpg", 10): (0.9, None)})
    html, _ = page(database, flagged_only=False)
    assert "http://" not in html and "https://" not in html and "//" not in re.sub(r"base64,[^\"]*", "", html)
    assert all(address.startswith("data:image/jpeg;base64,") for address in re.findall(r'src="([^"]*)"', html))
    for forbidden in ("<script", "<link", "<iframe", "url(", "@import"):
        assert forbidden not in html
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in html


def test_a_picture_only_of_the_very_bytes(database: Database, tmp_path: Path) -> None:
    same, changed, moved = (drawn(tmp_path / f"{name}.jpg", 40 * i) for i, name in enumerate(("s", "c", "m")))
    broken = Received("broken.jpg", str(tmp_path / "broken.jpg"), hashlib.sha256(b"\xff\xd8\xff").hexdigest(), 3)
    Path(broken.location).write_bytes(b"\xff\xd8\xff")
    screened(database, {same: (0.9, None), changed: (0.8, None), moved: (0.7, None), broken: (0.6, None)})
    drawn(Path(changed.location), 200)
    Path(moved.location).unlink()
    html, number = page(database)
    assert number == 4
    assert re.findall(r'<div class="empty">(.*?)</div>', html) == ["changed", "moved", "not readable"]
    (picture,) = re.findall(r'<img src="data:image/jpeg;base64,([^"]*)" alt="lesion s.jpg">', html)
    data = base64.b64decode(picture, validate=True)
    assert html.count("<img") == 1
    assert b"patient 4711" not in data and b"Exif" not in data
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size, len(image.getexif())) == ("JPEG", (96, 72), 0)


def test_every_image_has_its_section(database: Database) -> None:
    scores: dict[Received, Score] = {
        nowhere("f.jpg"): (0.9, None), nowhere("r.jpg"): (0.1, "blurred"), nowhere("c.jpg"): (0.2, None),
    }  # fmt: skip
    copy = Received("copy.jpg", "/nowhere/copy.jpg", nowhere("f.jpg").checksum, 9)
    screened(database, scores, nowhere("x.txt", "not an image"), copy)
    with database.write() as session:
        waiting = batches.create(session, HEADER, [nowhere("w.jpg")])
    html, number = page(database, flagged_only=False)
    assert number == 6
    assert headings(html) == [
        ("Flagged lesions", "1"), ("For review", "1"), ("Rejected", "1"), ("Not yet screened", "1"),
        ("Duplicates", "1"), ("Clear", "1"),
    ]  # fmt: skip
    assert "same bytes as f.jpg" in html and "not an image" in html
    assert re.findall(r"<summary><h2>(\w+)", html) == ["Clear"]
    assert (
        "1 received, of them 0 screened + 0 duplicate + 0 rejected + 0 failed; "
        "1 not yet screened. This report is preliminary." in html
    )
    assert f"Batch <b>{waiting}</b>" in html
    assert "Not in this list" not in html


def test_no_lesion_flagged_is_no_all_clear(database: Database) -> None:
    screened(database, {nowhere("c.jpg"): (0.1, None)})
    html, number = page(database)
    assert number == 0
    assert "No lesion was flagged. That is not an all-clear." in html


def test_large_reports_are_cut_and_say_so(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_report, "SECTION_ROWS", 3)
    monkeypatch.setattr(html_report, "THUMBNAILS", 2)
    monkeypatch.setattr(html_report, "CARDS", 1)
    for first in (0, 3):
        screened(database, {drawn(tmp_path / f"{i}.jpg", 20 * i): (0.9, None) for i in range(first, first + 3)})
    html, number = page(database)
    assert number == 3
    assert headings(html) == [("Further batches", "1"), ("Flagged lesions", "6")]
    assert "3 more are not shown on this page; the CSV holds all 6" in html
    assert html.count("<img") == 2
    assert "Only the first 2 have a picture here" in html


def test_a_store_that_does_not_answer_is_left_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def unreachable(location: str) -> bytes:
        asked.append(location)
        raise ServiceUnreachable("the image store does not answer")

    monkeypatch.setattr(html_report, "read_image_bytes", unreachable)
    screened(database, {nowhere(f"{i}.jpg"): (0.9, None) for i in range(6)})
    html, _ = page(database)
    assert len(asked) == html_report.STORE_FAULTS
    assert html.count('<div class="empty">not reachable</div>') == 6
