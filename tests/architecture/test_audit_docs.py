"""docs/audit.md names every audit event, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
KINDS = "audit|batch|chunk|configuration|database|image|model|patient|policy|report|schedule|site"
FILES = (".csv", ".html", ".json")  # names of files look alike


def test_every_event_is_documented() -> None:
    sources = [path for folder in ("storage", "cli", "worker", "scheduler") for path in (ROOT / folder).rglob("*.py")]
    source = "".join(path.read_text(encoding="utf-8") for path in sources)
    said = {name for name in re.findall(rf'"((?:{KINDS})\.[a-z_]+)"', source) if not name.endswith(FILES)}
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    table = page.partition("## The events")[2].partition("\n## ")[0]
    assert set(re.findall(rf"`((?:{KINDS})\.[a-z_]+)`", table)) == said


def test_what_every_event_says_is_documented() -> None:
    from storage.audit.origin import origin

    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    table = page.partition("## What every event says")[2].partition("\n## ")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`([a-z_]+)`", line.split(" | ")[0])}
    assert named == {*origin(), "worker", "at", "event", "batch"}
