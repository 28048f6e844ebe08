"""The exported trail, and the program by which an outsider checks it: run as one, with nothing of ours around."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from storage.audit import keys, link, standalone
from storage.audit.canonical import canonical
from storage.audit.checkpoint_log import log_path
from storage.audit.export import Exported, note_export, write_export
from storage.database import Database
from storage.schema import AuditEvent
from storage.settings import Settings

Outsider = Callable[..., tuple[int, str]]


def export(database: Database, settings: Settings, path: Path) -> Exported:
    with path.open("wb") as file:
        return write_export(database, settings, file)


@pytest.fixture
def trail(sealed: Database, settings: Settings, tmp_path: Path) -> Path:
    """An export of 13 events and 4 lines of checkpoints."""
    export(sealed, settings, tmp_path / "trail.jsonl")
    return tmp_path / "trail.jsonl"


@pytest.fixture
def outsider(tmp_path: Path) -> Outsider:
    """Runs a copy of the verifier in another folder; returns its exit code and what it said."""
    folder = tmp_path / "outside"
    folder.mkdir()
    shutil.copy(standalone.__file__, folder / "verify_audit.py")

    def run(*arguments: object) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", "verify_audit.py", *map(str, arguments)],
            cwd=folder, env={}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


def test_the_verifier_needs_cryptography_and_nothing_else() -> None:
    tree = ast.parse(Path(standalone.__file__).read_text(encoding="utf-8"))
    names = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names - sys.stdlib_module_names == {"cryptography"}


def test_what_the_verifier_has_once_more_is_the_same() -> None:
    assert (standalone.GENESIS, standalone.CHAIN_DOMAIN) == (link.GENESIS, link.DOMAIN)
    body = {"event": 'tést \u2028 "\\', "batch": "", "at": "\x00\n", "size": 2**53 - 1, "less": -1}
    assert standalone.canonical(body) == canonical(body)
    for seq, previous in ((1, link.GENESIS), (2**40, "ab" * 32)):
        text = canonical(body)
        assert standalone.link_hash(seq, previous, text) == link.link_hash(seq, previous, text)


def test_an_export_holds_the_text_as_it_is_stored(sealed: Database, settings: Settings, tmp_path: Path) -> None:
    made = export(sealed, settings, tmp_path / "t")
    data = (tmp_path / "t").read_bytes()
    lines = [json.loads(line) for line in data.splitlines()]
    with sealed.read() as session:
        rows = session.scalars(select(AuditEvent).order_by(AuditEvent.seq)).all()
        stored = [{"seq": row.seq, "previous": row.previous, "hash": row.hash, "body": row.body} for row in rows]
    assert lines[4:] == stored
    told = [json.loads(line) for line in log_path(settings).read_text().splitlines()]
    assert [line["checkpoint"] for line in lines[:4]] == told
    assert made == Exported(13, 4, str(stored[-1]["hash"]), hashlib.sha256(data).hexdigest())


def test_an_export_ends_with_a_checkpoint_of_its_own(
    sealed: Database, settings: Settings, tell: Callable[..., None], tmp_path: Path, outsider: Outsider
) -> None:
    tell()
    export(sealed, settings, tmp_path / "t")
    signer = keys.existing_or_new(settings)
    assert outsider(tmp_path / "t") == (0, f"intact: 17 events, 4 checkpoints of key {signer.id}\n")


def test_an_export_is_an_event(sealed: Database, settings: Settings, tmp_path: Path) -> None:
    made = export(sealed, settings, tmp_path / "t")
    note_export(sealed, made, "the inspectorate")
    with sealed.read() as session:
        body = session.scalars(select(AuditEvent.body).where(AuditEvent.event == "audit.exported")).one()
    assert json.loads(body).items() >= {"sha256": made.sha256, "events": 13, "receiver": "the inspectorate"}.items()


def test_an_outsider_holds_it_against_what_he_knows(
    trail: Path, settings: Settings, outsider: Outsider, tmp_path: Path
) -> None:
    signer = keys.existing_or_new(settings)
    head = json.loads(trail.read_text().splitlines()[-1])["hash"]
    known = ("--key", signer.public, "--head", f"13:{head}", "--checkpoints", log_path(settings))
    assert outsider(trail, *known)[0] == 0
    code, told = outsider(trail, "--key", "ab" * 32)
    assert (code, "which is not the one that was given: the key was replaced" in told) == (5, True)
    code, told = outsider(trail, "--head", f"12:{head}")
    assert (code, "does not hold the noted head of 12 events" in told) == (5, True)


def test_what_cannot_be_read_is_not_verified(
    trail: Path, settings: Settings, outsider: Outsider, tmp_path: Path
) -> None:
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "empty").write_bytes(b"")
    for arguments in (
        ("missing",),
        (tmp_path,),
        (trail, "--checkpoints", "missing"),
        (trail, "--checkpoints", tmp_path / "picture"),
        (trail, "--checkpoints", tmp_path / "empty"),
        (trail, "--checkpoints", log_path(settings), "--checkpoints", tmp_path / "empty"),
    ):
        code, told = outsider(*arguments)
        assert (code, told.startswith("not verified: "), "Traceback" in told) == (2, True, False)


def rehash(lines: list[str], number: int, word: str) -> list[str]:
    """Another word in one event, and every hash from there on computed anew."""
    values = [json.loads(line) for line in lines]
    values[number]["body"] = values[number]["body"].replace("told", word)
    previous = "0" * 64
    for value in values:
        if "seq" in value:
            value["previous"] = previous
            value["hash"] = previous = standalone.link_hash(value["seq"], previous, value["body"])
    return [json.dumps(value) for value in values]


ATTACKS: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "edited": (lambda all_: [*all_[:8], all_[8].replace("told", "tale"), *all_[9:]], "audit event 5 was changed"),
    "recomputed": (lambda all_: rehash(all_, 10, "tale"), "events 6 to 9 are not those that the checkpoint of"),
    "cut off": (lambda all_: all_[:-1], "the audit chain ends with event 12"),
    "removed": (lambda all_: all_[:6] + all_[7:], "audit event 3 is missing"),
    "swapped": (lambda all_: [*all_[:6], all_[7], all_[6], *all_[8:]], "audit event 3 is missing or out of order"),
    "checkpoint removed": (lambda all_: all_[:1] + all_[2:], "names one before it that is missing"),
    "all checkpoints removed": (lambda all_: all_[4:], "the export holds no checkpoint"),
    "signature": (lambda all_: [all_[0].replace('"signature":"', '"signature":"00'), *all_[1:]], "checkpoint"),
    "no export": (lambda _: ["[1, 2"], "cannot be read to its end"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_changed_export_is_told(trail: Path, settings: Settings, attack: str) -> None:
    change, told = ATTACKS[attack]
    lines = change(trail.read_text(encoding="utf-8").splitlines())
    if attack == "edited":
        lines[8] = lines[8].replace("audit.key", "audit.kez")
    trail.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with pytest.raises(standalone.Broken, match=told):
        standalone.verify_export(trail)


def test_an_outsider_is_told_too(trail: Path, outsider: Outsider) -> None:
    trail.write_text("".join(trail.read_text().splitlines(keepends=True)[:-1]))
    code, told = outsider(trail)
    assert code == 5
    assert told.startswith("NOT INTACT: the audit chain ends with event 12: ")


def test_the_commands(
    sqlite_database: Database, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], outsider: Any
) -> None:
    """Export, verifier, verification and doctor by the command line."""
    from cli.main import run
    from storage import audit

    with sqlite_database.write() as session:
        audit.append(session, [audit.Event("told", None, {"name": "Müller"})])

    def told(*arguments: str) -> tuple[int, Any]:
        code = run(["audit", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    trail = str(tmp_path / "trail.jsonl")
    code, exported = told("export", "--output", trail, "--receiver", "Ü")
    assert (code, exported["events"], exported["checkpoints"], exported["receiver"]) == (0, 2, 2, "Ü")
    assert exported["sha256"] == hashlib.sha256(Path(trail).read_bytes()).hexdigest()
    assert told("verify")[1] | {"keys": []} == {
        "intact": True, "events": 3, "checkpoints": 2, "covered": 3, "keys": [], "notes": [],
    }  # fmt: skip
    assert told("verify", "--export", trail)[1]["events"] == 2
    public = keys.existing_or_new(settings).public
    assert told("verify", "--key", public, "--head", f"2:{exported['head']}")[0] == 0
    assert run(["audit", "verify", "--key", "ab" * 32]) == 5
    assert run(["audit", "verify", "--head", "2"]) == 2
    assert run(["audit", "verify", "--export", str(tmp_path / "none")]) == 2
    assert run(["audit", "export", "--json"]) == 2
    capsys.readouterr()
    assert run(["audit", "verifier"]) == 0
    assert capsys.readouterr().out == Path(standalone.__file__).read_text(encoding="utf-8")
    assert outsider(trail)[0] == 0
    assert told("verifier", "--output", str(tmp_path / "v.py"))[0] == 0
    assert (tmp_path / "v.py").read_bytes() == Path(standalone.__file__).read_bytes()
    assert run(["audit", "verify"]) == 0
    assert "The audit chain is intact: 3 events, 2 checkpoints hold." in capsys.readouterr().out


def test_a_restore_by_command(
    sqlite_database: Database, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cli.main import run
    from storage import audit

    with sqlite_database.write() as session:
        audit.append(session, [audit.Event("told", None, {})])
    assert run(["audit", "export", "--output", str(tmp_path / "first.jsonl")]) == 0
    assert run(["db", "backup", str(tmp_path / "b.gz")]) == 0
    assert run(["audit", "export", "--output", str(tmp_path / "second.jsonl")]) == 0
    assert run(["db", "restore", str(tmp_path / "b.gz"), "--replace"]) == 0
    assert run(["audit", "verify"]) == 0
    shown = capsys.readouterr()
    assert "Note: a backup was restored at " in shown.err
    assert run(["audit", "verify", "--export", str(tmp_path / "first.jsonl")]) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_doctor_says_which_checkpoint_is_the_last(sealed: Database, settings: Settings, attacker: Any) -> None:
    from cli.checkpoint_finding import newest_checkpoint
    from cli.exit_codes import ExitCode

    found = newest_checkpoint(settings)
    assert found is not None
    assert "covers 13 audit events, none newer; public key " in found[1]
    attacker.cut(12)
    found = newest_checkpoint(settings)
    assert found is not None
    assert (found[0], found[2]) == (False, ExitCode.PROOF_BROKEN)
    assert found[1].endswith("(13 events): run `screen audit verify`")
