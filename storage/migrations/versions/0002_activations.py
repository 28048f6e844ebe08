"""Which model version is active, and which runs in its shadow

Revision ID: 0002
Revises: 0001
"""
from alembic import op
import sqlalchemy as sa

from storage.clock import Moment


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('activations',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('model', sa.String(length=100), nullable=True),
    sa.Column('actor', sa.String(length=200), nullable=False),
    sa.Column('activated_at', Moment(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_activations'))
    )


def downgrade() -> None:
    op.drop_table('activations')
