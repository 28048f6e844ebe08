"""A batch as it comes in."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.manifest import Manifest
from storage import audit, policies, predictions
from storage.batch_writer import BatchWriter, Received
from storage.clock import db_now
from storage.closing import close_if_done
from storage.decisions import policy_hash
from storage.paging import pages
from storage.schema import Batch, Policy
from storage.states import BatchState

PAGE = 960  # rows an INSERT (15 chunks): memory stays flat however large the batch


@dataclass(frozen=True)
class Header:
    """Whose batch it is and what screens it."""

    source: str
    submitter: str
    manifest: Manifest
    site: str | None = None
    source_key: str | None = None
    export_folder: str | None = None
    inbox: str | None = None  # set: the files still have to be moved out of it before they are screened
    seconds_spent: float = 0.0  # reading and hashing before the transaction; counts as the batch's time


def batch_and_policy(session: Session, batch_id: str) -> tuple[Batch, Policy]:
    """A batch that exists, and the threshold policy that judges it."""
    query = select(Batch, Policy).join(Policy, Batch.policy_id == Policy.id).where(Batch.id == batch_id)
    batch, policy = session.execute(query).one()
    return batch, policy


def create(session: Session, header: Header, received: Iterable[Received]) -> str:
    """Write a batch, its images and their chunks: whole in one transaction, or not at all. Returns its id.

    Bytes that this model has scored before are decided at once and never queued.
    """
    policy, events = policies.current(session, header.manifest)
    batch = Batch(
        id=f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        state=BatchState.OPEN,
        source=header.source,
        source_key=header.source_key,
        site=header.site,
        submitter=header.submitter,
        model=header.manifest.name,
        policy_id=policy.id,
        created_at=session.execute(select(db_now(-header.seconds_spent))).scalar_one(),
        export_folder=header.export_folder,
        inbox=header.inbox,
    )
    session.add(batch)
    session.flush()
    submitted: dict[str, str | int | None] = {
        "source": header.source, "actor": header.submitter, "submitter": header.submitter, "site": header.site,
        "model": header.manifest.name, "weights": header.manifest.weights_sha256,
        "preprocessing": header.manifest.preprocessing, "policy": policy.label, "policy_hash": policy_hash(policy),
    }  # fmt: skip
    audit.append(session, [*events, audit.Event("batch.submitted", batch.id, submitted)])
    writer = BatchWriter(
        session, batch.id, policy, predictions.Key(header.manifest.name, header.manifest.preprocessing)
    )
    for page in pages(enumerate(received), PAGE):
        # the chain is appended page by page here: a million events at once would not be flat in memory
        audit.append(session, writer.write(page))
    close_if_done(session, batch.id)
    return batch.id
