"""`screen report`: data on stdout, talk on stderr, files whole and on the audit trail."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from cli import html_report
from cli.main import run
from cli.sending import recorded
from models.manifest import Manifest, OperatingPoint
from storage import audit, batches, chunks, predictions
from storage.audit.origin import origin
from storage.batch_writer import Received
from storage.database import Database
from storage.migrate import open_database
from storage.report import NOTICE
from storage.schema import AuditEvent, Chunk
from storage.settings import from_environment

POINT = OperatingPoint("sensitivity-95", 0.25, "sensitivity 0.95", "validation")
MANIFEST = Manifest(
    "m-1", "net", 224, "prepared-1", ("benign", "malignant"), "m.safetensors", "0" * 64,
    {POINT.name: POINT}, POINT.name, {}, {}, {},
)  # fmt: skip
HEADER = batches.Header("submit", "r.meyer", MANIFEST, site="north")
HEAD = (
    "batch,image,checksum,outcome,probability,threshold,model,policy,reason,site,submitter,notice,class,"
    "class_probability,patient,lesion\n"
)
QUOTED = f'"{NOTICE}"'


def received(name: str, reason: str | None = None, checksum: str | None = None) -> Received:
    checksum = None if reason else checksum or hashlib.sha256(name.encode()).hexdigest()
    return Received(name, f"/nowhere/{name}", checksum, 9, reason)


ITEMS = [
    received("a.jpg"),
    received("b.jpg"),
    received("=c.jpg"),
    received("d.jpg"),
    received("copy.jpg", checksum=received("a.jpg").checksum),
    received("e.txt", "not an image"),
]
SCORES = {"a.jpg": (0.3, None), "b.jpg": (0.1, None), "=c.jpg": (0.25, None), "d.jpg": (0.2, "blurred")}


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("DERMSCREEN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DERMSCREEN_DATABASE_URL", raising=False)
    opened = open_database(from_environment())
    yield opened
    opened.close()


def submit(database: Database, items: list[Received] | None = None) -> str:
    with database.write() as session:
        return batches.create(session, HEADER, items or ITEMS)


def finish(database: Database, batch_id: str) -> None:
    with database.write() as session:
        for chunk_id in session.scalars(select(Chunk.id).where(Chunk.batch_id == batch_id)).all():
            claim = chunks.claim(session, chunk_id, "tester")
            assert claim is not None
            results = chunks.Results(scores={image.id: SCORES[image.image] for image in claim.images})
            chunks.complete(session, claim, predictions.Key("m-1", "prepared-1"), results)


@pytest.fixture
def batch(database: Database) -> str:
    batch_id = submit(database)
    finish(database, batch_id)
    return batch_id


def scored(batch: str, image: str, name: str, outcome: str, probability: str, reason: str = "") -> str:
    cells = (batch, image, received(name).checksum, outcome, probability, "0.250000", "m-1", "sensitivity-95/1",
             reason, "north", "r.meyer", QUOTED, "", "", "", "")  # fmt: skip
    return ",".join(map(str, cells)) + "\n"


def unscored(batch: str, image: str, checksum: str | None, state: str, reason: str) -> str:
    return f"{batch},{image},{checksum or ''},{state},,,,,{reason},north,r.meyer,{QUOTED},,,,\n"


def talk(batch: str, *, flagged: bool) -> str:
    listed, reasons = (
        ("`screen report --all` lists them", "`screen report --all` gives each reason")
        if flagged
        else ("each is in this report", "this report gives each reason")
    )
    return (
        f"{batch}: 6 received = 4 screened + 1 duplicate + 1 rejected + 0 failed\n"
        f"Warning: 1 image was not clear and not flagged: a person must look (review); {listed}.\n"
        f"Warning: 1 image was not scored; {reasons}.\n"
        f"{NOTICE}\n"
    )


def without_trail(err: str) -> str:
    """What was said besides the last line, which tells where the audit trail ended."""
    said, _, trail = err.removesuffix("\n").rpartition("\n")
    assert re.fullmatch(r"Audit trail: \d+:[0-9a-f]{64}, key ([0-9a-f]{16}|none yet)\.", trail)
    return f"{said}\n"


def test_flagged_csv_is_the_default(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report"]) == 0
    shown = capsys.readouterr()
    assert shown.out == (
        HEAD
        + scored(batch, "a.jpg", "a.jpg", "flagged", "0.300000")
        + scored(batch, "'=c.jpg", "=c.jpg", "flagged", "0.250000", "")
    )
    assert without_trail(shown.err) == talk(batch, flagged=True)


def test_who_named_batches_is_told_to_name_them_again(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", batch]) == 0
    said = capsys.readouterr().err
    assert f"(review); `screen report {batch} --all` lists them." in said
    assert f"not scored; `screen report {batch} --all` gives each reason." in said


@pytest.mark.parametrize("named", [False, True])
def test_a_page_tells_how_to_read_the_rest_of_its_batches(
    named: bool, batch: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(html_report, "SECTION_ROWS", 1)
    ids = [batch] if named else []
    command = " ".join(["screen report", *ids])
    assert run(["report", *ids, "--format", "html"]) == 0
    page = capsys.readouterr().out
    assert f'the CSV holds all 2: <span class="mono">{command} --format csv</span>' in page
    assert f'<span class="mono">{command} --all</span> lists each with its reason' in page


def test_all_in_the_order_of_submission(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", batch, "--all", "--format", "csv"]) == 0
    shown = capsys.readouterr()
    assert shown.out == (
        HEAD
        + scored(batch, "a.jpg", "a.jpg", "flagged", "0.300000")
        + scored(batch, "b.jpg", "b.jpg", "clear", "0.100000")
        + scored(batch, "'=c.jpg", "=c.jpg", "flagged", "0.250000", "")
        + scored(batch, "d.jpg", "d.jpg", "review", "0.200000", "blurred")
        + unscored(batch, "copy.jpg", ITEMS[0].checksum, "duplicate", "same bytes as a.jpg")
        + unscored(batch, "e.txt", None, "rejected", "not an image")
    )
    assert without_trail(shown.err) == talk(batch, flagged=False)


@pytest.mark.parametrize("arguments", [["--json"], ["--format", "json"], ["--json", "--format", "json"]])
def test_json(batch: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--all", *arguments]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert without_trail(shown.err) == talk(batch, flagged=False)
    assert found.pop("notice") == NOTICE
    (total,) = found.pop("batches")
    assert total.pop("seconds") >= 0
    assert total == {
        "batch": batch, "state": "complete", "received": 6, "screened": 4, "duplicate": 1, "rejected": 1,
        "failed": 0, "flagged": 2, "clear": 1, "review": 1,
    }  # fmt: skip
    images = found.pop("images")
    trail = found.pop("audit")
    assert f"Audit trail: {trail['size']}:{trail['head']}, key {trail['key']}.\n" in shown.err
    assert found == {}
    assert [image["image"] for image in images] == ["a.jpg", "b.jpg", "=c.jpg", "d.jpg", "copy.jpg", "e.txt"]
    common = {"batch": batch, "site": "north", "submitter": "r.meyer", "notice": NOTICE} | {
        "class": "", "class_probability": None, "classes": None, "patient": "", "lesion": "",
    }  # fmt: skip
    assert images[2] == common | {
        "image": "=c.jpg", "checksum": ITEMS[2].checksum, "outcome": "flagged", "probability": 0.25,
        "threshold": 0.25, "model": "m-1", "policy": "sensitivity-95/1", "reason": "",
    }  # fmt: skip
    assert images[5] == common | {
        "image": "e.txt", "checksum": "", "outcome": "rejected", "probability": None, "threshold": None,
        "model": "", "policy": "", "reason": "not an image",
    }  # fmt: skip


def test_without_any_batch(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report"]) == 0
    assert capsys.readouterr() == (HEAD, f"No batch yet. Hand one in with `screen submit FOLDER --wait`.\n{NOTICE}\n")
    assert run(["report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "notice": NOTICE, "audit": {"size": 0, "head": "0" * 64, "key": ""}, "batches": [], "images": [],
    }  # fmt: skip
    assert run(["report", "--format", "html"]) == 0
    assert "There is no batch yet." in capsys.readouterr().out


def test_unfinished_batch_is_warned_of(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    batch_id = submit(database)
    assert run(["report"]) == 0
    shown = capsys.readouterr()
    assert shown.out == HEAD
    assert without_trail(shown.err) == (
        f"{batch_id}: 6 received, of them 0 screened + 1 duplicate + 1 rejected + 0 failed, 4 still waiting\n"
        f"Warning: not complete, 4 images not yet screened: {batch_id}. Report again when it is done.\n"
        "Warning: 1 image was not scored; `screen report --all` gives each reason.\n"
        f"{NOTICE}\n"
    )


def test_many_batches_share_a_sum_line(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [submit(database, [received("a.jpg")]) for _ in range(20)]
    ids += [submit(database, [received("b.jpg"), received("e.txt", "not an image")]) for _ in range(2)]
    for batch_id in ids[:-1]:
        finish(database, batch_id)
    assert run(["report", *ids]) == 0
    lines = without_trail(capsys.readouterr().err).splitlines()
    assert [line.partition(":")[0] for line in lines[:20]] == ids[:20]
    assert lines[20:] == [
        "2 more batches: 4 received, of them 1 screened + 0 duplicate + 2 rejected + 0 failed, 1 still waiting",
        f"Warning: not complete, 1 image not yet screened: {ids[-1]}. Report again when it is done.",
        f"Warning: 2 images were not scored; `screen report {' '.join(ids)} --all` gives each reason.",
        NOTICE,
    ]


def test_unknown_batch(batch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", batch, "nope", "--output", str(tmp_path / "r.csv")]) == 2
    assert capsys.readouterr() == ("", "Error: there is no batch 'nope'; `screen status` lists them\n")
    assert not (tmp_path / "r.csv").exists()


def test_json_and_another_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--json", "--format", "csv"]) == 2
    assert capsys.readouterr().err == "Error: --json and --format csv exclude each other: expected one of them\n"


def exported(database: Database) -> list[tuple[str | None, dict[str, object]]]:
    with database.read() as session:
        audit.verify(session)
        query = select(AuditEvent.batch_id, AuditEvent.body).where(AuditEvent.event == "report.exported")
        return [(batch_id, json.loads(body)) for batch_id, body in session.execute(query.order_by(AuditEvent.seq))]


@pytest.mark.parametrize(
    ("name", "arguments", "format_", "kind", "rows"),
    [
        ("r.csv", [], "csv", "flagged", 2),
        ("r.csv", ["--all"], "csv", "all", 6),
        ("r.json", [], "json", "flagged", 2),
        ("r.HTM", ["--all"], "html", "all", 6),
        ("r.txt", [], "csv", "flagged", 2),
        ("r.csv", ["--format", "html"], "html", "flagged", 2),
    ],
)
def test_a_file_is_audited(
    name: str, arguments: list[str], format_: str, kind: str, rows: int,
    batch: str, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "new folder" / name
    assert run(["report", *arguments, "--output", str(file)]) == 0
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    shown = capsys.readouterr()
    wrote = f"Wrote {rows} rows of {format_.upper()} to {file} (SHA-256 {digest}).\n"
    assert (shown.out, without_trail(shown.err)) == ("", wrote + talk(batch, flagged=kind == "flagged"))
    ((audited, body),) = exported(database)
    at = body.pop("at")
    assert isinstance(at, str)
    trail = f"{body.pop('audit_size')}:{body.pop('audit_head')}, key {body.pop('audit_key')}."
    assert f"Audit trail: {trail}\n" in shown.err
    if format_ == "html":
        assert trail.partition(",")[0] in file.read_text(encoding="utf-8")
    assert (audited, body) == (
        batch,
        origin()
        | {"event": "report.exported", "batch": batch, "sha256": digest, "format": format_, "rows": rows, "kind": kind},
    )
    assert [entry.name for entry in file.parent.iterdir()] == [name]


def test_stdout_is_audited_with_its_receiver(
    batch: str, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "--all", "--receiver", "Dr Jones"]) == 0
    sent = capsys.readouterr().out
    ((audited, body),) = exported(database)
    assert (audited, body["receiver"], body["rows"]) == (batch, "Dr Jones", 6)
    assert body["sha256"] == hashlib.sha256(sent.encode()).hexdigest()


def test_a_reader_who_breaks_off_is_audited(batch: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    class Head(io.StringIO):
        """Takes one line, as `head -1` does."""

        def write(self, text: str) -> int:
            if self.getvalue():
                raise BrokenPipeError
            return super().write(text)

    reader = Head()
    monkeypatch.setattr("sys.stdout", reader)
    with pytest.raises(BrokenPipeError), recorded(database, None, "all", "csv") as sent:
        sent.batches = [batch]
        sent.to_stdout(lambda file: file.write("one\n") + file.write("two\n"))
    ((_, body),) = exported(database)
    assert (body["rows"], body["sha256"]) == (-1, hashlib.sha256(b"one\n").hexdigest())


def test_every_batch_of_a_file_is_audited(batch: str, database: Database, tmp_path: Path) -> None:
    second = submit(database)  # the same bytes: decided at once
    file = tmp_path / "r.csv"
    assert run(["report", "--output", str(file)]) == 0
    assert [batch_id for batch_id, _ in exported(database)] == [batch, second]
    with file.open(newline="", encoding="utf-8") as opened:
        assert [row["batch"] for row in csv.DictReader(opened)] == [batch, second] * 2  # 0.3 of each, then 0.25


def test_stdout_and_file_are_the_same(batch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """But for the end of the audit trail, which the first of them moved on."""
    for format_ in ("csv", "json"):
        assert run(["report", "--format", format_]) == 0
        shown = capsys.readouterr().out
        assert run(["report", "--format", format_, "--output", str(tmp_path / "r")]) == 0
        capsys.readouterr()
        written = (tmp_path / "r").read_text(encoding="utf-8")
        assert _without_trail(written) == _without_trail(shown)


def _without_trail(report: str) -> str:
    return re.sub(r'"audit": \{[^}]*\}', "", report)


def test_a_file_is_written_whole_or_not_at_all(
    batch: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out" / "r.html"
    file.parent.mkdir()
    file.write_text("the old report")

    def full(target: io.TextIOBase, *_: object, **__: object) -> int:
        target.write("half a page")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(html_report, "write_html", full)
    assert run(["report", "--output", str(file)]) == 2
    assert capsys.readouterr() == (
        "",
        f"Error: the report cannot be written to {file}, nothing was: No space left on device\n",
    )
    assert [(entry.name, entry.read_text()) for entry in file.parent.iterdir()] == [("r.html", "the old report")]
    assert exported(database) == []


@pytest.mark.parametrize("name", ["", "/dev/null"])
def test_only_a_file_is_replaced(name: str, batch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / name
    assert run(["report", "--output", str(target)]) == 2
    assert capsys.readouterr().err == (
        f"Error: the report cannot be written to {target}: expected a file, received a folder or a device\n"
    )
    assert target.is_char_device() or target.is_dir()


def test_a_link_is_followed(batch: str, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "share" / "real.csv")
    assert run(["report", "--output", str(tmp_path / "link.csv")]) == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "share" / "real.csv").read_text(encoding="utf-8").startswith(HEAD)
