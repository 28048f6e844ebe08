"""Rows of a backup into the tables of a database, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, column, func, insert, select, table, text
from sqlalchemy.exc import DataError

from models.errors import ProofBroken, UsageFault
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
        self._columns = Base.metadata.tables[given.name].columns
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
        if not self._page:
            return
        try:
            self._connection.execute(self._insert, self._page)
        except DataError as error:
            raise UsageFault(
                f"this database cannot hold {self._too_long() or f'a value of the backup ({error.orig})'}; nothing was "
                "restored. SQLite, which knows no such limit, can hold it: restore the backup there"
            ) from error
        self._page = []

    def _too_long(self) -> str | None:
        """The first text of the page that is longer than its column, which PostgreSQL does not name, without the text.

        Read off this release's columns.
        """
        limits = {name: getattr(known.type, "length", None) for name, known in self._columns.items()}
        for row in self._page:
            for name, value in row.items():
                if (limit := limits.get(name)) and isinstance(value, str) and len(value) > limit:
                    return f"{len(value)} characters in {self._columns[name]}, at most {limit}"
        return None


def _moment(told: str, dialect: str) -> datetime | str:
    """A time as the database keeps it. SQLite keeps PostgreSQL's microseconds too: the audit chain hashed them."""
    moment = datetime.fromisoformat(told).astimezone(UTC)
    if dialect != "sqlite":
        return moment
    kept = moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    return kept.removesuffix("000")


@contextmanager
def copies_in_any_order(connection: Connection) -> Iterator[None]:
    """Have images refer to later ones in this block, as a copy may that follows one screened in its original's stead.

    PostgreSQL compares each row as it comes, so there the constraint is taken away and made anew, by what migration
    0001 says; in SQLite the restore has all references compared at the commit.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(text("ALTER TABLE images DROP CONSTRAINT fk_images_duplicate_of"))
    yield
    again = "ADD CONSTRAINT fk_images_duplicate_of FOREIGN KEY (duplicate_of) REFERENCES images (id)"
    connection.execute(text(f"ALTER TABLE images {again}"))


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
