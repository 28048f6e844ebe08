"""Predictions: one row for each (checksum, model version, preprocessing), whoever computes it first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.answers import ClassProbabilities
from models.rounding import decimal
from storage.clock import db_now
from storage.decisions import Scored
from storage.engines import Computed, number_of
from storage.schema import Engine, Prediction

SCORED_BY_OTHERS = (
    "these bytes have a score by other weights of the same name on record; hand them in for a version of another name"
)


@dataclass(frozen=True)
class Key:
    """Which network looks, and how the picture is prepared for it."""

    model: str
    preprocessing: str
    weights: str | None = None  # SHA-256; None: whichever have the name


def known(session: Session, key: Key, checksums: Iterable[str]) -> dict[str, Scored]:
    """checksum -> prediction, for those already scored by this very model, its weights and preprocessing.

    Of predictions made before schema 0005 the weights are not on record: the name stands for them.
    """
    return {number: scored for number, scored in _of_name(session, key, checksums).items() if _same(scored, key)}


def of_other_weights(session: Session, key: Key, checksums: Iterable[str]) -> set[str]:
    """Checksums that other weights of this very name have scored: they are not for use, and there is no second row."""
    return {number for number, scored in _of_name(session, key, checksums).items() if not _same(scored, key)}


def scored_by(session: Session, model: str, checksums: Iterable[str]) -> set[str]:
    """Those of the checksums that have a score by this name, whatever its weights."""
    query = select(Prediction.checksum).where(Prediction.model == model, Prediction.checksum.in_(list(checksums)))
    return set(session.scalars(query))


def _same(scored: Scored, key: Key) -> bool:
    return key.weights is None or scored.computed is None or scored.computed.weights == key.weights


def _of_name(session: Session, key: Key, checksums: Iterable[str]) -> dict[str, Scored]:
    wanted = list(checksums)
    if not wanted:
        return {}
    columns = Prediction.checksum, Prediction.id, Prediction.probability, Prediction.ungradable, Prediction.classes
    rows = session.execute(
        select(*columns, Engine.weights, Engine.libraries, Engine.device)
        .outerjoin(Engine, Prediction.engine_id == Engine.id)
        .where(
            Prediction.model == key.model,
            Prediction.preprocessing == key.preprocessing,
            Prediction.checksum.in_(wanted),
        )
    )
    return {
        row.checksum: Scored(
            row.id, row.probability, row.ungradable, row.classes, key.preprocessing,
            Computed(row.weights, row.libraries, row.device) if row.weights else None,
        )
        for row in rows
    }  # fmt: skip


def record(
    session: Session,
    key: Key,
    scores: Sequence[tuple[str, float, str | None]],
    classes: Mapping[str, ClassProbabilities] | None = None,
    computed: Computed | None = None,
) -> dict[str, Scored]:
    """Store (checksum, probability, ungradable) and return what counts: the first stored one of each checksum.

    A checksum that other weights of the name have scored is left out, see `of_other_weights`.
    ``classes``: checksum -> probabilities of several classes, where the network has them. ``computed``: with what.
    """
    by_class = classes or {}
    if scores:
        dialect = session.get_bind().dialect.name
        insert = (postgresql if dialect == "postgresql" else sqlite).insert
        now = session.execute(select(db_now())).scalar_one()
        engine_id = number_of(session, computed) if computed else None
        rows = [
            {
                "checksum": checksum, "model": key.model, "preprocessing": key.preprocessing,
                "probability": decimal(probability), "ungradable": ungradable,
                "classes": classes_text(by_class.get(checksum)), "created_at": now,
                "engine_id": engine_id,
            }
            # one order for everyone: two workers that insert the same rows cannot deadlock
            for checksum, probability, ungradable in sorted(scores)
        ]  # fmt: skip
        session.execute(insert(Prediction).on_conflict_do_nothing(), rows)
    return known(session, key, [checksum for checksum, _, _ in scores])


def record_by_image(
    session: Session,
    key: Key,
    checksums: Mapping[int, str],
    scores: Mapping[int, tuple[float, str | None]],
    classes: Mapping[int, ClassProbabilities],
    computed: Computed | None,
) -> dict[str, Scored]:
    """`record` for scores (probability, ungradable) and classes by image id; returns what counts, by checksum."""
    by_checksum = {checksums[image_id]: score for image_id, score in scores.items()}
    by_class = {checksums[image_id]: said for image_id, said in classes.items()}
    return record(session, key, [(checksum, *score) for checksum, score in by_checksum.items()], by_class, computed)


def classes_text(probabilities: ClassProbabilities | None) -> str | None:
    """As it is stored: one JSON object, read and written whole with its prediction, never searched."""
    return json.dumps(probabilities) if probabilities else None


def classes_of_text(stored: str | None) -> ClassProbabilities | None:
    """What ``classes_text`` stored, in the order of the network's outputs."""
    found: ClassProbabilities | None = json.loads(stored) if stored else None
    return found
