"""A small square chart as inline SVG: both axes from 0 to 1, all text escaped, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 400, 372  # of the whole chart, in its own units
LEFT, TOP, SIDE = 64, 14, 300  # of the square between the axes
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

Point = tuple[float, float]


class Chart:
    """Draws in data coordinates, 0..1 on both axes; ``svg()`` gives the finished picture."""

    def __init__(self, title: str, x: str, y: str) -> None:
        """``title`` is read out by screen readers; ``x`` and ``y`` name the axes."""
        self._title = title
        self._parts: list[Markup] = []
        for tick in TICKS:
            across, up = _x(tick), _y(tick)
            self._add('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>', across, across, _y(0), _y(1))
            self._add('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>', _x(0), _x(1), up, up)
            label = f"{tick:.0%}".replace("%", " %")
            self._add('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>', across, _y(0) + 18, label)
            self._add('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>', LEFT - 8, up + 4, label)
        self._add('<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>', _x(0.5), HEIGHT - 14, x)
        middle = _y(0.5)
        self._add(
            '<text class="axis" x="14" y="{}" text-anchor="middle" transform="rotate(-90 14 {})">{}</text>',
            middle,
            middle,
            y,
        )

    def _add(self, template: str, *values: object) -> None:
        # every template is a literal of this file; the values are escaped
        piece = Markup(template)  # noqa: S704  # nosec B704
        self._parts.append(piece.format(*values))

    def line(self, points: Sequence[Point], kind: str) -> None:
        """A line through points; ``kind`` is its class: ``curve``, ``chance`` or ``ideal``."""
        path = " ".join(f"{_x(x)},{_y(y)}" for x, y in points)
        self._add('<polyline class="{}" points="{}"/>', kind, path)

    def dot(self, x: float, y: float, kind: str = "point", size: float = 4.5, tip: str = "") -> None:
        """A dot with a text that a pointer brings up."""
        self._add('<circle class="{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>', kind, _x(x), _y(y), size, tip)

    def whisker(self, x: float, low: float, high: float) -> None:
        """An upright line from low to high: an interval."""
        self._add('<line class="whisker" x1="{}" x2="{}" y1="{}" y2="{}"/>', _x(x), _x(x), _y(low), _y(high))

    def bar(self, low: float, high: float, height: float, tip: str) -> None:
        """A column from the lower axis, between two places of it."""
        left, top = _x(low), _y(height)
        self._add(
            '<rect class="column" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
            left + 1,
            top,
            round(_x(high) - left - 2, 1),
            round(_y(0) - top, 1),
            tip,
        )

    def note(self, x: float, y: float, text: str, *, kind: str = "label", anchor: str = "start") -> None:
        """A text whose foot stands at a place."""
        self._add('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>', kind, _x(x), _y(y), anchor, text)

    def svg(self) -> Markup:
        """The chart."""
        return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
            WIDTH, HEIGHT, self._title, Markup("").join(self._parts)
        )


def _x(value: float) -> float:
    return round(LEFT + SIDE * value, 1)


def _y(value: float) -> float:
    return round(TOP + SIDE * (1 - value), 1)
