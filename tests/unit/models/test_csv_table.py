"""One way to read what people hand in, whoever asks: labels, groups and patients."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.csv_table import table
from models.errors import UsageFault
from models.evaluation.labels import read_rows
from models.training.split import read_groups
from scheduler.patients import read_manifest

TEXTS = {
    "semicolons": "Image;{0}\n'=a.jpg;x\n",
    "tabs": "IMAGE\t{0}\n'=a.jpg\tx\n",
    "blanks": ' image , {0}\n"\'=a.jpg", "x"\n',
    "byte order mark": "\ufeffimage,{0}\n'=a.jpg,x\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_csv_is_read_alike(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text.format("Group"), "utf-8")
    assert read_groups(file) == {"=a.jpg": "x"}
    assert [(row.image, row.group) for row in read_rows(file)] == [("=a.jpg", "x")]
    file.write_text(text.format("Patient"), "utf-8")
    assert [(row.image, row.patient) for row in read_manifest(file)] == [("=a.jpg", "x")]


@pytest.mark.parametrize("content", [None, b"image,\xff\n", b"image\n" + b"x" * 200_000 + b"\n"])
def test_what_cannot_be_read_is_named_and_no_path(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "Doe Jane.csv"
    if content is not None:
        file.write_bytes(content)
    told = r"^the list cannot be read \(expected CSV in UTF-8\): "
    with pytest.raises(UsageFault, match=told) as refused, table(file, "the list") as (reader, _):
        list(reader)
    assert "Doe" not in str(refused.value)
