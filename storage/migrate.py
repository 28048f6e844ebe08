"""Bringing a database to the schema of this release."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from models.errors import UsageFault
from storage.database import Database, url_of
from storage.migrations import HEAD
from storage.settings import Settings

# any constant will do; it keeps two upgrades of one PostgreSQL apart
UPGRADE_LOCK = 0x6465726D75706772


def open_database(settings: Settings) -> Database:
    """The site's database, ready for use.

    An empty database is set up and our own SQLite file is upgraded on the way; a PostgreSQL of an older
    release is left alone. Whatever asks for a checkpoint of the audit chain gets one.
    Raises UsageFault for the latter, ServiceUnreachable when it does not answer.
    """
    if settings.embedded_database:
        settings.make_home()
    database = Database(url_of(settings))
    try:
        _bring_up_to_date(database, settings)
    except BaseException:
        database.close()
        raise
    database.take_checkpoint = lambda: _take_checkpoint(database, settings)
    return database


def _take_checkpoint(database: Database, settings: Settings) -> None:
    from storage.audit.checkpoints import take_quietly  # not before one is due: it loads a library of cryptography

    take_quietly(database, settings)


def _bring_up_to_date(database: Database, settings: Settings) -> None:
    found = revision(database)
    refuse_newer(found)
    if found != HEAD:
        if found is not None and not settings.embedded_database:
            raise UsageFault(
                f"the database is at schema {found}, this release needs {HEAD}: stop the workers, make a backup, "
                "then run `screen db upgrade`"
            )
        upgrade(database)


def refuse_newer(found: str | None) -> None:
    """Raise UsageFault for a schema that this release does not know."""
    if found is not None and found > HEAD:
        raise UsageFault(
            f"the database is at schema {found}, newer than {HEAD} of this release: install the release that made it"
        )


def revision(database: Database) -> str | None:
    """The schema revision of a database, None when it is empty. Raises what `Database.told` does."""
    with database.told(), database.engine.connect() as connection:
        return revision_of(connection)


def revision_of(connection: Connection) -> str | None:
    """The schema revision as a transaction sees it, None when there are no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def upgrade(database: Database) -> tuple[str | None, str]:
    """Run the migrations up to HEAD, in one transaction. Returns (revision before, revision after).

    Raises what `Database.told` does.
    """
    with database.told(), database.engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
        lock_schema(connection)
        # looked at again under the lock: of several first commands, one sets up and the others find it done
        before = revision_of(connection)
        refuse_newer(before)
        if before != HEAD:
            migrate(connection, HEAD)
    return before, HEAD


def lock_schema(connection: Connection) -> None:
    """Keep others who would change the schema waiting until the commit. SQLite has one writer anyhow."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))  # another's upgrade may take long: it is waited for
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})


def migrate(connection: Connection, target: str) -> None:
    """Run the migrations up to a revision in the transaction of this connection."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
