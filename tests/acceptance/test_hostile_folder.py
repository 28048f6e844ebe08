"""A folder of broken, hostile and foreign files beside good ones: each gets its one end and its reason."""

import csv
import io
import os
import random
import re
import socket
from pathlib import Path
from typing import Any

from PIL import Image

from cli.drawn_lesions import draw_lesion

GOOD = 6
# what only a programmer could read
NO_WORDS = re.compile(r"[A-Z]\w*(Error|Exception)\b|Traceback|0x[0-9a-f]+|<\w+\.")


def fill(folder: Path) -> dict[str, int]:
    """Write the folder and return how many files of each kind lie in it."""
    rng = random.Random(11)
    folder.mkdir()
    for seed in range(GOOD):
        draw_lesion(seed, width=240, height=180, malignant=seed % 2 == 1).save(folder / f"good {seed}.jpg", quality=90)
    picture = draw_lesion(9, width=160, height=120, malignant=True)
    mutants = 0
    for suffix, options in [("jpg", {}), ("jpg", {"progressive": True}), ("png", {}), ("tif", {}),
                            ("tif", {"compression": "tiff_lzw"}), ("webp", {}), ("bmp", {})]:  # fmt: skip
        out = io.BytesIO()
        picture.save(out, Image.registered_extensions()[f".{suffix}"], **options)
        for _ in range(16):
            data = bytearray(out.getvalue())
            for _ in range(rng.randrange(1, 5)):
                data[int(rng.random() ** 3 * len(data))] = rng.randrange(256)
            if rng.random() < 0.4:
                del data[rng.randrange(len(data)) :]
            (folder / f"mutant {mutants}.{suffix}").write_bytes(data)
            mutants += 1
    foreign = {
        "empty.jpg": b"", "zeros.png": bytes(5_000), "letter.txt": b"Dear colleague", "scan.dcm": bytes(128) + b"DICM",
        "phone.heic": b"\0\0\0\x18ftypheic", "drawing.psd": b"8BPS\0\x01", "truevision.tga": bytes(99),
        "loop.gif": b"GIF89a" + bytes(20), "magic.jpg": b"\xff\xd8\xff", "bomb.jpg": bomb(picture),
        "name.png": (folder / "good 0.jpg").read_bytes(), "no extension": b"\x89PNG\r\n\x1a\n",
    }  # fmt: skip
    for name, data in foreign.items():
        (folder / name).write_bytes(data)
    with (folder / "sparse.bmp").open("wb") as sparse:
        sparse.truncate(1 << 40)  # takes no room, but claims 1 TB
    os.mkfifo(folder / "pipe.jpg")
    (folder / "link.jpg").symlink_to(folder / "good 1.jpg")
    (folder / "wards.jpg").mkdir()  # a folder, whatever its name: what lies in it is received
    (folder / "wards.jpg" / "copy.jpg").write_bytes((folder / "good 2.jpg").read_bytes())
    return {"mutants": mutants, "foreign": len(foreign) + 3}


def bomb(picture: Image.Image) -> bytes:
    """A JPEG whose header claims 9,000 x 9,000 pixels."""
    out = io.BytesIO()
    picture.save(out, "JPEG")
    data = bytearray(out.getvalue())
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = b"\x23\x28\x23\x28"
    return bytes(data)


def test_a_hostile_folder_beside_good_pictures(site: Any, tmp_path: Path) -> None:
    folder = tmp_path / "ward"
    made = fill(folder)
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(folder)  # the path of a socket may have 107 bytes at most
        try:
            listening.bind("socket.jpg")
        finally:
            os.chdir(here)
        done = site.screen("submit", folder, "--wait", "--json")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and not NO_WORDS.search(done.stderr), done.stderr
    rows = list(csv.DictReader(site.screen("report", "--all").stdout.splitlines()))
    ends: dict[str, int] = {}
    for row in rows:
        scored = row["outcome"] in ("flagged", "clear", "review")
        ends["screened" if scored else row["outcome"]] = ends.get("screened" if scored else row["outcome"], 0) + 1
        assert bool(row["probability"]) == scored
        assert scored or (row["reason"] and not NO_WORDS.search(row["reason"])), row
    assert set(ends) == {"screened", "duplicate", "rejected"}
    assert sum(ends.values()) == GOOD + made["mutants"] + made["foreign"] + 2  # the socket and the copy
    reasons = {Path(row["image"]).name: (row["outcome"], row["reason"]) for row in rows}
    assert all(reasons[f"good {seed}.jpg"][0] in ("flagged", "clear", "review") for seed in range(GOOD))
    assert reasons["copy.jpg"][0] == "duplicate"
    for name, words in {
        "empty.jpg": "empty", "zeros.png": "zero bytes", "letter.txt": "text", "scan.dcm": "DICOM",
        "phone.heic": "HEIC", "drawing.psd": "PSD", "loop.gif": "GIF", "magic.jpg": "unreadable",
        "bomb.jpg": "50 megapixels", "name.png": "wrong extension", "sparse.bmp": "64 MB", "pipe.jpg": "FIFO",
        "socket.jpg": "a socket", "link.jpg": "symbolic link",
    }.items():  # fmt: skip
        assert reasons[name][0] == "rejected"
        assert words in reasons[name][1], (name, reasons[name])
    log = "".join(path.read_text(errors="replace") for path in (site.home / "logs").glob("*worker*"))
    assert "Traceback" not in log
    assert site.screen("audit", "verify").returncode == 0
