"""First tables

Revision ID: 0001
Revises: 
"""
from alembic import op
import sqlalchemy as sa

from storage.clock import Moment


revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('audit_events',
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('at', Moment(), nullable=False),
    sa.Column('event', sa.String(length=50), nullable=False),
    sa.Column('batch_id', sa.String(length=40), nullable=True),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_audit_events'))
    )
    op.create_index(op.f('ix_audit_events_batch_id'), 'audit_events', ['batch_id'], unique=False)
    op.create_table('policies',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('model', sa.String(length=100), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('threshold', sa.Float(precision=53), nullable=False),
    sa.Column('created_at', Moment(), nullable=False),
    sa.CheckConstraint('threshold >= 0 AND threshold <= 1', name=op.f('ck_policies_threshold_range')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_policies')),
    sa.UniqueConstraint('model', 'name', 'version', name=op.f('uq_policies_model_name_version'))
    )
    op.create_table('predictions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('checksum', sa.String(length=64), nullable=False),
    sa.Column('model', sa.String(length=100), nullable=False),
    sa.Column('preprocessing', sa.String(length=100), nullable=False),
    sa.Column('probability', sa.Float(precision=53), nullable=False),
    sa.Column('ungradable', sa.Text(), nullable=True),
    sa.Column('created_at', Moment(), nullable=False),
    sa.CheckConstraint('probability >= 0 AND probability <= 1', name=op.f('ck_predictions_probability_range')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_predictions')),
    sa.UniqueConstraint('checksum', 'model', 'preprocessing', name=op.f('uq_predictions_checksum_model_preprocessing'))
    )
    op.create_table('schedules',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('folder', sa.Text(), nullable=False),
    sa.Column('cron', sa.String(length=100), nullable=False),
    sa.Column('reports', sa.Text(), nullable=False),
    sa.Column('site', sa.String(length=200), nullable=True),
    sa.Column('submitter', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schedules')),
    sa.UniqueConstraint('folder', name=op.f('uq_schedules_folder'))
    )
    op.create_table('workers',
    sa.Column('id', sa.String(length=200), nullable=False),
    sa.Column('host', sa.String(length=200), nullable=False),
    sa.Column('pid', sa.Integer(), nullable=False),
    sa.Column('device', sa.String(length=20), nullable=False),
    sa.Column('started_at', Moment(), nullable=False),
    sa.Column('seen_at', Moment(), nullable=False),
    sa.Column('stopped_at', Moment(), nullable=True),
    sa.Column('refused', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workers'))
    )
    op.create_table('batches',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('source', sa.String(length=20), nullable=False),
    sa.Column('source_key', sa.String(length=100), nullable=True),
    sa.Column('site', sa.String(length=200), nullable=True),
    sa.Column('submitter', sa.String(length=200), nullable=False),
    sa.Column('model', sa.String(length=100), nullable=False),
    sa.Column('policy_id', sa.Integer(), nullable=False),
    sa.Column('created_at', Moment(), nullable=False),
    sa.Column('closed_at', Moment(), nullable=True),
    sa.Column('export_folder', sa.Text(), nullable=True),
    sa.Column('exported_at', Moment(), nullable=True),
    sa.Column('inbox', sa.Text(), nullable=True),
    sa.Column('moved_at', Moment(), nullable=True),
    sa.ForeignKeyConstraint(['policy_id'], ['policies.id'], name=op.f('fk_batches_policy_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_batches')),
    sa.UniqueConstraint('source_key', name=op.f('uq_batches_source_key'))
    )
    op.create_index(op.f('ix_batches_created_at'), 'batches', ['created_at'], unique=False)
    op.create_index(op.f('ix_batches_state'), 'batches', ['state'], unique=False)
    op.create_table('chunks',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('batch_id', sa.String(length=40), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('faults', sa.Integer(), nullable=False),
    sa.Column('sent_at', Moment(), nullable=True),
    sa.Column('not_before', Moment(), nullable=True),
    sa.Column('lease_until', Moment(), nullable=True),
    sa.Column('holder', sa.String(length=200), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['batch_id'], ['batches.id'], name=op.f('fk_chunks_batch_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_chunks'))
    )
    op.create_index(op.f('ix_chunks_batch_id'), 'chunks', ['batch_id'], unique=False)
    op.create_index('ix_chunks_state_lease_until', 'chunks', ['state', 'lease_until'], unique=False)
    op.create_table('images',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('batch_id', sa.String(length=40), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('image', sa.Text(), nullable=False),
    sa.Column('location', sa.Text(), nullable=False),
    sa.Column('checksum', sa.String(length=64), nullable=True),
    sa.Column('size', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('duplicate_of', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('chunk_id', sa.String(length=32), nullable=True),
    sa.CheckConstraint("state NOT IN ('rejected', 'failed') OR reason IS NOT NULL", name=op.f('ck_images_unscored_has_reason')),
    sa.ForeignKeyConstraint(['batch_id'], ['batches.id'], name=op.f('fk_images_batch_id')),
    sa.ForeignKeyConstraint(['chunk_id'], ['chunks.id'], name=op.f('fk_images_chunk_id')),
    sa.ForeignKeyConstraint(['duplicate_of'], ['images.id'], name=op.f('fk_images_duplicate_of')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_images')),
    sa.UniqueConstraint('batch_id', 'position', name=op.f('uq_images_batch_id_position'))
    )
    op.create_index('ix_images_batch_id_checksum', 'images', ['batch_id', 'checksum'], unique=False)
    op.create_index('ix_images_batch_id_state', 'images', ['batch_id', 'state'], unique=False)
    op.create_index(op.f('ix_images_chunk_id'), 'images', ['chunk_id'], unique=False)
    op.create_table('decisions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('batch_id', sa.String(length=40), nullable=False),
    sa.Column('image_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('prediction_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('policy_id', sa.Integer(), nullable=False),
    sa.Column('outcome', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('created_at', Moment(), nullable=False),
    sa.ForeignKeyConstraint(['batch_id'], ['batches.id'], name=op.f('fk_decisions_batch_id')),
    sa.ForeignKeyConstraint(['image_id'], ['images.id'], name=op.f('fk_decisions_image_id')),
    sa.ForeignKeyConstraint(['policy_id'], ['policies.id'], name=op.f('fk_decisions_policy_id')),
    sa.ForeignKeyConstraint(['prediction_id'], ['predictions.id'], name=op.f('fk_decisions_prediction_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_decisions')),
    sa.UniqueConstraint('image_id', 'policy_id', name=op.f('uq_decisions_image_id_policy_id'))
    )
    op.create_index('ix_decisions_batch_id_policy_id_outcome', 'decisions', ['batch_id', 'policy_id', 'outcome'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_decisions_batch_id_policy_id_outcome', table_name='decisions')
    op.drop_table('decisions')
    op.drop_index(op.f('ix_images_chunk_id'), table_name='images')
    op.drop_index('ix_images_batch_id_state', table_name='images')
    op.drop_index('ix_images_batch_id_checksum', table_name='images')
    op.drop_table('images')
    op.drop_index('ix_chunks_state_lease_until', table_name='chunks')
    op.drop_index(op.f('ix_chunks_batch_id'), table_name='chunks')
    op.drop_table('chunks')
    op.drop_index(op.f('ix_batches_state'), table_name='batches')
    op.drop_index(op.f('ix_batches_created_at'), table_name='batches')
    op.drop_table('batches')
    op.drop_table('workers')
    op.drop_table('schedules')
    op.drop_table('predictions')
    op.drop_table('policies')
    op.drop_index(op.f('ix_audit_events_batch_id'), table_name='audit_events')
    op.drop_table('audit_events')
