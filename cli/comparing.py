"""The numbers of `screen model compare`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.comparison import Pair
    from storage.settings import Settings
    from storage.states import Outcome


def compare(first: str, second: str, limit: int, settings: Settings) -> dict[str, Any]:
    """Agreement of two model versions, each at its default operating point.

    Raises ModelInvalid for unknown names, and for one that the records have with other weights: the scores are theirs.
    """
    from models.catalogue import find
    from models.rounding import decimal
    from storage.comparison import names_of, pairs
    from storage.migrate import open_database
    from storage.name_on_record import expect_same_weights
    from storage.states import Outcome as Each

    manifests = [find(name, settings.home).manifest for name in (first, second)]
    thresholds = [manifest.default.threshold for manifest in manifests]
    database = open_database(settings)
    with database.read() as session:
        for manifest in manifests:
            expect_same_weights(session, manifest)
        both = pairs(session, first, second)
        most = sorted(both, key=lambda pair: pair.difference, reverse=True)[:limit]
        names = names_of(session, [pair.checksum for pair in most])
    outcomes = [pair.outcomes(*thresholds) for pair in both]
    agree = sum(one == other for one, other in outcomes)
    alone = Counter((one, other) for one, other in outcomes if one != other)

    def only(number: int, outcome: Outcome) -> int:
        return sum(count for pair, count in alone.items() if pair[number] == outcome)

    def shown(pair: Pair) -> dict[str, Any]:
        one, other = pair.outcomes(*thresholds)
        return {
            "image": names.get(pair.checksum, ""),
            "checksum": pair.checksum,
            "first": pair.first,
            "second": pair.second,
            "first_outcome": one,
            "second_outcome": other,
        }

    differences = [pair.difference for pair in both]
    return {
        "first": first,
        "second": second,
        "images": len(both),
        "agree": agree,
        "agreement": decimal(agree / len(both)) if both else None,
        "first_outcomes": _counted(one for one, _ in outcomes),
        "second_outcomes": _counted(other for _, other in outcomes),
        "only_first_flags": only(0, Each.FLAGGED),
        "only_second_flags": only(1, Each.FLAGGED),
        "only_first_clears": only(0, Each.CLEAR),
        "only_second_clears": only(1, Each.CLEAR),
        "median_difference": decimal(median(differences)) if both else None,
        "largest_difference": decimal(max(differences)) if both else None,
        "most_different": [shown(pair) for pair in most],
    }


def _counted(outcomes: Iterable[Outcome]) -> dict[str, int]:
    counts = Counter(str(outcome) for outcome in outcomes)
    return {outcome: counts[outcome] for outcome in ("flagged", "clear", "review")}
