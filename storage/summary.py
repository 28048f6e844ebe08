"""What a nightly run says in words beside its CSV of flagged lesions: the counts, and every image that nobody judged.

A CSV of flagged lesions alone looks the same after a night in which nothing was found and one in which nothing could
be read.
"""

from __future__ import annotations

from typing import IO

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.printable import printable
from models.rounding import text
from storage.copies import unscreened_copies
from storage.counts import counts
from storage.report import NOTICE, rows
from storage.schema import AuditEvent, Batch, Policy
from storage.states import ImageState, Outcome

LISTED = (Outcome.REVIEW, ImageState.REJECTED, ImageState.FAILED)


def write_summary(file: IO[str], session: Session, batch_id: str, flagged: str) -> None:
    """Write the summary of a complete batch as plain text, an image a line whatever its name holds.

    ``flagged``: the name of the CSV of flagged lesions beside it. The same batch gives the same text again.
    """
    total, batch = counts(session, batch_id), session.get_one(Batch, batch_id)
    policy = session.get_one(Policy, batch.policy_id)
    site = f", site {printable(batch.site)}" if batch.site else ""
    lines = [
        f"Batch {batch_id}, taken in {batch.created_at:%Y-%m-%d %H:%M} UTC by {printable(batch.submitter)}{site}",
        f"Model {batch.model}, policy {policy.label}, threshold {text(policy.threshold)}",
        "",
        NOTICE,
        "A clinician must judge every lesion. Clear means a probability below the threshold: it is no all-clear.",
        "",
        total.equation,
        f"{total.screened} screened = {total.flagged} flagged + {total.review} for review + {total.clear} clear",
        "",
        f"The flagged lesions stand in {flagged}.",
    ]
    unjudged = total.review + total.rejected + total.failed + unscreened_copies(session, batch_id)
    lines += [f"Not judged, and a person must look: {unjudged or 'none'}", ""]
    file.writelines(f"{line}\n" for line in lines)
    if unjudged:
        for row in rows(session, [batch_id], flagged_only=False):
            if row.outcome in LISTED or row.unscreened_copy:
                file.write(f"  {row.outcome:<8}  {printable(row.image)}: {printable(row.reason)}\n")
        file.write("\n")
    file.write(f"Audit trail when the batch was complete: {_trail(session, batch_id)}\n")


def _trail(session: Session, batch_id: str) -> str:
    """The chain's end with the event that closed the batch, as SIZE:HASH."""
    closing = (
        select(AuditEvent.seq, AuditEvent.hash)
        .where(AuditEvent.batch_id == batch_id, AuditEvent.event == "batch.completed")
        .order_by(AuditEvent.seq.desc())
        .limit(1)
    )
    size, head = session.execute(closing).one()
    return f"{size}:{head}"
