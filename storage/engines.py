"""With what a prediction was computed: weights, libraries, device. Few rows, each referred to by many predictions."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storage.schema import Engine


@dataclass(frozen=True)
class Computed:
    """weights: SHA-256 of the file; libraries: names and versions, such as ``keras 3.12.0, numpy 2.3.1``."""

    weights: str
    libraries: str
    device: str


def number_of(session: Session, computed: Computed) -> int:
    """The id of the row of an engine, which is made when it is the first of its kind."""
    values = {"weights": computed.weights, "libraries": computed.libraries, "device": computed.device}
    query = select(Engine.id).filter_by(**values)
    if (found := session.scalar(query)) is not None:
        return found
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
    session.execute(insert(Engine).on_conflict_do_nothing(), [values])
    return session.scalars(query).one()
