"""What every audit event says of where it comes from: who, on which host, by which release."""

from __future__ import annotations

import json
import os
import socket
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from storage.processes import WORKER_ID, os_user

PACKAGE = "dermscreen"
STATED = "stated"  # a name that somebody gave (--submitter, --by, a schedule): it is as true as the person is
ACCOUNT = "operating system account"


def origin(actor: str | None = None) -> dict[str, str | int]:
    """The facts common to the events of this process. ``actor`` None: the account that the process runs under.

    A stated actor does not hide the account: both stand in the event.
    """
    account = os_user()
    found: dict[str, str | int] = {
        "actor": actor or account,
        "actor_known_by": ACCOUNT if actor in (None, account) else STATED,
        "account": account,
        "host": _host(),
        "pid": os.getpid(),
        "software": software(),
    }
    if worker := os.environ.get(WORKER_ID):
        found["worker"] = worker
    return found


@cache
def _host() -> str:
    return socket.gethostname()


@cache
def software() -> str:
    """Name and version of this release, with the commit where the installation knows it."""
    try:
        installed = distribution(PACKAGE)
    except PackageNotFoundError:  # run from a source folder that was never installed
        return PACKAGE
    commit = _commit(installed)
    return f"{PACKAGE} {installed.version}" + (f" ({commit})" if commit else "")


def _commit(installed: Distribution) -> str | None:
    """Of the checkout that runs, or of the one that pip installed from (PEP 610)."""
    checkout = Path(__file__).parents[2] / ".git"
    if checkout.is_dir():
        return _head(checkout)
    said = installed.read_text("direct_url.json")
    found = json.loads(said).get("vcs_info", {}).get("commit_id") if said else None
    return str(found) if found else None


def _head(git: Path) -> str | None:
    try:
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        loose = git / name
        if loose.is_file():
            return loose.read_text(encoding="ascii").strip()
        packed = (git / "packed-refs").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), None)
