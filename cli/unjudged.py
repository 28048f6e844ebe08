"""What whoever reads counts must not overlook: the images that nobody has judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.output import talk

if TYPE_CHECKING:
    from storage.counts import Counts


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def report_command(named: Sequence[str], *options: str) -> str:
    """The command that reports the batches with these ids, or all batches where none is named."""
    return " ".join(["screen report", *named, *options])


def warn_of_unjudged(total: Sequence[Counts], named: Sequence[str], *, all_shown: bool = False) -> None:
    """Say on stderr how many images were for review and how many were not scored, and where to read of each.

    Args:
        total: the counts of the batches.
        named: the ids by which they were asked for, none for all batches.
        all_shown: whether the report at hand holds every image itself.
    """
    command = report_command(named, "--all")
    if review := sum(item.review for item in total):
        listed = "each is in this report" if all_shown else f"`{command}` lists them"
        talk(f"Warning: {_were(review)} not clear and not flagged: a person must look (review); {listed}.")
    if unscored := sum(item.rejected + item.failed for item in total):
        reasons = "this report gives each reason" if all_shown else f"`{command}` gives each reason"
        talk(f"Warning: {_were(unscored)} not scored; {reasons}.")


def say_what_to_read(total: Counts) -> None:
    """Say on stderr, of a complete batch, which report lists its flagged lesions and what nobody has judged."""
    if total.flagged:
        talk(f"`{report_command([total.batch])}` lists the flagged lesions.")
    warn_of_unjudged([total], [total.batch])


def _were(number: int) -> str:
    return f"{plural(number, 'image')} {'was' if number == 1 else 'were'}"
