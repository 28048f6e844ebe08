"""A process that ended is told from one that lives, and never guessed about."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import processes
from storage.processes import certainly_gone, identity

IdentityOf = Callable[[int], str]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A live process that waits for nothing; it is ended afterwards."""
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_the_identity_of_this_process_is_stable_and_names_it(identity_of: IdentityOf) -> None:
    assert identity() == identity_of(os.getpid())
    assert identity().split("/")[-2] == str(os.getpid())
    assert len(identity().split("/")) == 5
    assert len(identity()) <= 200  # the column that holds it


def test_a_live_process_is_not_gone(child: subprocess.Popen[bytes], identity_of: IdentityOf) -> None:
    assert not certainly_gone(identity())
    assert not certainly_gone(identity_of(child.pid))


def test_a_process_that_ended_is_gone(child: subprocess.Popen[bytes], identity_of: IdentityOf) -> None:
    name = identity_of(child.pid)
    child.kill()
    child.wait()
    assert certainly_gone(name)


def test_a_zombie_is_gone(
    child: subprocess.Popen[bytes], identity_of: IdentityOf, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    name = identity_of(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    eventually(lambda: Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    assert certainly_gone(name)


def test_a_later_process_with_the_same_number_is_another(
    child: subprocess.Popen[bytes], identity_of: IdentityOf
) -> None:
    machine, _, started = identity_of(child.pid).rpartition("/")
    assert certainly_gone(f"{machine}/{int(started) - 1}")


@pytest.mark.parametrize(
    "holder",
    ["", "nonsense", "/", "elsewhere/pid:[1]/1/1", "elsewhere/-/-/999999/5", "a/b/c/d/e/f"],
)
def test_of_other_machines_and_unknown_names_nothing_is_known(holder: str) -> None:
    assert not certainly_gone(holder)


def test_another_container_with_the_same_host_name_is_another_machine(
    child: subprocess.Popen[bytes], identity_of: IdentityOf
) -> None:
    host, boot, _, pid, started = identity_of(child.pid).split("/")
    child.kill()
    child.wait()
    assert not certainly_gone(f"{host}/{boot}/pid:[1]/{pid}/{started}")


@pytest.mark.parametrize("boot", ["0f6d8e6e-59c4-4b39-9f0e-b4a0a8d8c111", "-"])
def test_another_machine_with_the_same_host_name_is_another(
    child: subprocess.Popen[bytes], identity_of: IdentityOf, boot: str
) -> None:
    """Copies of one virtual machine: outside containers the namespace has the same number on all of them."""
    host, _, namespace, pid, started = identity_of(child.pid).split("/")
    child.kill()
    child.wait()
    assert not certainly_gone(f"{host}/{boot}/{namespace}/{pid}/{started}")
    assert not certainly_gone(f"{host}/{namespace}/{pid}/{started}")  # as it was written before boots were


def test_a_machine_that_tells_no_boot_knows_its_own_processes(
    child: subprocess.Popen[bytes], identity_of: IdentityOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "BOOT", tmp_path / "none")
    processes._machine.cache_clear()
    try:
        name = identity_of(child.pid)
        assert name.split("/")[1] == "-"
        assert not certainly_gone(name)
        child.kill()
        child.wait()
        assert certainly_gone(name)
    finally:
        processes._machine.cache_clear()


@pytest.mark.parametrize("fault", [FileNotFoundError, PermissionError])
def test_a_process_that_proc_hides_is_not_gone(
    child: subprocess.Popen[bytes], identity_of: IdentityOf, fault: type[OSError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``mount -o hidepid`` makes the processes of other users look as if they were not there."""
    name = identity_of(child.pid)

    def hidden(*_: object, **__: object) -> str:
        raise fault

    monkeypatch.setattr(Path, "read_text", hidden)
    assert not certainly_gone(name)
