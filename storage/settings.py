"""Where a site keeps its things, read from the environment once per command."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_data_path

from models.errors import UsageFault

HOME = "DERMSCREEN_HOME"
BROKER_URL = "DERMSCREEN_BROKER_URL"
DATABASE_URL = "DERMSCREEN_DATABASE_URL"
LEASE = "DERMSCREEN_LEASE_SECONDS"
VISIBILITY = "DERMSCREEN_VISIBILITY_SECONDS"
AUDIT_KEY = "DERMSCREEN_AUDIT_KEY"
CHECKPOINTS_URL = "DERMSCREEN_CHECKPOINTS_URL"

LEASE_SECONDS = 120.0  # renewed while a worker makes progress; a worker silent for longer has lost its chunk
VISIBILITY_SECONDS = 900  # a message that no worker has confirmed for so long is delivered again


@dataclass(frozen=True)
class Settings:
    """The data folder and, where a site has real services, their URLs."""

    home: Path
    broker_url: str | None = field(default=None, repr=False)  # these two may hold a password
    database_url: str | None = field(default=None, repr=False)
    lease_seconds: float = LEASE_SECONDS
    visibility_seconds: int = VISIBILITY_SECONDS
    audit_key: Path | None = None  # the file of the key that signs checkpoints, if not in the data folder
    checkpoints_url: str | None = None  # a second place of the checkpoints

    @property
    def audit_folder(self) -> Path:
        return self.home / "audit"

    @property
    def embedded_broker(self) -> bool:
        return self.broker_url is None

    @property
    def embedded_database(self) -> bool:
        return self.database_url is None

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def as_environment(self) -> dict[str, str]:
        """The environment of this process with these settings, for a process that it starts."""
        ours = {
            HOME: str(self.home),
            BROKER_URL: self.broker_url,
            DATABASE_URL: self.database_url,
            LEASE: f"{self.lease_seconds:.0f}",
            VISIBILITY: str(self.visibility_seconds),
            AUDIT_KEY: str(self.audit_key) if self.audit_key else None,
            CHECKPOINTS_URL: self.checkpoints_url,
        }
        others = {key: value for key, value in os.environ.items() if key not in ours}
        return others | {key: value for key, value in ours.items() if value is not None}

    def make_home(self) -> None:
        """Create the data folder, readable by its owner alone: it holds names of images and results.

        Raises UsageFault when that cannot be done there.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise UsageFault(
                f"the data folder {self.home} cannot be made or written to ({error.strerror}); "
                f"name one of your own in {HOME}"
            ) from error


def from_environment() -> Settings:
    """DERMSCREEN_HOME (default: the platform's user data folder), DERMSCREEN_BROKER_URL, DERMSCREEN_DATABASE_URL,
    DERMSCREEN_LEASE_SECONDS, DERMSCREEN_VISIBILITY_SECONDS, DERMSCREEN_AUDIT_KEY, DERMSCREEN_CHECKPOINTS_URL.

    Raises UsageFault when a time is not a whole number of seconds above 0, or when nobody knows where a home lies.
    """
    key = os.environ.get(AUDIT_KEY)
    return Settings(
        home=_path(HOME, os.environ.get(HOME)),
        broker_url=os.environ.get(BROKER_URL) or None,
        database_url=os.environ.get(DATABASE_URL) or None,
        lease_seconds=_seconds(LEASE, LEASE_SECONDS),
        visibility_seconds=int(_seconds(VISIBILITY, VISIBILITY_SECONDS)),
        audit_key=_path(AUDIT_KEY, key) if key else None,
        checkpoints_url=os.environ.get(CHECKPOINTS_URL) or None,
    )


def _path(name: str, given: str | None) -> Path:
    try:
        return Path(given).expanduser().absolute() if given else user_data_path("dermscreen")
    except RuntimeError as error:  # a user without a home, as in a container, or ~somebody who is none
        raise UsageFault(f"no home is known of {given or 'this user'}: name a folder in {name}, from / on") from error


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UsageFault(f"{name}: expected a whole number of seconds above 0, received {text!r}")
    return float(text)
