"""The tables. Migrations under ``storage/migrations`` create them; a test compares the two."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storage.clock import Moment

# SQLite gives row ids to INTEGER PRIMARY KEY alone, PostgreSQL needs 8 bytes for a million images a night
BigId = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Policy(Base):
    """A threshold policy version: the operating point that judges. Never changed, only followed by a new version."""

    __tablename__ = "policies"
    __table_args__ = (
        UniqueConstraint("model", "name", "version"),
        CheckConstraint("threshold >= 0 AND threshold <= 1", name="threshold_range"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(100))  # of the operating point
    version: Mapped[int]
    threshold: Mapped[float] = mapped_column(Float(53))
    created_at: Mapped[datetime] = mapped_column(Moment)

    @property
    def label(self) -> str:
        return f"{self.name}/{self.version}"


class Batch(Base):
    """Images handed in together."""

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(20), index=True)
    source: Mapped[str] = mapped_column(String(20))  # submit, inbox or nightly
    source_key: Mapped[str | None] = mapped_column(String(100), unique=True)  # a redelivered night is one batch
    site: Mapped[str | None] = mapped_column(String(200))
    submitter: Mapped[str] = mapped_column(String(200))
    model: Mapped[str] = mapped_column(String(100))
    weights: Mapped[str | None] = mapped_column(String(64))  # SHA-256 of those it was handed in for
    scoring: Mapped[str | None] = mapped_column(String(64))  # and of all that decides about a probability with them
    policy_id: Mapped[int] = mapped_column(ForeignKey("policies.id"))
    created_at: Mapped[datetime] = mapped_column(Moment, index=True)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    export_folder: Mapped[str | None] = mapped_column(Text)  # where its CSV is due when it is complete
    exported_at: Mapped[datetime | None] = mapped_column(Moment)
    inbox: Mapped[str | None] = mapped_column(Text)  # the watched folder it came from
    moved_at: Mapped[datetime | None] = mapped_column(Moment)  # when its files had left the inbox


class Chunk(Base):
    """Images screened in one task. Its id is all that goes over the wire."""

    __tablename__ = "chunks"
    __table_args__ = (
        Index("ix_chunks_state_lease_until", "state", "lease_until"),
        Index("ix_chunks_state_sent_at", "state", "sent_at"),  # messages that are overdue
        Index("ix_chunks_batch_id_state_sent_at", "batch_id", "state", "sent_at"),  # what of a batch is to be sent
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"))
    state: Mapped[str] = mapped_column(String(20))
    attempt: Mapped[int] = mapped_column(default=0)  # the fence: who holds an older one may not write
    faults: Mapped[int] = mapped_column(default=0)  # attempts that ended by our own fault; capped
    sent_at: Mapped[datetime | None] = mapped_column(Moment)
    not_before: Mapped[datetime | None] = mapped_column(Moment)  # backoff after a passing fault
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    holder: Mapped[str | None] = mapped_column(String(200))  # storage.processes.identity() of the claimer
    reason: Mapped[str | None] = mapped_column(Text)  # why the last attempt ended without a result


class Image(Base):
    """One file of a batch."""

    __tablename__ = "images"
    __table_args__ = (
        UniqueConstraint("batch_id", "position"),
        Index("ix_images_batch_id_state", "batch_id", "state"),
        Index(
            "ix_images_patient",
            "patient",
            sqlite_where=text("patient IS NOT NULL"),
            postgresql_where=text("patient IS NOT NULL"),
        ),
        Index(
            "ix_images_duplicate_of",
            "duplicate_of",
            sqlite_where=text("duplicate_of IS NOT NULL"),
            postgresql_where=text("duplicate_of IS NOT NULL"),
        ),
        CheckConstraint("state NOT IN ('rejected', 'failed') OR reason IS NOT NULL", name="unscored_has_reason"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"))
    position: Mapped[int]  # order within the batch, from 0
    image: Mapped[str] = mapped_column(Text)  # path as submitted
    location: Mapped[str] = mapped_column(Text)  # absolute path or URL where workers read it
    checksum: Mapped[str | None] = mapped_column(String(64))  # SHA-256 of the bytes at intake; none if unreadable
    size: Mapped[int | None] = mapped_column(BigInteger)  # bytes
    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Text)
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("images.id"))  # also of one that stands in for it
    chunk_id: Mapped[str | None] = mapped_column(ForeignKey("chunks.id"), index=True)
    salt: Mapped[str | None] = mapped_column(String(32))  # of the digests on the audit chain; none once erased
    patient: Mapped[str | None] = mapped_column(Text)  # pseudonym
    lesion: Mapped[str | None] = mapped_column(Text)  # pseudonym; a skin site of the patient
    erased_at: Mapped[datetime | None] = mapped_column(Moment)


class Engine(Base):
    """What predictions were computed with."""

    __tablename__ = "engines"
    __table_args__ = (UniqueConstraint("weights", "libraries", "device"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    weights: Mapped[str] = mapped_column(String(64))  # SHA-256
    libraries: Mapped[str] = mapped_column(Text)
    device: Mapped[str] = mapped_column(Text)


class Prediction(Base):
    """What a network said about bytes, once for ever: one row for each checksum, model version and preprocessing."""

    __tablename__ = "predictions"
    __table_args__ = (
        UniqueConstraint("checksum", "model", "preprocessing"),
        CheckConstraint("probability >= 0 AND probability <= 1", name="probability_range"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    checksum: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(100))
    preprocessing: Mapped[str] = mapped_column(String(100))
    probability: Mapped[float] = mapped_column(Float(53))  # of malignant, six decimals
    ungradable: Mapped[str | None] = mapped_column(Text)  # why the picture cannot be graded, if so
    classes: Mapped[str | None] = mapped_column(Text)  # JSON, class -> probability, six decimals; none if binary
    created_at: Mapped[datetime] = mapped_column(Moment)
    engine_id: Mapped[int | None] = mapped_column(ForeignKey("engines.id"))  # none of before schema 0005


class Decision(Base):
    """What a policy made of a prediction for one image."""

    __tablename__ = "decisions"
    __table_args__ = (
        UniqueConstraint("image_id", "policy_id"),
        Index("ix_decisions_batch_id_policy_id_outcome", "batch_id", "policy_id", "outcome"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    prediction_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"))
    policy_id: Mapped[int] = mapped_column(ForeignKey("policies.id"))
    outcome: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Text)  # why we abstain
    created_at: Mapped[datetime] = mapped_column(Moment)


class Worker(Base):
    """A worker that said it is alive."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)  # storage.processes.identity()
    host: Mapped[str] = mapped_column(String(200))
    pid: Mapped[int]
    device: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime] = mapped_column(Moment)
    seen_at: Mapped[datetime] = mapped_column(Moment)
    stopped_at: Mapped[datetime | None] = mapped_column(Moment)
    refused: Mapped[str | None] = mapped_column(Text)  # why it refuses to screen


