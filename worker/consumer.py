"""The part of Celery that takes messages, with a check before all else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer

from scheduler.wire import fault_of, known, shown_id

log = logging.getLogger(__name__)


class CheckedConsumer(Consumer):
    """Refuses every message that is not one of ours: it leaves the queue and is logged by its id alone.

    Celery itself would log the whole of such a message, file names and all.
    """

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Any], Any]:
        handle = super().create_task_handler(*arguments, **options)

        def check_and_handle(message: Any) -> Any:
            fault = fault_of(message.headers, message.content_type, message.content_encoding, message.body)
            if fault is None:
                message.headers = known(message.headers)
                message.ack_log_error = _acknowledging(message)
                return handle(message)
            return self._refuse(message, fault)

        return check_and_handle

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._refuse(message, "it cannot be decoded")

    def _refuse(self, message: Any, fault: str) -> None:
        log.warning("message %s is refused: %s", shown_id(message.headers), fault)
        message.reject_log_error(log, self.connection_errors)


def _acknowledging(message: Any) -> Callable[..., None]:
    """Confirm a message; where the broker is gone, let the error end the connection, so that a new one is made.

    Celery would only log it. While its one message is in hand it listens to nothing else of the broker (remote control
    is off), so it would not learn of the loss, count the message as still in hand, and wait for ever.
    """

    def acknowledge(_log: logging.Logger, _errors: object, multiple: bool = False) -> None:
        message.ack(multiple=multiple)

    return acknowledge
