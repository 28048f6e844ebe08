"""What two model versions said about the same bytes."""

from collections.abc import Callable
from typing import Any

from storage import predictions
from storage.comparison import Pair, names_of, pairs
from storage.database import Database
from storage.states import Outcome


def test_only_bytes_that_both_have_scored_are_paired(database: Database) -> None:
    with database.write() as session:
        predictions.record(session, predictions.Key("a", "square-1"), [("1" * 64, 0.25, None), ("2" * 64, 0.5, None)])
        predictions.record(session, predictions.Key("b", "square-1"), [("2" * 64, 0.75, None), ("3" * 64, 0.1, None)])
    with database.read() as session:
        assert pairs(session, "a", "b") == [Pair("2" * 64, 0.5, 0.75)]
        assert pairs(session, "b", "a")[0].difference == 0.25
        assert pairs(session, "a", "none") == []


def test_outcomes_are_those_of_screening(database: Database) -> None:
    """Each version knows itself which pictures are unlike those that it learned from."""
    said: dict[str, list[tuple[str, float, str | None]]] = {
        "a": [("1" * 64, 0.9, None), ("2" * 64, 0.9, None), ("3" * 64, 0.1, None)],
        "b": [
            ("1" * 64, 0.9, None),
            ("2" * 64, 0.9, "unlike the pictures that the network learned from: distance 9.00"),
            ("3" * 64, 0.1, "blurred: 5.00"),
        ],
    }
    with database.write() as session:
        for model, scores in said.items():
            predictions.record(session, predictions.Key(model, "square-1"), scores)
    with database.read() as session:
        found = [pair.outcomes(0.5, 0.5) for pair in pairs(session, "a", "b")]
    assert found == [
        (Outcome.FLAGGED, Outcome.FLAGGED),
        (Outcome.FLAGGED, Outcome.REVIEW),
        (Outcome.CLEAR, Outcome.REVIEW),
    ]


def test_bytes_are_named_as_they_were_last_submitted(
    database: Database, submit: Callable[..., str], received: Callable[..., Any]
) -> None:
    [first] = received("same", folder="/monday")
    [second] = received("same", folder="/tuesday")
    submit(database, [first])
    submit(database, [second])
    with database.read() as session:
        assert names_of(session, [first.checksum]) == {first.checksum: second.image}
        assert names_of(session, []) == {}


def test_any_number_of_bytes_can_be_named(
    database: Database, submit: Callable[..., str], received: Callable[..., Any]
) -> None:
    """`screen model compare --limit 70000`: a query takes 65,535 values at most in PostgreSQL."""
    rows = received(2)
    submit(database, rows)
    unknown = [f"{number:064x}" for number in range(70_000)]
    with database.read() as session:
        found = names_of(session, [rows[0].checksum, *unknown, rows[1].checksum])
    assert found == {row.checksum: row.image for row in rows}
