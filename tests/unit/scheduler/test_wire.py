"""Only messages that our own programs send are acted on; what is refused is logged by its id alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.beat import Scheduler
from hypothesis import given
from hypothesis import strategies as st

from scheduler.broker import Broker
from scheduler.celery_app import NIGHTLY, RECOVER, SCREEN_CHUNK, make_app
from scheduler.due import LastDue
from scheduler.nightly import parse_cron
from scheduler.wire import NO_ID, fault_of, known, shown_id

CHUNK = "0123456789abcdef" * 2  # not drawn: every process of pytest-xdist names its tests alike
NIGHT = "2026-11-22T02:30"
Message = dict[str, Any]


@pytest.fixture
def app() -> Iterator[Celery]:
    made = make_app(Broker("memory://", embedded=False))
    made.conf.update(broker_transport_options={})
    yield made
    made.close()


def sent(app: Celery) -> Message:
    """The message that was sent last, as a worker receives it."""
    with app.connection_for_read() as connection, connection.SimpleQueue("screening") as queue:
        message = queue.get(block=False)
        message.ack()
    return {
        "headers": dict(message.headers), "content_type": message.content_type,
        "content_encoding": message.content_encoding, "body": message.body,
    }  # fmt: skip


@pytest.fixture
def ours(app: Celery) -> Message:
    """A message of ours."""
    app.send_task(SCREEN_CHUNK, args=[CHUNK])
    return sent(app)


@pytest.mark.parametrize(("task", "arguments"), [(SCREEN_CHUNK, [CHUNK]), (RECOVER, []), (NIGHTLY, [7, NIGHT])])
def test_what_our_programs_send_passes(task: str, arguments: list[object], app: Celery) -> None:
    app.send_task(task, args=arguments)
    assert fault_of(**sent(app)) is None


def test_what_beat_sends_passes(app: Celery) -> None:
    beat = Scheduler(app=app, lazy=True)
    beat.apply_async(
        beat.Entry("nightly-7", NIGHTLY, schedule=1.0, args=[7, LastDue(parse_cron("30 2 * * *"), "UTC")], app=app),
        advance=False,
    )
    message = sent(app)
    assert message["headers"]["task"] == NIGHTLY
    assert re.fullmatch(r"....-..-..T02:30", json.loads(message["body"])[0][1])
    assert fault_of(**message) is None


def test_what_redis_delivers_again_passes(app: Celery) -> None:
    """kombu marks a message that no worker confirmed in time; to refuse it would be to lose it."""
    app.send_task(SCREEN_CHUNK, args=[CHUNK])
    message = sent(app)
    assert fault_of(**message | {"headers": message["headers"] | {"redelivered": True}}) is None
    assert fault_of(**message | {"headers": message["headers"] | {"redelivered": "yes"}}) is not None


def test_a_retry_passes(app: Celery) -> None:
    app.send_task(
        NIGHTLY,
        args=[7, NIGHT],
        task_id=str(uuid4()),
        retries=3,
        countdown=5,
        root_id=str(uuid4()),
        parent_id=str(uuid4()),
    )
    assert fault_of(**sent(app)) is None


@pytest.mark.parametrize(
    "body",
    [
        [["/ward/Musterfrau.jpg"], {}, None],
        [[CHUNK.upper()], {}, None],
        [[CHUNK + "\n"], {}, None],
        [[5], {}, None],
        [[None], {}, None],
        [[[CHUNK]], {}, None],
        [[CHUNK, "more"], {}, None],
        [[], {}, None],
        [[], {"chunk_id": CHUNK}, None],
        [[CHUNK], {"device": "gpu"}, None],
        [[CHUNK], [], None],
        [[CHUNK], {}, {"callbacks": [{"task": SCREEN_CHUNK}]}],
        [[CHUNK], {}, {"callbacks": None, "errbacks": None, "chain": [{"task": "x"}], "chord": None}],
        [[CHUNK], {}, None, "more"],
        [[CHUNK], {}],
        {"task": SCREEN_CHUNK, "args": [CHUNK]},
        CHUNK,
        None,
    ],
)
def test_another_body_is_refused(body: object, ours: Message) -> None:
    assert fault_of(**ours | {"body": json.dumps(body)}) is not None


@pytest.mark.parametrize("argument", [True, -1, 2**63, "7", 7.0, None, [7]])
def test_a_schedule_is_a_number(argument: object, app: Celery) -> None:
    app.send_task(NIGHTLY, args=[argument, NIGHT])
    assert fault_of(**sent(app)) == "an argument is not what it must be"


@pytest.mark.parametrize(
    "argument",
    [
        NIGHT + "\n",
        NIGHT + ":00",
        "2026-02-30T02:30",
        "2026-11-22 02:30",
        "Musterfrau",
        "",
        7,
        None,
        "٢٠٢٦-11-22T02:30",
    ],
)
def test_a_night_is_a_minute(argument: object, app: Celery) -> None:
    app.send_task(NIGHTLY, args=[7, argument])
    assert fault_of(**sent(app)) == "an argument is not what it must be"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"\x80\x04]\x94.", b"[" * 2_000, b" " * 3_000, None, 5])
def test_what_is_not_json_is_refused(body: object, ours: Message) -> None:
    assert fault_of(**ours | {"body": body}) is not None


@pytest.mark.parametrize("kind", ["application/x-python-serialize", "application/x-yaml", "text/plain", "", None])
def test_another_content_type_is_refused(kind: str | None, ours: Message) -> None:
    assert fault_of(**ours | {"content_type": kind}) is not None
    assert fault_of(**ours | {"content_encoding": kind}) is not None


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("task", "os.system"),
        ("task", ["dermscreen.recover"]),
        ("task", "celery.chain"),
        ("id", "1"),
        ("id", "Erika Musterfrau\n2026-11-21 ERROR forged"),
        ("id", None),
        ("root_id", "patient 4711"),
        ("shadow", "Erika Musterfrau"),
        ("retries", -1),
        ("retries", True),
        ("eta", "tomorrow\n"),
        ("eta", 5),
        ("group", "g"),
        ("stamps", {"a": 1}),
        ("compression", "application/x-gzip"),
    ],
)
def test_a_wrong_header_is_refused_and_not_repeated(header: str, value: object, ours: Message) -> None:
    headers = ours["headers"] | {header: value}
    fault = fault_of(**ours | {"headers": headers})
    assert fault is not None
    assert "Muster" not in fault + shown_id(headers)


def test_a_header_that_is_not_known_is_left_out(ours: Message) -> None:
    """A later release of Celery may send more; to refuse its messages would stop the site."""
    headers = ours["headers"] | {"path": "/ward/Musterfrau.jpg"}
    assert fault_of(**ours | {"headers": headers}) is None
    assert known(headers) == known(ours["headers"])
    assert "path" not in known(headers)


@pytest.mark.parametrize("limit", [[1, 1], [86_400.0, None], None, "for ever"])
def test_nobody_sets_the_time_limit_of_a_worker(limit: object, ours: Message) -> None:
    headers = ours["headers"] | {"timelimit": limit}
    assert fault_of(**ours | {"headers": headers}) is None
    assert "timelimit" not in known(headers)


@pytest.mark.parametrize("header", ["task", "id"])
def test_a_header_that_must_be_there(header: str, ours: Message) -> None:
    headers = {key: value for key, value in ours["headers"].items() if key != header}
    assert fault_of(**ours | {"headers": headers}) == f"its header {header} is missing or wrong"


@pytest.mark.parametrize("headers", [None, [], "id", {}, {"id": 5}, {"id": ["x"]}])
def test_without_an_id(headers: object, ours: Message) -> None:
    assert fault_of(**ours | {"headers": headers}) is not None
    assert shown_id(headers) == NO_ID


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(CHUNK),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


@given(JSON, st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_makes_the_check_itself_fail(headers: Any, body: bytes) -> None:
    fault_of(headers, "application/json", "utf-8", body)
    passing = {"task": SCREEN_CHUNK, "id": str(uuid4())}
    fault = fault_of(passing, "application/json", "utf-8", body)
    assert fault is not None or json.loads(body)[0] == [CHUNK]
    if isinstance(headers, dict):
        fault_of(passing | headers, "application/json", "utf-8", body)
