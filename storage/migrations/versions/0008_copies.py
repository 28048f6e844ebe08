"""Copies are found by their original

Revision ID: 0008
Revises: 0007
"""
from alembic import op
import sqlalchemy as sa


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

COPIES = sa.text('duplicate_of IS NOT NULL')


def upgrade() -> None:
    op.create_index(
        'ix_images_duplicate_of', 'images', ['duplicate_of'], unique=False, sqlite_where=COPIES, postgresql_where=COPIES
    )


def downgrade() -> None:
    op.drop_index('ix_images_duplicate_of', table_name='images')
