"""Tables that only grow, kept so by the database itself, whoever is connected to it.

The owner of a database can drop a trigger; that is what checkpoints are for. Whoever is not its owner cannot, see
`screen db grants`.
"""

from __future__ import annotations

from collections.abc import Iterator

APPEND_ONLY = ("activations", "audit_events", "decisions", "engines", "policies", "predictions")
_REFUSAL = "is append-only: what was recorded stays as it is"


def make_triggers(dialect: str) -> list[str]:
    """The statements that make the triggers, for ``sqlite`` or ``postgresql``."""
    return list(_sqlite() if dialect == "sqlite" else _postgresql())


def drop_triggers(dialect: str) -> list[str]:
    """The statements that take them away again."""
    if dialect == "sqlite":
        kinds = [(name, kind) for name in APPEND_ONLY for kind in ("update", "delete")] + [("audit_events", "insert")]
        return [f"DROP TRIGGER IF EXISTS {name}_{kind}" for name, kind in kinds]
    return [
        f"DROP FUNCTION IF EXISTS {function}() CASCADE" for function in ("dermscreen_append_only", "dermscreen_next")
    ]


def _sqlite() -> Iterator[str]:
    for name in APPEND_ONLY:
        for kind in ("update", "delete"):
            yield (
                f"CREATE TRIGGER {name}_{kind} BEFORE {kind.upper()} ON {name} "
                f"BEGIN SELECT RAISE(ABORT, '{name} {_REFUSAL}'); END"
            )
    # INSERT OR REPLACE deletes without the trigger above; an event that does not come next is no event
    yield """
        CREATE TRIGGER audit_events_insert BEFORE INSERT ON audit_events
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit_events)
        BEGIN SELECT RAISE(ABORT, 'audit_events: an event follows the last one, none is put between'); END
    """


def _postgresql() -> Iterator[str]:
    yield (
        "CREATE OR REPLACE FUNCTION dermscreen_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '% {_REFUSAL}', TG_TABLE_NAME; END $$"
    )
    for name in APPEND_ONLY:
        yield (
            f"CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION dermscreen_append_only()"
        )
    yield """
        CREATE OR REPLACE FUNCTION dermscreen_next() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.seq IS DISTINCT FROM (SELECT coalesce(max(seq), 0) + 1 FROM audit_events) THEN
                RAISE EXCEPTION 'audit_events: an event follows the last one, none is put between';
            END IF;
            RETURN NEW;
        END $$
    """
    yield (
        "CREATE TRIGGER audit_events_next BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION dermscreen_next()"
    )
