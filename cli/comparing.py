"""The numbers of `screen model compare`."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.settings import Settings


def compare(first: str, second: str, limit: int, settings: Settings) -> dict[str, Any]:
    """Agreement of two model versions, each at its default operating point. Raises ModelInvalid for unknown names."""
    from models.catalogue import find
    from models.rounding import decimal
    from storage.comparison import names_of, pairs
    from storage.migrate import open_database

    thresholds = [find(name, settings.home).manifest.default.threshold for name in (first, second)]
    database = open_database(settings)
    with database.read() as session:
        both = pairs(session, first, second)
        most = sorted(both, key=lambda pair: pair.difference, reverse=True)[:limit]
        names = names_of(session, [pair.checksum for pair in most])
    flags = [(pair.first >= thresholds[0], pair.second >= thresholds[1]) for pair in both]
    agree = sum(one == other for one, other in flags)
    differences = [pair.difference for pair in both]
    return {
        "first": first,
        "second": second,
        "images": len(both),
        "agree": agree,
        "agreement": decimal(agree / len(both)) if both else None,
        "only_first_flags": sum(one and not other for one, other in flags),
        "only_second_flags": sum(other and not one for one, other in flags),
        "median_difference": decimal(median(differences)) if both else None,
        "largest_difference": decimal(max(differences)) if both else None,
        "most_different": [
            {
                "image": names.get(pair.checksum, ""),
                "checksum": pair.checksum,
                "first": pair.first,
                "second": pair.second,
            }
            for pair in most
        ],
    }
