"""Times come from the database and are the same moment on both kinds, whatever the time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, literal, select

from storage.clock import Moment, db_now
from storage.database import Database
from storage.schema import Policy

MOMENTS = [
    datetime(2026, 3, 29, 0, 59, 59, 999000, UTC),
    datetime(2026, 3, 29, 1, 0, 0, 0, UTC),
    datetime(1999, 12, 31, 23, 59, 59, 1000, UTC),
    datetime(2026, 7, 1, 5, 30, 0, 250000, timezone(timedelta(hours=5, minutes=30))),
    datetime(2026, 7, 1, 0, 0, 0, 500000, timezone(timedelta(hours=-11))),
]


@pytest.fixture
def policy_id(database: Database) -> int:
    with database.write() as session:
        now = session.execute(select(db_now())).scalar_one()
        made = insert(Policy).values(model="m", name="n", version=1, threshold=0.5, created_at=now)
        return session.execute(made.returning(Policy.id)).scalar_one()


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_moment_comes_back_as_the_same_moment_in_utc(database: Database, moment: datetime) -> None:
    with database.write() as session:
        session.execute(insert(Policy).values(model="m", name="n", version=2, threshold=0.5, created_at=moment))
    with database.read() as session:
        back = session.scalars(select(Policy.created_at).where(Policy.version == 2)).one()
    assert back == moment
    assert back.utcoffset() == timedelta(0)


def test_nothing_stays_nothing(database: Database) -> None:
    with database.read() as session:
        assert session.execute(select(literal(None, Moment))).scalar_one() is None


@pytest.mark.parametrize("seconds", [120.0, 0.25, -120.0, -0.25, 86_400.0 * 400, -86_400.0 * 400])
def test_later_and_earlier_are_by_so_many_seconds(database: Database, seconds: float) -> None:
    with database.read() as session:
        now, then = session.execute(select(db_now(), db_now(seconds))).one()
    assert abs((then - now).total_seconds() - seconds) < 0.2


@pytest.mark.parametrize("seconds", [1e-5, -1e-5, 2.5e-7, -3e-9, 0.0, -0.0])
def test_tiny_differences_are_still_a_time(database: Database, seconds: float) -> None:
    with database.read() as session:
        assert session.execute(select(db_now(seconds))).scalar_one().year >= 2026


def test_the_database_compares_stored_moments_with_its_clock(database: Database, policy_id: int) -> None:
    def is_before(moment: object) -> bool:
        with database.read() as session:
            return bool(session.scalar(select(Policy.created_at < moment)))

    assert is_before(db_now(1)) and not is_before(db_now(-60))
    assert is_before(datetime(9999, 1, 1, tzinfo=UTC)) and not is_before(datetime(2000, 1, 1, tzinfo=UTC))


def test_a_moment_written_by_the_clock_sorts_with_those_written_by_hand(database: Database, policy_id: int) -> None:
    with database.write() as session:
        for version, moment in ((2, db_now(3600)), (3, db_now(-3600))):
            session.execute(
                insert(Policy).values(model="m", name="n", version=version, threshold=0.5, created_at=moment)
            )
    with database.read() as session:
        assert list(session.scalars(select(Policy.version).order_by(Policy.created_at))) == [3, 1, 2]


def test_each_look_has_its_own_offset(database: Database) -> None:
    """The offset is a bound value: a cached statement must not keep the first one."""
    with database.read() as session:
        spans = []
        for seconds in (10.0, 1000.0):
            now, then = session.execute(select(db_now(), db_now(seconds))).one()
            spans.append(round((then - now).total_seconds()))
    assert spans == [10, 1000]
