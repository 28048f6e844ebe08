"""The counts of a batch, for scripts and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import output

if TYPE_CHECKING:
    from storage.counts import Counts


def show_counts(total: Counts, *, as_json: bool, **further: Any) -> None:
    """Print the counts on stdout: one JSON object, with ``further`` keys, or a few lines."""
    if as_json:
        output.data_json(total.as_json() | further)
        return
    output.data(f"batch      {total.batch} ({total.state}, {total.seconds:.1f} s)")
    output.data(f"flagged    {total.flagged}   clear {total.clear}   review {total.review}")
    if total.state == "complete":
        output.data(f"equation   {total.equation}")
    else:
        open_images = total.received - total.finished
        output.data(f"so far     {total.equation.replace(' = ', ', of them ')}, {open_images} still waiting")
