"""Who holds a lease: a process, told apart from a later one with the same number."""

from __future__ import annotations

import os
import pwd
import socket
from functools import cache
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")  # another each time that a kernel starts; containers share their host's
WORKER_ID = "DERMSCREEN_WORKER_ID"  # in the environment of the processes of a worker: its identity


@cache
def _machine() -> str:
    """Host, boot and process namespace.

    Two machines may share a host name (copies of one virtual machine), but no boot; two containers may share both, but
    not their process numbers. After a restart it is another machine: what the last one held is for the lease to decide.
    """
    try:
        boot = BOOT.read_text(encoding="ascii").strip() or "-"
    except OSError:  # Linux alone has it
        boot = "-"
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        namespace = "-"
    return f"{socket.gethostname()}/{boot}/{namespace}"


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot, None when it does not run, ``-`` where that is unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            return "-"
        return "-"
    except OSError:
        return "-"
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def identity() -> str:
    """Name of this process: host/boot/namespace/pid/start."""
    pid = os.getpid()
    return f"{_machine()}/{pid}/{_started(pid) or '-'}"


def certainly_gone(holder: str) -> bool:
    """True when the holder ran on this very machine and runs no more. False whenever that cannot be known."""
    found = _on_this_machine(holder)
    if found is None:
        return False
    pid, started_then = found
    started = _started(pid)
    return started is None or ("-" not in (started, started_then) and started != started_then)


def session_of(holder: str) -> int | None:
    """The process session of a holder on this very machine; None when it is elsewhere or runs no more."""
    found = _on_this_machine(holder)
    if found is None or certainly_gone(holder):
        return None
    try:
        return os.getsid(found[0])
    except (ProcessLookupError, PermissionError):
        return None


def _on_this_machine(holder: str) -> tuple[int, str] | None:
    """Process number and start time, if the holder ran here."""
    machine, *process = holder.rsplit("/", 2)
    if len(process) != 2 or machine != _machine():
        return None
    return int(process[0]), process[1]


def os_user() -> str:
    """Name of the user of this process, or its number where it has no name (containers)."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name  # not $USER, which anybody sets
    except KeyError:
        return f"uid {os.geteuid()}"
