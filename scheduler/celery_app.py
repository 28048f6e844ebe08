"""The Celery application. Each setting stands here for a reason that was measured or read."""

from __future__ import annotations

from celery import Celery
from kombu import Queue

from scheduler.broker import CONNECT_SECONDS, KEY_PREFIX, QUEUE, Broker

SCREEN_CHUNK = "dermscreen.screen_chunk"
RECOVER = "dermscreen.recover"
NIGHTLY = "dermscreen.nightly"

TASK_SHARE = 2 / 3  # of the visibility timeout: a task still running must not be delivered again
# A folder of 20,000 photographs of 5 MB takes a gigabit share 15 minutes. A nightly intake that is delivered again
# meanwhile reads in vain and makes nothing twice, whereas one that is ended for its length is a night without a report.
NIGHTLY_SECONDS = 86_400.0


def make_app(broker: Broker) -> Celery:
    """A Celery application on a broker. It holds no tasks; the worker registers those it can do."""
    app = Celery("dermscreen", broker=broker.url, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_queues=[Queue(QUEUE)],
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        task_reject_on_worker_lost=True,
        task_retry_on_worker_lost=True,  # capped in SQL: alone it loops for ever (5 runs in 22 s)
        worker_cancel_long_running_tasks_on_connection_loss=False,  # True lost the task on a broker's kill -9, 2 of 2
        worker_soft_shutdown_timeout=30,
        task_time_limit=round(broker.visibility_seconds * TASK_SHARE, 1),
        worker_proc_alive_timeout=180,  # the network loads in the child: 4-7 s, more on a busy machine
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": broker.visibility_seconds,
            "unacked_restore_interval": 10,  # without these two, redelivery took 100 s instead of 11
            "unacked_restore_throttle": 1,
            "health_check_interval": 25,
            "socket_timeout": 30,
            "socket_connect_timeout": CONNECT_SECONDS,
            "global_keyprefix": KEY_PREFIX,
        },
        task_serializer="json",
        accept_content=["json"],  # a pickle on the wire is code
        task_ignore_result=True,  # counters live in SQL
        result_expires=None,  # or beat sends a task each night that cleans up results, which our workers refuse
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,  # else whoever reaches the broker may stop workers and change their limits
        beat_sync_every=1,  # every message sent is noted: 3 minutes late, one that was killed sends a night again
        enable_utc=True,
    )
    return app
