"""Where a site keeps its things, read from the environment once per command."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path


@dataclass(frozen=True)
class Settings:
    """The data folder and, where a site has real services, their URLs."""

    home: Path
    broker_url: str | None = None
    database_url: str | None = None

    @property
    def embedded_broker(self) -> bool:
        return self.broker_url is None

    @property
    def embedded_database(self) -> bool:
        return self.database_url is None

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def make_home(self) -> None:
        """Create the data folder, readable by its owner alone: it holds names of images and results."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs.mkdir(exist_ok=True, mode=0o700)


def from_environment() -> Settings:
    """DERMSCREEN_HOME (default: the platform's user data folder), DERMSCREEN_BROKER_URL, DERMSCREEN_DATABASE_URL."""
    home = os.environ.get("DERMSCREEN_HOME")
    return Settings(
        home=Path(home).expanduser().absolute() if home else user_data_path("dermscreen"),
        broker_url=os.environ.get("DERMSCREEN_BROKER_URL") or None,
        database_url=os.environ.get("DERMSCREEN_DATABASE_URL") or None,
    )
