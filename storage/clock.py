"""The database's clock: the only one that leases are measured by, so a worker's wrong clock harms nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Float, String, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class Moment(TypeDecorator[datetime]):
    """A UTC time. ``timestamptz`` in PostgreSQL; text that sorts by time in SQLite, milliseconds precise."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind = String(23) if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class _Now(FunctionElement[datetime]):
    type = Moment()
    inherit_cache = True


def db_now(plus_seconds: float = 0.0) -> _Now:
    """The database's time now, or so many seconds later (negative: earlier)."""
    return _Now(bindparam("plus_seconds", float(plus_seconds), type_=Float, unique=True))


@compiles(_Now, "sqlite")
def _now_sqlite(element: _Now, compiler: Any, **options: Any) -> str:
    return f"strftime('%Y-%m-%d %H:%M:%f', 'now', {compiler.process(element.clauses, **options)} || ' seconds')"


@compiles(_Now, "postgresql")
def _now_postgresql(element: _Now, compiler: Any, **options: Any) -> str:
    # clock_timestamp, not now(): a transaction that waited for a lock must see the time after the wait
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **options)}))"
