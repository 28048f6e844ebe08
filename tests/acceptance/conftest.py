"""Commands as a person types them: the installed `screen`, a home of its own, nothing else running."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.drawn_lesions import draw_lesion

SCREEN = str(Path(sys.executable).with_name("screen"))
LONG_SECONDS = 300  # no test waits so long; a hanging command must not hang the suite


@dataclass(frozen=True)
class Site:
    """A data folder and the command that works on it."""

    home: Path
    extra: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DERMSCREEN_")}
        return kept | {"DERMSCREEN_HOME": str(self.home)} | self.extra

    def screen(self, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCREEN, *map(str, arguments)], env=self.environment, cwd=cwd, capture_output=True, text=True,
            timeout=LONG_SECONDS, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [SCREEN, *map(str, arguments)], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def json(self, *arguments: str | Path) -> Any:
        done = self.screen(*arguments)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "home", {})
    yield made
    made.screen("down")


@pytest.fixture(scope="module")
def module_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site") / "home", {})
    yield made
    made.screen("down")


@pytest.fixture(scope="session")
def lesions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 70 sound drawn pictures: more than one chunk."""
    folder = tmp_path_factory.mktemp("lesions")
    for seed in range(70):
        draw_lesion(seed, width=240, height=180, malignant=seed % 2 == 1).save(folder / f"{seed}.jpg", quality=90)
    return folder
