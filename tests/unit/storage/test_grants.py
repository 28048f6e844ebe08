"""The application's role in PostgreSQL screens, and changes nothing of what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from storage import audit
from storage.batch_writer import Received
from storage.database import Database
from storage.grants import grants
from storage.migrations import HEAD
from storage.schema import Base

ROLE = 'ward "7" app'


@pytest.fixture
def restricted(database: Database) -> Iterator[Database]:
    """The same database for a role that has our grants and nothing else."""
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no roles")
    quoted = '"' + ROLE.replace('"', '""') + '"'
    with database.engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {quoted} LOGIN PASSWORD 'app'"))
        for statement in grants(ROLE):
            connection.execute(text(statement))
    url = make_url(database.url).set(username=ROLE, password="app")
    other = Database(url.render_as_string(hide_password=False))
    yield other
    other.close()
    with database.engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {quoted}"))
        connection.execute(text(f"DROP ROLE {quoted}"))


def test_it_screens_a_batch(
    restricted: Database, submit: Callable[..., str], received: Callable[..., list[Received]],
    screen: Callable[..., None],
) -> None:  # fmt: skip
    submit(restricted, [*received("a", "b"), *received("c", reason="not an image")])
    screen(restricted)
    with restricted.read() as session:
        assert audit.verify(session) > 5
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == HEAD


@pytest.mark.parametrize("table", ["activations", "audit_events", "decisions", "engines", "policies", "predictions"])
def test_it_changes_nothing_of_what_was_recorded(restricted: Database, table: str) -> None:
    column = "seq" if table == "audit_events" else "id"
    for act in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}",
                f"ALTER TABLE {table} DISABLE TRIGGER ALL", f"DROP TABLE {table}"):  # fmt: skip
        with pytest.raises(ProgrammingError, match="permission denied|must be owner"), restricted.write() as session:
            session.execute(text(act))


def test_it_deletes_no_row_at_all(restricted: Database) -> None:
    for table in Base.metadata.tables:
        with pytest.raises(ProgrammingError, match="permission denied"), restricted.write() as session:
            session.execute(text(f"DELETE FROM {table}"))
