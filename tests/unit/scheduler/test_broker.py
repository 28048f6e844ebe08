"""A broker URL that Celery or redis-py cannot use is said before either meets it, without its password."""

from __future__ import annotations

import pytest

from models.errors import ServiceUnreachable, UsageFault
from scheduler.broker import Broker


@pytest.mark.parametrize(
    "url",
    [
        "unix://clinic:s3cret@/none/valkey.sock",
        "redis+socket://clinic:s3cret@/none/valkey.sock?virtual_host=1",
        "redis://clinic:s3cret@127.0.0.1:1/0?nosuchthing=1",
        "amqp://clinic:s3cret@127.0.0.1:1",
        "clinic:s3cret@127.0.0.1:1",
    ],
)
def test_a_url_that_cannot_be_used(url: str) -> None:
    with pytest.raises(UsageFault, match=r"cannot be read: expected redis://") as fault:
        Broker(url, embedded=False).check()
    assert "s3cret" not in str(fault.value)


@pytest.mark.parametrize("url", ["redis+socket:///none/valkey.sock", "rediss://127.0.0.1:1/0?ssl_cert_reqs=required"])
def test_a_url_where_nobody_answers(url: str) -> None:
    with pytest.raises(ServiceUnreachable, match="does not answer"):
        Broker(url, embedded=False).check()
