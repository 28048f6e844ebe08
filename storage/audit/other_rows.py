"""Whether the few rows that decide about many say what the audit events say: batches, policies, roles."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import ProofBroken
from models.rounding import text
from storage.schema import Activation, Batch, Policy
from storage.states import BatchState

Facts = Mapping[str, str | int]
_HEADER = ("source", "submitter", "site", "model", "policy", "weights", "scoring")
_PAUSES = ("site.paused", "site.resumed")


class OtherRows:
    """Takes every event in order, then checks the rows."""

    def __init__(self) -> None:
        self._batches: dict[str, tuple[int, list[str | int | None]]] = {}
        self._complete: dict[str, bool] = {}
        self._policies: dict[tuple[str | int, str | int], tuple[int, str | int]] = {}
        self._roles: list[tuple[int, str, str | int | None]] = []

    def take(self, seq: int, body: Facts) -> None:
        name, batch = str(body["event"]), str(body["batch"])
        if name == "batch.submitted":
            self._batches[batch] = seq, [body.get(fact) for fact in _HEADER]
        if name in ("batch.submitted", "batch.retried", "batch.completed"):
            self._complete[batch] = name == "batch.completed"
        elif name == "policy.changed":
            self._policies[body["model"], body["policy"]] = seq, body["new"]
        elif name == "model.activated":
            self._roles.append((seq, str(body["role"]), body.get("new")))
        elif name in _PAUSES:
            self._roles.append((seq, "pause", "on" if name == "site.paused" else None))

    def check(self, session: Session) -> None:
        """Raises ProofBroken naming the row and the event that disagree."""
        self._check_policies(session)
        self._check_roles(session)
        self._check_batches(session)

    def _check_policies(self, session: Session) -> None:
        told = dict(self._policies)
        for row in session.scalars(select(Policy).order_by(Policy.id)):
            seq, threshold = told.pop((row.model, row.label), (None, None))
            if seq is None:
                raise ProofBroken(f"policy {row.label} of {row.model} has no audit event: its row was inserted")
            if threshold != text(row.threshold):
                raise ProofBroken(
                    f"policy {row.label} of {row.model}: its row says threshold {text(row.threshold)}, "
                    f"audit event {seq} says {threshold}"
                )
        for (model, label), (seq, _) in told.items():
            raise ProofBroken(f"policy {label} of {model}, audit event {seq}, is no longer in the database")

    def _check_roles(self, session: Session) -> None:
        rows = session.execute(select(Activation.role, Activation.model).order_by(Activation.id)).all()
        for row, (seq, role, model) in zip(rows, self._roles, strict=False):
            if (row.role, row.model) != (role, model):
                raise ProofBroken(
                    f"audit event {seq} gives the role {role} to {model or 'nobody'}, its row says {row.role} "
                    f"and {row.model or 'nobody'}"
                )
        if len(rows) > len(self._roles):
            last = rows[len(self._roles)]
            raise ProofBroken(f"the role {last.role} of {last.model or 'nobody'} has no audit event: row inserted")
        if len(rows) < len(self._roles):
            seq, role, _ = self._roles[len(rows)]
            raise ProofBroken(f"the role {role} of audit event {seq} is no longer in the database")

    def _check_batches(self, session: Session) -> None:
        told = dict(self._batches)
        rows = session.execute(select(Batch, Policy).join(Policy, Batch.policy_id == Policy.id).order_by(Batch.id))
        for batch, policy in rows:
            seq, header = told.pop(batch.id, (None, [None, None]))
            if seq is None:
                raise ProofBroken(f"batch {batch.id} has no audit event: its row was inserted")
            # a process of an older release, still at work after the upgrade, writes neither of these into the row
            numbers = [batch.weights or header[-2], batch.scoring or header[-1]]
            if [batch.source, batch.submitter, batch.site, batch.model, policy.label, *numbers] != header:
                raise ProofBroken(f"batch {batch.id}: its row disagrees with audit event {seq}, batch.submitted")
            if (batch.state == BatchState.COMPLETE) != self._complete[batch.id]:
                raise ProofBroken(f"batch {batch.id}: its row says {batch.state}, its audit events do not")
        for batch_id, (seq, _) in told.items():
            raise ProofBroken(f"batch {batch_id} of audit event {seq} is no longer in the database")
