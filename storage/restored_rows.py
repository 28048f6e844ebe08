"""Rows of a backup into the tables of a database, page by page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, column, func, insert, select, table

from models.errors import ProofBroken
from storage.backup_file import Row, Table
from storage.schema import Base, Worker

PAGE = 1_000  # rows an INSERT


class Loader:
    """Takes the rows of a backup and inserts them page by page."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._page: list[dict[str, Any]] = []
        self.rows: dict[str, int] = {}

    def begin(self, given: Table) -> Callable[[Row], None]:
        if given.name not in Base.metadata.tables:
            raise ProofBroken(f"the backup holds a table {given.name!r} that no release has; nothing was restored")
        self.flush()
        self.rows[given.name] = 0
        self._insert = insert(table(given.name, *(column(name) for name in given.columns)))
        # processes of that time; those of today are told by the database that is replaced
        self._passed_over = given.name == Worker.__tablename__
        return partial(self._take, given)

    def _take(self, given: Table, row: Row) -> None:
        values = dict(zip(given.columns, row, strict=True))
        for name in given.moments:
            if values[name] is not None:
                values[name] = _moment(values[name], self._connection.dialect.name)
        self.rows[given.name] += 1
        if not self._passed_over:
            self._page.append(values)
        if len(self._page) >= PAGE:
            self.flush()

    def flush(self) -> None:
        if self._page:
            self._connection.execute(self._insert, self._page)
            self._page = []


def _moment(told: str, dialect: str) -> datetime | str:
    """A time as the database keeps it. SQLite keeps PostgreSQL's microseconds too: the audit chain hashed them."""
    moment = datetime.fromisoformat(told).astimezone(UTC)
    if dialect != "sqlite":
        return moment
    kept = moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    return kept.removesuffix("000")


def count_on(connection: Connection) -> None:
    """Have PostgreSQL's sequences go on behind the highest id; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for known in Base.metadata.sorted_tables:
        key = next(iter(known.primary_key))
        sequence = connection.scalar(select(func.pg_get_serial_sequence(known.name, key.name)))
        highest = connection.scalar(select(func.max(key))) if sequence else None
        if highest is not None:
            connection.execute(select(func.setval(sequence, highest)))
