"""Predictions: one row for each (checksum, model version, preprocessing), whoever computes it first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.rounding import decimal
from storage.clock import db_now
from storage.decisions import Scored
from storage.schema import Prediction


@dataclass(frozen=True)
class Key:
    """Which network looks, and how the picture is prepared for it."""

    model: str
    preprocessing: str


def known(session: Session, key: Key, checksums: Iterable[str]) -> dict[str, Scored]:
    """checksum -> prediction, for those already scored by this very model and preprocessing."""
    wanted = list(checksums)
    if not wanted:
        return {}
    rows = session.execute(
        select(Prediction.checksum, Prediction.id, Prediction.probability, Prediction.ungradable).where(
            Prediction.model == key.model,
            Prediction.preprocessing == key.preprocessing,
            Prediction.checksum.in_(wanted),
        )
    )
    return {row.checksum: Scored(row.id, row.probability, row.ungradable) for row in rows}


def record(session: Session, key: Key, scores: Sequence[tuple[str, float, str | None]]) -> dict[str, Scored]:
    """Store (checksum, probability, ungradable) and return what counts: the first stored one of each checksum."""
    if scores:
        dialect = session.get_bind().dialect.name
        insert = (postgresql if dialect == "postgresql" else sqlite).insert
        now = session.execute(select(db_now())).scalar_one()
        rows = [
            {
                "checksum": checksum, "model": key.model, "preprocessing": key.preprocessing,
                "probability": decimal(probability), "ungradable": ungradable, "created_at": now,
            }
            # one order for everyone: two workers that insert the same rows cannot deadlock
            for checksum, probability, ungradable in sorted(scores)
        ]  # fmt: skip
        session.execute(insert(Prediction).on_conflict_do_nothing(), rows)
    return known(session, key, [checksum for checksum, _, _ in scores])
