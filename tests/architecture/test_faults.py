"""docs/reliability.md says of every class of error what becomes of the work that met it, and says the truth."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from models.errors import DermscreenError, Handling, handling_of
from storage.chunks import MAX_FAULTS

ROOT = Path(__file__).resolve().parents[2]
TABLE = re.compile(r"^\| `(\w+)` \| ([a-z ]+?) \|", re.MULTILINE)


def classes() -> dict[str, type[DermscreenError]]:
    """All classes of the error tree, wherever they are defined."""
    defined = [
        (path, node)
        for folder in ("models", "storage", "scheduler", "worker", "cli")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    found: dict[str, type[DermscreenError]] = {"DermscreenError": DermscreenError}
    while True:
        new = {
            node.name: getattr(import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)), node.name)
            for path, node in defined
            if node.name not in found and any(isinstance(base, ast.Name) and base.id in found for base in node.bases)
        }
        if not new:
            return found
        found |= new


def section() -> str:
    text = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    return text.partition("## Which faults are tried again\n")[2].partition("\n## ")[0]


def test_the_table_is_that_of_the_classes() -> None:
    assert dict(TABLE.findall(section())) == {name: str(kind.handling) for name, kind in classes().items()}


def test_the_cap_is_the_one_that_is_documented() -> None:
    assert f"after {MAX_FAULTS} counted attempts" in section()


@pytest.mark.parametrize("error", [MemoryError(), ZeroDivisionError(), OSError(), KeyError("x")])
def test_what_nobody_foresaw_is_counted(error: Exception) -> None:
    assert handling_of(error) is Handling.COUNTED


def test_the_class_alone_decides() -> None:
    for kind in classes().values():
        assert handling_of(kind("any text")) is kind.handling
