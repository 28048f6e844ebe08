"""What a message may look like. Whatever differs is refused before anything acts on it.

Whoever can write to the queue can write anything into it. So a message is held against what our own programs send
(Celery's protocol 2 in JSON): one of three tasks, its arguments ids alone (of a night also the minute that was due),
and none of the parts with which a message makes a worker do more than its task (callbacks, chains, groups, names for
the log). A time limit in a message is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from scheduler.celery_app import NIGHTLY, RECOVER, SCREEN_CHUNK

MAX_BYTES = 2_000  # of a body; ours have about 130
NO_ID = "without a readable id"

_CHUNK_ID = re.compile(r"[0-9a-f]{32}")
_MESSAGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MINUTE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_TIME = re.compile(r"[0-9T:.+-]{1,40}")
_NOTHING = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def _is_chunk_id(value: object) -> bool:
    return isinstance(value, str) and _CHUNK_ID.fullmatch(value) is not None


def _is_message_id(value: object) -> bool:
    return isinstance(value, str) and _MESSAGE_ID.fullmatch(value) is not None


def _is_time(value: object) -> bool:
    return value is None or (isinstance(value, str) and _TIME.fullmatch(value) is not None)


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63  # not bool, which is an int too


def _is_minute(value: object) -> bool:
    """As `scheduler.due` writes it."""
    if not isinstance(value, str) or _MINUTE.fullmatch(value) is None:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_BYTES


def _is_empty(value: object) -> bool:
    return not value and value in (None, "", [], {})


ARGUMENTS: dict[str, tuple[Callable[[object], bool], ...]] = {
    SCREEN_CHUNK: (_is_chunk_id,),
    RECOVER: (),
    NIGHTLY: (_is_number, _is_minute),
}
"""Task -> what each of its arguments must be."""

_REQUIRED: dict[str, Callable[[object], bool]] = {
    "task": lambda value: isinstance(value, str) and value in ARGUMENTS,
    "id": _is_message_id,
}
_ALLOWED: dict[str, Callable[[object], bool]] = {
    "lang": lambda value: value == "py",
    "root_id": _is_message_id,
    "parent_id": lambda value: value is None or _is_message_id(value),
    "retries": _is_number,
    "eta": _is_time,
    "expires": _is_time,
    "shadow": _is_empty,  # a name for the log
    "group": _is_empty,
    "group_index": _is_empty,
    "argsrepr": _is_text,  # these three are read by nobody
    "kwargsrepr": _is_text,
    "origin": _is_text,
    "ignore_result": lambda value: value is None or isinstance(value, bool),
    "replaced_task_nesting": lambda value: value == 0,
    "stamped_headers": _is_empty,
    "stamps": _is_empty,
    "compression": _is_empty,
    "celery_beat_task": lambda value: value is True,
    "redelivered": lambda value: value is True,  # kombu's word for a message whose worker did not confirm it in time
}


def fault_of(headers: object, content_type: object, content_encoding: object, body: object) -> str | None:
    """Why a message is refused, or None for one of ours. The text repeats nothing of the message."""
    if content_type != "application/json" or str(content_encoding).lower() != "utf-8":
        return "its body is not JSON in UTF-8"
    if not isinstance(headers, Mapping):
        return "it has no headers"
    return _fault_of_headers(headers) or _fault_of_body(str(headers["task"]), body)


def known(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The headers that were checked; nothing may act on others.

    They are left out and not refused: a later release of Celery on another machine may send more than this one knows.
    Left out on purpose is ``timelimit``: Celery writes the sender's own limit into it where the sender knows the task,
    as a worker does that sends chunks, and the limit that holds is that of the worker that does the task.
    """
    return {name: value for name, value in headers.items() if name in _REQUIRED or name in _ALLOWED}


def shown_id(headers: object) -> str:
    """The message's id for the log, where it is one."""
    value = headers.get("id") if isinstance(headers, Mapping) else None
    return f"{value}" if _is_message_id(value) else NO_ID


def _fault_of_headers(headers: Mapping[str, Any]) -> str | None:
    for name, good in _REQUIRED.items():
        if name not in headers or not good(headers[name]):
            return f"its header {name} is missing or wrong"
    for name, good in _ALLOWED.items():
        if name in headers and not good(headers[name]):
            return f"its header {name} is wrong"
    return None


def _fault_of_body(task: str, body: object) -> str | None:
    try:
        if not isinstance(body, bytes | str) or len(body) > MAX_BYTES:
            return "its body is too large, or none"
        parts = json.loads(body)
    except (ValueError, RecursionError):
        return "its body is not JSON in UTF-8"
    if not isinstance(parts, list) or len(parts) != 3:
        return "its body is not arguments, named arguments and extras"
    arguments, named, extras = parts
    fault = _fault_of_arguments(ARGUMENTS[task], arguments)
    if named != {}:
        fault = "it has named arguments"
    if extras is not None and extras != _NOTHING:
        fault = "it asks for more than its task"
    return fault


def _fault_of_arguments(wanted: tuple[Callable[[object], bool], ...], arguments: object) -> str | None:
    if not isinstance(arguments, list) or len(arguments) != len(wanted):
        return f"expected {len(wanted)} arguments"
    if not all(good(value) for good, value in zip(wanted, arguments, strict=True)):
        return "an argument is not what it must be"
    return None
