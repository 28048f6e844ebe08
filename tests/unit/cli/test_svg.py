"""A small chart: places, and everything escaped."""

from __future__ import annotations

from xml.etree import ElementTree

from cli.svg import HEIGHT, LEFT, SIDE, TOP, WIDTH, Chart


def test_places() -> None:
    chart = Chart("title", "x", "y")
    chart.line([(0, 0), (0.5, 1), (1, 0.25)], "curve")
    chart.dot(0.25, 0.75, tip="here")
    chart.whisker(0.5, 0, 1)
    chart.bar(0, 0.1, 0.5, "12 images")
    root = ElementTree.fromstring(str(chart.svg()))
    assert root.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    line, dot = root.find("polyline"), root.find("circle")
    assert line is not None and dot is not None
    bottom = TOP + SIDE
    points = [tuple(map(float, place.split(","))) for place in (line.get("points") or "").split()]
    assert points == [(LEFT, bottom), (LEFT + SIDE / 2, TOP), (LEFT + SIDE, bottom - SIDE / 4)]
    assert (float(dot.get("cx") or 0), float(dot.get("cy") or 0)) == (LEFT + SIDE / 4, TOP + SIDE / 4)
    assert dot.findtext("title") == "here"
    column = root.find("rect")
    assert column is not None
    assert (float(column.get("y") or 0), float(column.get("height") or 0)) == (TOP + SIDE / 2, SIDE / 2)
    assert [text.text for text in root.findall("text")][-2:] == ["x", "y"]


def test_everything_is_escaped() -> None:
    evil = '"><script>alert(1)</script>'
    chart = Chart(evil, evil, evil)
    chart.note(0, 0, evil)
    chart.dot(0, 0, tip=evil)
    text = str(chart.svg())
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 5
    ElementTree.fromstring(text)
