"""Pages made from hostile names are read by a parser: only our own elements are found, and every name as text."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cli.data_check_html import write_html as write_data_check
from cli.html_report import write_html
from cli.svg import Chart
from models.training.data_check import ClassFacts, DataCheck
from models.training.folder import Unreadable
from storage.batch_writer import Received
from storage.counts import counts
from storage.database import Database

HOSTILE = [
    "<script>alert(1)</script>.jpg",
    '"><img src=x onerror=alert(2)>.jpg',
    "' onmouseover='alert(3)",
    "</title></style></textarea><svg onload=alert(4)>.jpg",
    "javascript:alert(5)//.jpg",
    "<!--<a href=javascript:alert(6)>-->.jpg",
    "{{ 1357 * 2468 }}{% raw %}&lt;b&gt;.jpg",
    "\u202egpj.exe\u2066.jpg",
]
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "details",
    "summary", "div", "p", "span", "b", "i", "br", "small", "h1", "h2", "h3", "bdi", "img", "svg", "rect",
    "line", "text", "g", "path", "polyline", "circle", "table", "thead", "tbody", "tr", "th", "td", "caption",
    "ul", "li", "code", "a", "dl", "dt", "dd",
}  # fmt: skip


class Page(HTMLParser):
    """What a browser would make of a page: elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.comments = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, _data: str) -> None:
        self.comments += 1


def assert_harmless(html: str) -> Page:
    page = Page(html)
    assert page.elements <= ELEMENTS
    assert page.comments == 0
    assert [name for name, _ in page.attributes if name.startswith("on") or name == "srcdoc"] == []
    addresses = [value for name, value in page.attributes if name in ("src", "href", "action", "data", "xlink:href")]
    assert all(address.startswith(("data:image/jpeg;base64,", "data:image/png;base64,", "#")) for address in addresses)
    [policy] = [value for name, value in page.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("; base-uri 'none'; form-action 'none'")
    assert "script" not in policy
    return page


@pytest.mark.parametrize("flagged_only", [True, False])
def test_a_report(
    flagged_only: bool, sqlite_database: Database, submit: Callable[..., str], screen: Callable[..., None]
) -> None:
    checksums = [hashlib.sha256(name.encode()).hexdigest() for name in HOSTILE]
    rows = [
        Received(name, f"/{name}", checksum, 9, patient=name, lesion=name)
        for name, checksum in zip(HOSTILE, checksums, strict=True)
    ]
    rows += [Received(f"bad {name}", f"/{name}", None, None, f"because {name}") for name in HOSTILE]
    batch_id = submit(sqlite_database, rows, site=HOSTILE[1], submitter=HOSTILE[0])
    screen(sqlite_database, dict.fromkeys(HOSTILE, (0.9, None)))
    file = io.StringIO()
    with sqlite_database.read() as session:
        write_html(file, session, [counts(session, batch_id)], flagged_only=flagged_only)
    page = assert_harmless(file.getvalue())
    for name in HOSTILE:
        assert name in page.text or all(part in page.text for part in name.rsplit("/", 1))
        assert flagged_only or f"because {name}" in page.text
    assert HOSTILE[0] in page.text and HOSTILE[1] in page.text
    assert str(1357 * 2468) not in page.text


def test_a_data_check(tmp_path: Path) -> None:
    facts = [ClassFacts(name, 1, 0, 1.0, 0.0, {name: 1}, {name: 1}) for name in HOSTILE]
    bad = [Unreadable(name, HOSTILE[0], name) for name in HOSTILE]
    file = io.StringIO()
    write_data_check(file, DataCheck(facts, [], [], bad, 0, []), tmp_path)
    page = assert_harmless(file.getvalue())
    assert [name for name in HOSTILE if name not in page.text] == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_chart(name: str) -> None:
    page = Page(str(Chart(name, name, name).svg()))
    assert page.elements <= ELEMENTS
    assert [key for key, _ in page.attributes if key.startswith("on")] == []
