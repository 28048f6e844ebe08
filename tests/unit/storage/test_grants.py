"""The application's role in PostgreSQL screens, and changes nothing of what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from models.errors import UsageFault
from storage import audit
from storage.backup import write_backup
from storage.batch_writer import Received
from storage.database import Database
from storage.grants import grants
from storage.migrate import revision
from storage.migrations import HEAD
from storage.restore import restore
from storage.schema import Base

ROLE = 'ward "7" app:50%'
QUOTED = '"ward ""7"" app\\:50%"'  # as text() takes it
GIVEN = """
    SELECT c.relname, acl.grantee, acl.privilege_type, acl.is_grantable FROM pg_class AS c, aclexplode(c.relacl) AS acl
    WHERE c.relkind IN ('r', 'S') AND c.relnamespace = 'public'::regnamespace ORDER BY 1, 2, 3
"""


@pytest.mark.parametrize("role", ["", "x" * 64, "ä" * 32, "a\nb", "na\udcffme"])
def test_a_name_that_no_role_has(role: str) -> None:
    with pytest.raises(UsageFault, match="expected the name of a PostgreSQL role, 1 to 63 bytes"):
        grants(role)


@pytest.fixture
def restricted(database: Database) -> Iterator[Database]:
    """The same database for a role that has our grants and nothing else."""
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no roles")
    with database.engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {QUOTED} LOGIN PASSWORD 'app'"))
        for statement in grants(ROLE):
            connection.execute(text(statement.replace(":", "\\:")))
    url = make_url(database.url).set(username=ROLE, password="app")
    other = Database(url.render_as_string(hide_password=False))
    yield other
    other.close()
    with database.engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {QUOTED}"))
        connection.execute(text(f"DROP ROLE {QUOTED}"))


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
        with pytest.raises(UsageFault, match="permission denied|must be owner"), restricted.write() as session:
            session.execute(text(act))


def test_it_deletes_no_row_at_all(restricted: Database) -> None:
    for table in Base.metadata.tables:
        with pytest.raises(UsageFault, match="permission denied.*`screen db grants"), restricted.write() as session:
            session.execute(text(f"DELETE FROM {table}"))


def test_a_restore_leaves_it_its_rights_and_gives_it_no_others(
    database: Database, restricted: Database, submit: Callable[..., str], received: Callable[..., list[Received]],
    screen: Callable[..., None], tmp_path: Path,
) -> None:  # fmt: skip
    with database.engine.begin() as connection:  # what the tables made anew would get
        connection.execute(text("ALTER DEFAULT PRIVILEGES GRANT DELETE, TRUNCATE ON TABLES TO PUBLIC"))
        connection.execute(text(f"GRANT SELECT ON images TO {QUOTED} WITH GRANT OPTION"))
        before = connection.execute(text(GIVEN)).all()
    submit(restricted, received("a", "b"))
    write_backup(restricted, tmp_path / "b.gz")
    with pytest.raises(UsageFault, match=r"must be owner|permission denied"):
        restore(restricted, tmp_path / "b.gz", replace=True)
    restore(database, tmp_path / "b.gz", replace=True)
    with database.engine.connect() as connection:
        assert connection.execute(text(GIVEN)).all() == before
    screen(restricted)


def test_an_empty_database_is_restored_with_the_rights_that_new_tables_get(
    database: Database, postgres_url: str, submit: Callable[..., str], received: Callable[..., list[Received]],
    tmp_path: Path,
) -> None:  # fmt: skip
    submit(database, received("a"))
    write_backup(database, tmp_path / "b.gz")
    empty = Database(postgres_url)
    with empty.engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {QUOTED}"))
        connection.execute(text(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {QUOTED}"))
    try:
        restore(empty, tmp_path / "b.gz", replace=False)
        readable = "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = :role"
        with empty.engine.connect() as connection:
            found = set(connection.scalars(text(readable), {"role": ROLE}))
        assert found == {*Base.metadata.tables, "alembic_version"}
    finally:
        with empty.engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {QUOTED}"))
            connection.execute(text(f"DROP ROLE {QUOTED}"))
        empty.close()


def test_a_role_without_rights_is_told_what_it_needs(database: Database, restricted: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {QUOTED}"))
    with pytest.raises(UsageFault, match="may not do this in the database .*`screen db grants ROLE`"):
        revision(restricted)
