"""Who lacks an extra is told a command that installs it: from the repository, never a stranger's package by name."""

import re
import tomllib
from pathlib import Path

from models.extras import to_install

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cli", "worker", "scheduler", "storage", "models")
SOURCES = {path: path.read_text(encoding="utf-8") for name in PACKAGES for path in (ROOT / name).rglob("*.py")}


def test_nothing_is_installed_by_the_name_of_the_project() -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]}
    wrong = re.compile(r"(?:pip|uv|pipx)[a-z ]* (?:install|add) ['\"]?dermscreen|dermscreen\[")
    assert {path.name for path, text in (SOURCES | pages).items() if wrong.search(text)} == set()


def test_the_extras_that_are_named_are_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {
        extra
        for text in SOURCES.values()
        for given in re.findall(r"to_install\(['\"](.*?)['\"]\)", text)
        for extra in given.split(",")
    }
    assert {"cpu", "export", "postgres", "train"} <= named <= set(project["optional-dependencies"])


def test_the_words() -> None:
    assert to_install("export,cpu") == "pip install -e '.[export,cpu]' in the folder of the repository"


def test_every_message_about_a_missing_package_has_them() -> None:
    silent = {
        path.relative_to(ROOT).as_posix()
        for path, text in SOURCES.items()
        if re.search(r"(?:needs|install|takes|with) (?:the|its) extras? ", _messages(text)) and "to_install" not in text
    }
    assert silent == set()


def _messages(text: str) -> str:
    """The source without docstrings and comments: what people may be told."""
    return re.sub(r'"""[\s\S]*?"""|#.*', "", text)
