"""Checksums of images are no longer indexed: copies within a batch are found before it is written

Revision ID: 0006
Revises: 0005
"""
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index('ix_images_batch_id_checksum', table_name='images')


def downgrade() -> None:
    op.create_index('ix_images_batch_id_checksum', 'images', ['batch_id', 'checksum'], unique=False)
