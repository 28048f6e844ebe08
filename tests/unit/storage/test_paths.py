"""Any file name can be stored, shown and found again, UTF-8 or not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.paths import shown, to_location, to_path

LATIN = os.fsdecode(b"/ward/M\xfcller.jpg")


def test_a_utf8_path_is_its_own_location() -> None:
    assert to_location("/ward/Müller 1.jpg") == "/ward/Müller 1.jpg"
    assert shown("/ward/Müller 1.jpg") == "/ward/Müller 1.jpg"


def test_a_path_that_is_not_utf8_becomes_a_url_and_is_shown_in_ascii() -> None:
    assert to_location(LATIN) == "file:///ward/M%FCller.jpg"
    assert shown(LATIN) == r"/ward/M\xfcller.jpg"


def test_a_relative_path_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert to_location("./x/1.jpg") == f"{tmp_path}/x/1.jpg"
    assert to_location(os.fsdecode(b"\xff.jpg")) == f"file://{tmp_path}/%FF.jpg"


def test_a_file_whose_name_is_not_utf8_is_opened_by_its_location(tmp_path: Path) -> None:
    path = os.path.join(os.fspath(tmp_path), os.fsdecode(b"100% \xff?#.jpg"))  # noqa: PTH118
    try:
        Path(path).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert Path(to_path(to_location(path))).read_bytes() == b"x"


def test_a_file_url_is_a_local_path() -> None:
    assert to_path("file:///ward/a%20b.jpg") == "/ward/a b.jpg"
    assert to_path("s3://bucket/a%20b.jpg") == "s3://bucket/a%20b.jpg"


@given(
    st.binary(min_size=1, max_size=60).filter(lambda name: not {0, ord("/")} & set(name) and name not in (b".", b".."))
)
def test_every_name_survives_the_round_trip(name: bytes) -> None:
    path = os.fsdecode(b"/ward/" + name)
    location = to_location(path)
    location.encode("utf-8")  # every database and CSV can hold it
    shown(path).encode("utf-8")
    assert to_path(location) == path
