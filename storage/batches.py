"""A batch as it comes in."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import PassingFault
from models.manifest import Manifest
from models.scoring import scoring_sha256
from storage import audit, policies, predictions
from storage.batch_preparation import Prepared, follow, prepared
from storage.batch_writer import Received, first_free_number, write_rows
from storage.clock import db_now
from storage.closing import close_if_done
from storage.decisions import policy_hash
from storage.name_on_record import expect_same_weights
from storage.schema import Batch, Policy
from storage.states import BatchState


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
    """Prepare a batch and write it, all in this transaction. Returns its id.

    Other writers wait meanwhile: what is large is prepared before (`scheduler.intake.take_in`).
    """
    policy, events = policies.current(session, header.manifest)
    audit.append(session, events)
    held = list(received)
    with prepared(lambda: nullcontext(session), policy, key_of(header.manifest), lambda: held) as ready:
        return write(session, header, ready)


def key_of(manifest: Manifest) -> predictions.Key:
    """Whose predictions a batch reuses."""
    return predictions.Key(manifest.name, manifest.preprocessing, manifest.weights_sha256)


def write(session: Session, header: Header, ready: Prepared) -> str:
    """Write a batch, its images and their chunks: whole in one transaction, or not at all. Returns its id.

    Bytes that this model and its shadow have scored before are decided at once and never queued. Raises PassingFault
    when the database is not the one any more that the batch was prepared for, ModelInvalid when its records have the
    name of the model version with other weights, or scoring otherwise with them.
    """
    audit.lock(session)
    follow(session, ready.head)
    expect_same_weights(session, header.manifest)
    policy = session.get(Policy, ready.policy.id)
    if policy is None or policy_hash(policy) != policy_hash(ready.policy):
        raise PassingFault("the database was replaced by a backup while the batch was prepared; submit it again")
    batch = Batch(
        id=ready.batch_id,
        state=BatchState.OPEN,
        source=header.source,
        source_key=header.source_key,
        site=header.site,
        submitter=header.submitter,
        model=header.manifest.name,
        weights=header.manifest.weights_sha256,
        scoring=scoring_sha256(header.manifest),
        policy_id=ready.policy.id,
        created_at=session.execute(select(db_now(-header.seconds_spent))).scalar_one(),
        export_folder=header.export_folder,
        inbox=header.inbox,
    )
    session.add(batch)
    session.flush()
    submitted: dict[str, str | int | None] = {
        "source": header.source, "actor": header.submitter, "submitter": header.submitter, "site": header.site,
        "model": header.manifest.name, "weights": header.manifest.weights_sha256,
        "scoring": scoring_sha256(header.manifest), "preprocessing": header.manifest.preprocessing,
        "policy": ready.policy.label, "policy_hash": policy_hash(ready.policy),
    }  # fmt: skip
    audit.append(session, [audit.Event("batch.submitted", batch.id, submitted)])
    if ready.images:
        write_rows(session, batch.id, ready.policy.id, first_free_number(session, ready.images), ready.pages())
    close_if_done(session, batch.id)
    return batch.id
