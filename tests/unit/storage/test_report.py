"""The report shows what was decided, never shows an image that was not scored as benign, and opens harmlessly."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from models.csv_cells import original
from storage.batch_writer import Received
from storage.chunks import Claim, Results
from storage.database import Database
from storage.report import COLUMNS, ReportRow, rows, write_csv

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Screen = Callable[..., None]

AWKWARD = [
    "/ward/a, b.jpg",
    '/ward/"quoted".jpg',
    "/ward/line\nfeed.jpg",
    "/ward/carriage\rreturn.jpg",
    "/ward/both\r\n.jpg",
    "/ward/Müller 皮肤 🩺.jpg",
    "/ward/tab\t;semicolon.jpg",
    " /ward/blank ",
]
FORMULAS = ["=1+1.jpg", "+1.jpg", "-1.jpg", "@sum.jpg", "\t=1.jpg", "\r=1.jpg", "\n=1.jpg", "\uff1d1.jpg", '=a,"b"\n']


def report(database: Database, *batch_ids: str, flagged_only: bool = False) -> list[ReportRow]:
    with database.read() as session:
        return list(rows(session, batch_ids, flagged_only=flagged_only))


def as_csv(report_rows: list[ReportRow]) -> str:
    file = io.StringIO(newline="")
    assert write_csv(file, report_rows) == len(report_rows)
    return file.getvalue()


def read_back(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_patient_and_lesion_are_the_last_columns_and_no_formula(
    database: Database, submit: Submit, received: Make, screen: Screen
) -> None:
    one, other = received(2)
    batch_id = submit(database, [replace(one, patient="=p-7", lesion="left arm"), other])
    screen(database)
    first, second = read_back(as_csv(report(database, batch_id)))
    assert list(first)[-2:] == ["patient", "lesion"]
    assert (first["patient"], first["lesion"]) == ("'=p-7", "left arm")
    assert (second["patient"], second["lesion"]) == ("", "")


def named(received: Make, *names: str) -> list[Received]:
    return [replace(row, image=name) for row, name in zip(received(len(names)), names, strict=True)]


def test_the_columns() -> None:
    assert COLUMNS[:9] == (
        "batch", "image", "checksum", "outcome", "probability", "threshold", "model", "policy", "reason",
    )  # fmt: skip


def test_the_whole_csv(database: Database, submit: Submit, received: Make, screen: Screen) -> None:
    one = received("a")
    batch_id = submit(database, one, site="Ward 3")
    screen(database, {"/ward/0.jpg": 0.87654321})
    assert as_csv(report(database, batch_id)) == (
        "batch,image,checksum,outcome,probability,threshold,model,policy,reason,site,submitter,notice,class,"
        "class_probability,patient,lesion\n"
        f"{batch_id},/ward/0.jpg,{one[0].checksum},flagged,0.876543,0.500000,tested-1,sensitivity-95/1,,Ward 3,nurse,"
        '"Research software: a screening aid, not a diagnosis and not a medical device.",,,,\n'
    )


def test_flagged_lesions_come_by_falling_probability(
    database: Database, submit: Submit, received: Make, screen: Screen
) -> None:
    names = [f"/ward/{name}.jpg" for name in "abcdef"]
    batch_id = submit(database, named(received, *names))
    screen(database, dict(zip(names, [0.6, 0.49, 0.97, 0.6, (0.2, "blurred"), 1.0], strict=True)))
    flagged = [(row.image, row.probability, row.reason) for row in report(database, batch_id, flagged_only=True)]
    assert flagged == [
        ("/ward/f.jpg", 1.0, ""),
        ("/ward/c.jpg", 0.97, ""),
        ("/ward/a.jpg", 0.6, ""),
        ("/ward/d.jpg", 0.6, ""),
    ]


def test_flagged_lesions_of_several_batches_come_by_falling_probability_over_all_of_them(
    database: Database, submit: Submit, received: Make, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.report.BATCHES_AT_ONCE", 2)  # so that streams of several are merged
    scores = {"/ward/0.jpg": 0.7, "/ward/1.jpg": 0.3, "/ward/2.jpg": 0.9, "/ward/3.jpg": 0.7, "/ward/4.jpg": 1.0}
    every = []
    for some in (["0", "1"], ["2"], ["3", "4"]):
        every.append(submit(database, named(received, *(f"/ward/{name}.jpg" for name in some))))
        screen(database, scores)
    found = [(row.image, row.batch) for row in report(database, *reversed(every), flagged_only=True)]
    first, second, third = every
    assert found == [
        ("/ward/4.jpg", third), ("/ward/2.jpg", second), ("/ward/0.jpg", first), ("/ward/3.jpg", third),
    ]  # fmt: skip
    assert report(database, flagged_only=True) == []


def test_all_images_come_in_the_order_they_were_submitted(
    database: Database, submit: Submit, received: Make, screen: Screen
) -> None:
    many = [*received(3), *received(2, reason="not an image"), *received("a", "a")]
    batch_id = submit(database, many)
    screen(database, {many[1].image: 0.9})
    assert [row.image for row in report(database, batch_id)] == [row.image for row in many]


def test_batches_come_in_the_order_asked_for(database: Database, submit: Submit, received: Make) -> None:
    first, second = submit(database, received(1)), submit(database, received(2))
    assert [row.batch for row in report(database, second, first)] == [second, second, first]


def test_an_image_that_was_not_scored_has_no_number_and_is_never_clear(
    database: Database, submit: Submit, received: Make, take: Callable[..., list[Claim]], finish: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("storage.batch_preparation.CHUNK_IMAGES", 1)
    monkeypatch.setattr("storage.chunks.MAX_FAULTS", 1)
    many = [*received("waiting", "running", "failed", "changed", "failed"), *received(1, reason="not an image")]
    batch_id = submit(database, many)
    held = {claim.images[0].image: claim for claim in take(database)}
    failed, changed = held[many[2].image], held[many[3].image]
    finish(database, failed, Results(faults={failed.images[0].id: "out of memory"}))
    finish(database, changed, Results(rejected={changed.images[0].id: "the file changed"}))
    waiting = held[many[0].image]
    finish(database, waiting, Results(passing={waiting.images[0].id: "no answer"}))

    text = [row.as_text() for row in report(database, batch_id)]
    assert [(row["outcome"], row["reason"]) for row in text] == [
        ("waiting", "not yet screened"),
        ("running", "not yet screened"),
        ("failed", "out of memory (given up after 1 attempts)"),
        ("rejected", "the file changed"),
        ("duplicate", f"same bytes as {many[2].image}, which was not screened"),
        ("rejected", "not an image"),
    ]
    assert {(row["probability"], row["threshold"], row["model"], row["policy"]) for row in text} == {("", "", "", "")}
    assert report(database, batch_id, flagged_only=True) == []


def test_awkward_names_survive_the_csv(database: Database, submit: Submit, received: Make, screen: Screen) -> None:
    batch_id = submit(database, named(received, *AWKWARD), site='Ward 3, "north"\rwing')
    screen(database)
    back = read_back(as_csv(report(database, batch_id)))
    assert [row["image"] for row in back] == AWKWARD
    assert {row["site"] for row in back} == {'Ward 3, "north"\rwing'}
    assert {len(row) for row in back} == {len(COLUMNS)}


def test_no_cell_is_a_formula(database: Database, submit: Submit, received: Make, screen: Screen) -> None:
    batch_id = submit(database, named(received, *FORMULAS), site="=cmd|' /C calc'!A0", submitter="@nurse")
    screen(database, {FORMULAS[0]: (0.1, "-blurred")})
    back = read_back(as_csv(report(database, batch_id)))
    assert {row["image"][0] for row in back} == {"'"}
    assert [original(row["image"]) for row in back] == FORMULAS
    assert {(row["site"], row["submitter"]) for row in back} == {("'=cmd|' /C calc'!A0", "'@nurse")}
    assert back[0]["reason"] == "'-blurred"
    assert {row["probability"] for row in back} == {"0.100000"}


def test_a_report_of_nothing_is_a_header() -> None:
    assert as_csv([]) == ",".join(COLUMNS) + "\n"
