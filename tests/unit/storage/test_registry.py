"""Who has which role, and who gave it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from models.catalogue import DEFAULT_MODEL
from models.manifest import Manifest
from storage import audit, registry
from storage.database import Database
from storage.schema import Activation, AuditEvent
from storage.states import Role


@pytest.fixture(autouse=True)
def no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(registry.MODEL, raising=False)


def roles(database: Database) -> tuple[str, str | None]:
    with database.read() as session:
        return registry.active_model(session), registry.shadow_model(session)


def give(database: Database, role: Role, manifest: Manifest | None) -> str | None:
    with database.write() as session:
        return registry.give_role(session, role, manifest, "head of department")


def test_at_first_the_shipped_model_is_active_and_nothing_is_in_its_shadow(database: Database) -> None:
    assert roles(database) == (DEFAULT_MODEL, None)


def test_the_last_activation_counts_and_tells_the_one_before(database: Database, manifest: Manifest) -> None:
    other = replace(manifest, name="other-2")
    assert give(database, Role.ACTIVE, manifest) is None
    assert give(database, Role.ACTIVE, other) == manifest.name
    assert roles(database) == ("other-2", None)
    assert give(database, Role.ACTIVE, None) == "other-2"
    assert roles(database) == (DEFAULT_MODEL, None)


def test_the_two_roles_do_not_touch_each_other(database: Database, manifest: Manifest) -> None:
    give(database, Role.SHADOW, manifest)
    assert roles(database) == (DEFAULT_MODEL, manifest.name)
    give(database, Role.SHADOW, None)
    assert roles(database) == (DEFAULT_MODEL, None)


def test_the_environment_overrides_for_its_process(
    database: Database, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(database, Role.ACTIVE, manifest)
    monkeypatch.setenv(registry.MODEL, "tried-3")
    assert roles(database) == ("tried-3", None)


def test_registering_and_activating_are_audit_events_with_weights_and_person(
    database: Database, manifest: Manifest
) -> None:
    with database.write() as session:
        registry.record_registration(session, manifest, "technician")
    give(database, Role.ACTIVE, manifest)
    with database.read() as session:
        first, second = session.scalars(select(AuditEvent).order_by(AuditEvent.seq)).all()
        assert audit.verify(session) == 2
    assert (first.event, second.event) == ("model.registered", "model.activated")
    for event, person in ((first, "technician"), (second, "head of department")):
        assert f'"actor":"{person}"' in event.body
        assert f'"weights":"{manifest.weights_sha256}"' in event.body
    assert '"new":"tested-1"' in second.body


def test_of_two_activations_at_once_the_second_names_the_first(
    database: Database, manifest: Manifest, at_once: Callable[..., list[Any]]
) -> None:
    names = [replace(manifest, name=f"m-{number}") for number in range(4)]
    before = at_once([lambda item=item: give(database, Role.ACTIVE, item) for item in names])
    with database.read() as session:
        order = list(session.scalars(select(Activation.model).order_by(Activation.id)))
    told = {item.name: old for item, old in zip(names, before, strict=True)}
    assert [told[name] for name in order] == [None, *order[:-1]]
