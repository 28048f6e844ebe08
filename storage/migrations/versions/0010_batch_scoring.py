"""What a batch was handed in for beside the weights: calibration, limit of unlike pictures and all else that scores

Revision ID: 0010
Revises: 0009
"""
from alembic import op
import sqlalchemy as sa


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('batches', sa.Column('scoring', sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column('batches', 'scoring')
