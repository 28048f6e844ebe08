"""The migrations give exactly the tables of ``storage.schema``, whoever comes first."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, inspect, literal, select, text

import storage
from models.errors import ServiceUnreachable, UsageFault
from models.manifest import Manifest
from storage import audit
from storage.batch_writer import Received
from storage.database import Database
from storage.migrate import open_database, revision, upgrade
from storage.migrations import HEAD
from storage.schema import Base, Batch
from storage.settings import Settings

MIGRATIONS = Path(storage.__file__).with_name("migrations")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_site(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """A site whose database holds nothing yet, of each kind."""
    if request.param == "sqlite":
        return settings
    return replace(settings, database_url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def older_postgres(settings: Settings, postgres_url: str) -> Settings:
    """A site whose PostgreSQL is at the schema of an earlier release."""
    site = replace(settings, database_url=postgres_url)
    database = open_database(site)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    database.close()
    return site


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    return made


def test_head_is_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(config()).get_heads() == [HEAD]


def test_an_empty_database_becomes_exactly_the_schema(empty_site: Settings) -> None:
    database = open_database(empty_site)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
        # compare_metadata looks at no checks
        checks = {
            check["name"]
            for table in Base.metadata.tables
            for check in inspect(connection).get_check_constraints(table)
        }
    assert checks == {
        "ck_policies_threshold_range",
        "ck_predictions_probability_range",
        "ck_images_unscored_has_reason",
    }
    assert revision(database) == HEAD
    database.close()


def test_upgrade_says_from_where_to_where(empty_site: Settings) -> None:
    database = Database(f"sqlite:///{empty_site.home}/other.db")
    assert upgrade(database) == (None, HEAD)
    assert upgrade(database) == (HEAD, HEAD)
    database.close()


def test_downgrade_to_nothing_leaves_nothing_and_comes_up_again(database: Database) -> None:
    with database.engine.begin() as connection:
        downward = config()
        downward.attributes["connection"] = connection
        command.downgrade(downward, "base")
    with database.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    assert upgrade(database) == (None, HEAD)
    with database.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {*Base.metadata.tables, "alembic_version"}


def test_threads_that_open_an_empty_database_at_once_all_find_it_ready(empty_site: Settings) -> None:
    together = threading.Barrier(6)
    outcomes: list[object] = []

    def open_it() -> None:
        try:
            together.wait(30)
            database = open_database(empty_site)
            outcomes.append(revision(database))
            database.close()
        except BaseException as fault:
            outcomes.append(fault)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes == [HEAD] * 6


def test_processes_that_open_an_empty_database_at_once_all_find_it_ready(empty_site: Settings) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from storage.migrate import open_database, revision\n"
        "from storage.settings import Settings\n"
        "site = Settings(Path(sys.argv[1]), database_url=sys.argv[2] or None)\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(revision(open_database(site)))\n"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(empty_site.home), empty_site.database_url or ""],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=MIGRATIONS.parent.parent,
        )
        for _ in range(4)
    ]  # fmt: skip
    try:
        for starter in starters:
            assert starter.stdout is not None and starter.stdout.readline() == "ready\n"
        for starter in starters:
            assert starter.stdin is not None
            starter.stdin.write("go\n")
            starter.stdin.flush()
        said = [starter.communicate(timeout=60)[0] for starter in starters]
    finally:
        for starter in starters:
            starter.kill()
            starter.communicate()
    assert said == [f"{HEAD}\n"] * 4


def test_an_older_postgresql_is_left_alone(older_postgres: Settings) -> None:
    with pytest.raises(UsageFault) as refused:
        open_database(older_postgres)
    assert str(refused.value) == (
        f"the database is at schema 0000, this release needs {HEAD}: stop the workers, make a backup, "
        "then run `screen db upgrade`"
    )


def test_a_database_of_a_newer_release_is_refused(empty_site: Settings) -> None:
    database = open_database(empty_site)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UsageFault, match="9999"):
        open_database(empty_site)
    database.close()


def test_looking_at_the_schema_of_an_unreachable_server(settings: Settings) -> None:
    with pytest.raises(ServiceUnreachable, match=r"clinic:\*\*\*@127.0.0.1:1") as unreachable:
        open_database(replace(settings, database_url="postgresql://clinic:s3cret@127.0.0.1:1/screening"))
    assert "s3cret" not in str(unreachable.value)


def test_the_data_folder_may_have_an_odd_name(tmp_path: Path) -> None:
    database = open_database(Settings(tmp_path / "100% of Anaïs' data, #1?"))
    assert revision(database) == HEAD
    database.close()


def test_predictions_of_an_older_release_come_along(database: Database) -> None:
    with database.engine.begin() as connection:
        downward = config()
        downward.attributes["connection"] = connection
        command.downgrade(downward, "0002")
        connection.execute(
            text(
                "INSERT INTO predictions (checksum, model, preprocessing, probability, created_at) "
                "VALUES ('c', 'm-1', 'square-1', 0.25, '2026-01-02 03:04:05')"
            )
        )
    assert upgrade(database) == ("0002", HEAD)
    with database.engine.connect() as connection:
        found = connection.execute(text("SELECT checksum, probability, classes FROM predictions")).all()
    assert found == [("c", 0.25, None)]


def test_checksums_of_images_were_indexed_before_schema_0006(database: Database) -> None:
    def indexes() -> set[str | None]:
        with database.engine.connect() as connection:
            return {index["name"] for index in inspect(connection).get_indexes("images")}

    assert "ix_images_batch_id_checksum" not in indexes()
    with database.engine.begin() as connection:
        downward = config()
        downward.attributes["connection"] = connection
        command.downgrade(downward, "0005")
    assert "ix_images_batch_id_checksum" in indexes()
    assert upgrade(database) == ("0005", HEAD)
    assert "ix_images_batch_id_checksum" not in indexes()


def test_batches_of_before_schema_0007_get_the_weights_of_their_event(
    database: Database, submit: Callable[..., str], received: Callable[..., list[Received]], manifest: Manifest
) -> None:
    batch_id = submit(database, received(1))
    with database.write() as session:  # one of a release that did not say its weights
        later = {"id": "older", "source_key": None, "weights": None}
        values = {column.name: column for column in Batch.__table__.columns} | {
            name: literal(value) for name, value in later.items()
        }
        session.execute(insert(Batch).from_select(list(values), select(*values.values())))
        audit.append(session, [audit.Event("batch.submitted", "older", {"model": manifest.name})])
    with database.engine.begin() as connection:
        downward = config()
        downward.attributes["connection"] = connection
        command.downgrade(downward, "0006")
        assert "weights" not in {column["name"] for column in inspect(connection).get_columns("batches")}
    assert upgrade(database) == ("0006", HEAD)
    with database.read() as session:
        found = {row.id: row.weights for row in session.execute(select(Batch.id, Batch.weights))}
    assert found == {batch_id: manifest.weights_sha256, "older": None}


def test_copies_are_found_by_their_original_since_schema_0008(database: Database) -> None:
    def indexes() -> set[str | None]:
        with database.engine.connect() as connection:
            return {index["name"] for index in inspect(connection).get_indexes("images")}

    assert "ix_images_duplicate_of" in indexes()
    with database.engine.begin() as connection:
        downward = config()
        downward.attributes["connection"] = connection
        command.downgrade(downward, "0007")
    assert "ix_images_duplicate_of" not in indexes()
    assert upgrade(database) == ("0007", HEAD)
    assert "ix_images_duplicate_of" in indexes()
