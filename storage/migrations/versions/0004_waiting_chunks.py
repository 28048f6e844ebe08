"""Indexes that find the chunks that are due without a look at all that wait

Revision ID: 0004
Revises: 0003
"""
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_chunks_batch_id_state_sent_at', 'chunks', ['batch_id', 'state', 'sent_at'], unique=False)
    op.create_index('ix_chunks_state_sent_at', 'chunks', ['state', 'sent_at'], unique=False)
    op.drop_index('ix_chunks_batch_id', table_name='chunks')


def downgrade() -> None:
    op.create_index('ix_chunks_batch_id', 'chunks', ['batch_id'], unique=False)
    op.drop_index('ix_chunks_state_sent_at', table_name='chunks')
    op.drop_index('ix_chunks_batch_id_state_sent_at', table_name='chunks')
