"""Which night of a folder was quiet

Revision ID: 0009
Revises: 0008
"""
from alembic import op
import sqlalchemy as sa


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('schedules', sa.Column('quiet', sa.String(length=16), nullable=True))


def downgrade() -> None:
    op.drop_column('schedules', 'quiet')