class Schedule(Base):
    """A folder that becomes a batch at a cron time."""

    __tablename__ = "schedules"

    id: Mapped[int] = mapped_column(primary_key=True)
    folder: Mapped[str] = mapped_column(Text, unique=True)
    cron: Mapped[str] = mapped_column(String(100))  # empty: taken off the timetable
    reports: Mapped[str] = mapped_column(Text)
    site: Mapped[str | None] = mapped_column(String(200))
    submitter: Mapped[str] = mapped_column(String(200))
    quiet: Mapped[str | None] = mapped_column(String(16))  # the last minute that was due and found no photograph
    since: Mapped[datetime | None] = mapped_column(Moment)  # its time holds; None: set before this was noted


class Activation(Base):
    """A model version taking a role. Append-only: the latest row of a role counts."""

    __tablename__ = "activations"

    id: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(20))  # storage.states.Role, or the switch of storage.pause
    model: Mapped[str | None] = mapped_column(String(100))  # none: nobody has the role any more
    actor: Mapped[str] = mapped_column(String(200))
    activated_at: Mapped[datetime] = mapped_column(Moment)


class AuditEvent(Base):
    """One link of the hash chain. ``body`` is the stored text that was hashed."""

    __tablename__ = "audit_events"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Moment)
    event: Mapped[str] = mapped_column(String(50))
    batch_id: Mapped[str | None] = mapped_column(String(40), index=True)
    body: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
