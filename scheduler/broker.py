"""The broker: the site's Redis by URL, or a Valkey of our own in the data folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import redis

from models.errors import ServiceUnreachable, UsageFault
from scheduler import embedded_valkey
from storage.secrets import QUOTING, hide_secrets, misread
from storage.settings import VISIBILITY_SECONDS, Settings

QUEUE = "screening"
UNACKED = "unacked"  # kombu's name for what workers hold
KEY_PREFIX = "dermscreen:"
CONNECT_SECONDS = 5.0
SCHEMES = ("redis", "rediss", "redis+socket")  # what Celery knows too; redis-py alone knows unix://


@dataclass(frozen=True)
class Broker:
    """Where messages go. ``url`` is for Celery; ``embedded`` tells whether the server is ours.

    A message that no worker has confirmed for ``visibility_seconds`` is delivered again.
    """

    url: str = field(repr=False)
    embedded: bool
    visibility_seconds: int = VISIBILITY_SECONDS

    @property
    def shown_url(self) -> str:
        return hide_secrets(self.url)

    def client(self) -> redis.Redis:
        """A plain Redis connection. The caller closes it. Raises UsageFault for a URL that is none."""
        url = self.url.replace("redis+socket://", "unix://", 1)
        try:
            if self.url.partition("://")[0] not in SCHEMES or misread(url, urlsplit(url).hostname):
                raise ValueError
            client = redis.Redis.from_url(
                url,
                socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=CONNECT_SECONDS,
                retry=embedded_valkey.NO_RETRY,
            )
            pool = client.connection_pool
            pool.connection_class(**pool.connection_kwargs)  # connects to nothing: are its parameters known?
            return client
        except (ValueError, TypeError):  # its text may hold a part of the password
            raise UsageFault(
                f"the broker URL {self.shown_url} cannot be read: expected redis://, rediss:// or redis+socket://, "
                f"{QUOTING}, and behind a ? what redis-py knows alone"
            ) from None

    def check(self) -> None:
        """Raises ServiceUnreachable unless the broker answers."""
        try:
            with self.client() as client:
                client.ping()
        except redis.RedisError as error:
            raise ServiceUnreachable(
                f"the broker {self.shown_url} does not answer ({error}); start it or correct DERMSCREEN_BROKER_URL"
            ) from error

    def messages(self) -> int:
        """Messages in the queue, not counting those that a worker holds. Raises ServiceUnreachable."""
        return self._counted(with_held=False)

    def messages_and_held(self) -> int:
        """Messages in the queue and in the hands of workers. Raises ServiceUnreachable."""
        return self._counted(with_held=True)

    def _counted(self, *, with_held: bool) -> int:
        try:
            with self.client() as client:
                held = client.hlen(KEY_PREFIX + UNACKED) if with_held else 0
                return int(client.llen(KEY_PREFIX + QUEUE)) + int(held)
        except redis.RedisError as error:
            raise ServiceUnreachable(f"the broker {self.shown_url} does not answer ({error})") from error


def locate(settings: Settings) -> Broker:
    """The broker of a site, whether it runs or not."""
    if settings.broker_url is not None:
        return Broker(settings.broker_url, embedded=False, visibility_seconds=settings.visibility_seconds)
    url = f"redis+socket://{embedded_valkey.socket_path(settings)}"
    return Broker(url, embedded=True, visibility_seconds=settings.visibility_seconds)


def connect(settings: Settings) -> Broker:
    """The broker of a site, started if it is ours and not running. Raises ServiceUnreachable."""
    if settings.embedded_broker:
        embedded_valkey.ensure_running(settings)
    broker = locate(settings)
    broker.check()
    return broker
