"""Harm done for real, to processes that the test itself started."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.drawn_lesions import draw_lesion
from harm import truth
from harm.pictures import BASES
from harm.site import Site
from harm.ward import Ward, descendants, until
from harm.work import Work
from storage.states import ChunkState

MANY = 130


@pytest.fixture(name="until")
def until_fixture() -> Callable[[Callable[[], object], str], None]:
    return until


@pytest.fixture(name="descendants")
def descendants_fixture() -> Callable[[int], list[int]]:
    return descendants


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    """The real `screen` with the real network."""
    made = Ward(tmp_path / "home")
    yield made
    made.end()


@pytest.fixture(scope="session")
def many_lesions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """130 sound pictures, three chunks, large enough that a chunk takes a while."""
    folder = tmp_path_factory.mktemp("many")
    base = [draw_lesion(seed, width=600, height=450, malignant=seed % 2 == 1) for seed in range(8)]
    for number in range(MANY):
        picture = base[number % 8].copy()
        picture.putpixel((0, 0), (number % 256, number // 256, 7))
        picture.save(folder / f"{number}.png", compress_level=1)
    return folder


# --- sites with a stub in the network's place -------------------------------------------------------------------


class Running:
    """One site with one worker for all tests whose harm it survives; made anew when a test left it unwell."""

    def __init__(self, make: Callable[[], Site]) -> None:
        self._make = make
        self.site: Site | None = None

    def get(self) -> tuple[Site, Work]:
        if self.site is None or not self._well(self.site):
            self.end()
            self.site = self._make()
            self.site.worker()
        return self.site, self.site.works[-1]

    def _well(self, site: Site) -> bool:
        if site.works[-1].process.poll() is not None:
            return False
        if site.chunks(ChunkState.WAITING) + site.chunks(ChunkState.RUNNING):
            return False
        # messages of chunks that killed their process are kept for their next attempt, and a test may count messages;
        # the last chunk's message is confirmed a moment after the chunk is done
        for _ in range(20):
            if not site.queue() + site.held_messages():
                return True
            time.sleep(0.1)
        return False

    def end(self) -> None:
        if self.site is not None:
            self.site.end()
            self.site = None


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> truth.Scores:
    """What every picture is given by a run that nothing disturbs: once per session."""
    site = Site(tmp_path_factory.mktemp("undisturbed") / "home")
    try:
        site.worker()
        batch_id = site.hand_in(site.draw(2 * BASES))
        until(lambda: site.counts()[0].state == "complete", "the end of an undisturbed batch")
        with site.database.read() as session:
            found = truth.scores(session, batch_id)
        assert len(found) == BASES
        assert {outcome for _, outcome in found.values()} == {"flagged", "clear", "review"}
        return found
    finally:
        site.end()


@pytest.fixture(scope="session")
def running(undisturbed: truth.Scores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = Running(lambda: Site(tmp_path_factory.mktemp("running") / "home", undisturbed=undisturbed))
    yield made
    made.end()


@pytest.fixture
def site(running: Running) -> Iterator[Site]:
    """A site with one worker that is ready and has nothing to do. It outlives the test."""
    found, _ = running.get()
    yield found
    found.open_gate()


@pytest.fixture
def work(running: Running, site: Site) -> Work:
    """The worker of ``site``."""
    return running.get()[1]


@pytest.fixture
def new_site(undisturbed: truth.Scores, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes a site of the test's own, without a worker."""
    made: list[Site] = []

    def make(**options: Any) -> Site:
        made.append(Site(tmp_path / f"home-{len(made)}", undisturbed=undisturbed, **options))
        return made[-1]

    yield make
    for site in made:
        site.end()
