"""A Redis of the site: a user with the few rights of docs/security.md, a password, and TLS in front."""

from __future__ import annotations

import datetime
import ipaddress
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from celery import Celery
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from models.errors import ServiceUnreachable
from scheduler.broker import Broker
from scheduler.celery_app import SCREEN_CHUNK, make_app
from scheduler.dispatch import recover, send_due
from scheduler.embedded_valkey import binary
from storage.batch_writer import Received
from storage.database import Database

PASSWORD = "pa/ss@w:rd"
QUOTED = "pa%2Fss%40w%3Ard"
CHUNK = "0" * 32


def rights() -> str:
    """What docs/security.md lets the user do: the very line."""
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    found = re.search(r"^ACL SETUSER dermscreen on >PASSWORD (.*)$", page, re.MULTILINE)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Valkey that lets nobody in but `dermscreen` with its password. Yields its socket."""
    folder = tmp_path_factory.mktemp("acl")
    (folder / "users.acl").write_text(f"user default off\nuser dermscreen on >{PASSWORD} {rights()}\n"
                                      "user admin on >admin ~* &* +@all\n")  # fmt: skip
    path = folder / "v.sock"
    process = subprocess.Popen(
        [binary(), "--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--dir", folder,
         "--aclfile", folder / "users.acl", "--logfile", folder / "log", "--save", ""],
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not path.exists():
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.01)
        yield path
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of our own for 127.0.0.1, signed by itself: (certificate, certificate with key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tls")
    public, private = folder / "ca.pem", folder / "server.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        public.read_bytes()
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return public, private


@pytest.fixture(scope="module")
def tls_port(server: Path, authority: tuple[Path, Path]) -> Iterator[int]:
    """A TLS server on the loopback that hands everything on to the socket. Yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority[1])
    listening = socket.create_server(("127.0.0.1", 0))

    def hand_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(plain: socket.socket) -> None:
        with suppress(OSError), plain, socket.socket(socket.AF_UNIX) as inner:
            plain.settimeout(30)
            with context.wrap_socket(plain, server_side=True) as outer:
                inner.connect(str(server))
                outer.settimeout(None)
                back = threading.Thread(target=hand_on, args=(inner, outer), daemon=True)
                back.start()
                hand_on(outer, inner)
                back.join(30)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.fixture(params=["socket", "tls"])
def broker(request: pytest.FixtureRequest, server: Path, authority: tuple[Path, Path]) -> Iterator[Broker]:
    """The server as a site names it; emptied afterwards."""
    if request.param == "socket":
        url = f"redis+socket://dermscreen:{QUOTED}@{server}"
    else:
        port = request.getfixturevalue("tls_port")
        url = f"rediss://dermscreen:{QUOTED}@127.0.0.1:{port}/0?ssl_cert_reqs=required&ssl_ca_certs={authority[0]}"
    yield Broker(url, embedded=False)
    with redis.Redis(unix_socket_path=str(server), username="admin", password="admin") as admin:
        assert admin.acl_log() == []
        admin.flushall()
        admin.acl_log_reset()


@pytest.fixture
def app(broker: Broker) -> Iterator[Celery]:
    made = make_app(broker)
    yield made
    made.close()


def test_chunks_are_sent_and_counted(
    broker: Broker, app: Celery, sqlite_database: Database, submit: Callable[..., str],
    received: Callable[..., list[Received]],
) -> None:  # fmt: skip
    broker.check()
    submit(sqlite_database, received(3))
    assert send_due(sqlite_database, app) == 1
    assert (broker.messages(), broker.messages_and_held()) == (1, 1)
    assert recover(sqlite_database, broker, app)["lost_messages"] == 0


def test_messages_are_taken_confirmed_and_given_back(broker: Broker, app: Celery) -> None:
    """All that Celery's transport does with a message."""
    app.send_task(SCREEN_CHUNK, args=[CHUNK])
    app.send_task(SCREEN_CHUNK, args=[CHUNK])
    with app.connection_for_read() as connection, connection.SimpleQueue(app.conf.task_queues[0]) as queue:
        queue.get(timeout=30).ack()
        queue.get(timeout=30).requeue()
        queue.get(timeout=30)
        assert (broker.messages(), broker.messages_and_held()) == (0, 1)
        queue.channel.qos.visibility_timeout = -1.0
        queue.channel.qos.restore_visible(interval=1)  # what a dead worker held comes back when its time is over
        assert broker.messages() == 1
        queue.get(timeout=30)


@pytest.mark.parametrize("user", ["", "dermscreen:wrong@", ":wrong@", "default:@"])
def test_without_the_right_password(user: str, server: Path) -> None:
    with pytest.raises(ServiceUnreachable) as refused:
        Broker(f"redis+socket://{user}{server}", embedded=False).check()
    assert "wrong" not in str(refused.value)


def test_a_server_that_nobody_vouches_for(tls_port: int, tmp_path: Path) -> None:
    for query in ("", "?ssl_cert_reqs=required"):
        with pytest.raises(ServiceUnreachable, match="certificate"):
            Broker(f"rediss://dermscreen:{QUOTED}@127.0.0.1:{tls_port}/0{query}", embedded=False).check()


@pytest.mark.parametrize("command", ["CONFIG GET *", "FLUSHALL", "KEYS *", "ACL LIST", "SHUTDOWN", "MONITOR",
                                     "GET other", "LPUSH celery x", "SUBSCRIBE x"])  # fmt: skip
def test_what_the_user_may_not_do(command: str, server: Path) -> None:
    with (
        redis.Redis(unix_socket_path=str(server), username="dermscreen", password=PASSWORD) as client,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        client.execute_command(*command.split())
    with redis.Redis(unix_socket_path=str(server), username="admin", password="admin") as admin:
        admin.acl_log_reset()
