"""The settings of the queue are those that were measured (docs: the design, "Celery settings")."""

from __future__ import annotations

import pytest
from celery import Celery

from scheduler.broker import Broker
from scheduler.celery_app import make_app


@pytest.fixture
def app() -> Celery:
    return make_app(Broker("redis://localhost/0", embedded=False))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task_acks_late", True),
        ("worker_prefetch_multiplier", 1),
        ("task_reject_on_worker_lost", True),
        ("task_retry_on_worker_lost", True),
        ("worker_cancel_long_running_tasks_on_connection_loss", False),
        ("worker_soft_shutdown_timeout", 30),
        ("task_time_limit", 600),
        ("broker_connection_retry_on_startup", True),
        ("broker_connection_max_retries", None),
        ("task_serializer", "json"),
        ("accept_content", ["json"]),
        ("task_ignore_result", True),
        ("result_backend", None),
        ("worker_enable_remote_control", False),
        ("beat_sync_every", 1),
        ("broker_url", "redis://localhost/0"),
        ("task_default_queue", "screening"),
    ],
)
def test_setting(app: Celery, name: str, value: object) -> None:
    assert app.conf[name] == value


def test_transport_options(app: Celery) -> None:
    assert app.conf.broker_transport_options == {
        "visibility_timeout": 900,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "health_check_interval": 25,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "global_keyprefix": "dermscreen:",
    }


def test_a_task_is_killed_before_its_message_is_delivered_again(app: Celery) -> None:
    assert app.conf.task_time_limit < app.conf.broker_transport_options["visibility_timeout"]


def test_a_site_may_set_the_visibility_timeout() -> None:
    app = make_app(Broker("redis://localhost/0", embedded=False, visibility_seconds=90))
    assert app.conf.broker_transport_options["visibility_timeout"] == 90
    assert app.conf.task_time_limit == 60


def test_there_is_one_queue(app: Celery) -> None:
    assert [queue.name for queue in app.conf.task_queues] == ["screening"]


def test_every_setting_is_one_that_celery_knows(app: Celery) -> None:
    """A misspelt setting is silently ignored."""
    from celery.app.defaults import NAMESPACES, flatten

    known = {name for name, _ in flatten(NAMESPACES)} | {"deprecated_settings"}  # which celery adds itself
    assert set(app.conf.changes) <= known


def test_an_application_is_not_made_current(app: Celery) -> None:
    from celery import current_app

    assert current_app.main != "dermscreen"
    assert not [name for name in app.tasks if name.startswith("dermscreen.")]
