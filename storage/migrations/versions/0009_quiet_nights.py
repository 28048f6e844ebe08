"""Which night of a folder was quiet, and since when its time holds

Revision ID: 0009
Revises: 0008
"""
from alembic import op
import sqlalchemy as sa

from storage.clock import Moment


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('schedules', sa.Column('quiet', sa.String(length=16), nullable=True))
    op.add_column('schedules', sa.Column('since', Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column('schedules', 'since')
    op.drop_column('schedules', 'quiet')
