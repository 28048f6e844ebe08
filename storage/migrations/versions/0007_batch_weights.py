"""The weights that a batch was handed in for, as its audit event has said all along

Revision ID: 0007
Revises: 0006
"""
import json

from alembic import op
import sqlalchemy as sa


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

BATCHES = sa.table('batches', sa.column('id', sa.String), sa.column('weights', sa.String))
EVENTS = sa.table('audit_events', sa.column('event', sa.String), sa.column('body', sa.Text))


def upgrade() -> None:
    op.add_column('batches', sa.Column('weights', sa.String(length=64), nullable=True))
    connection = op.get_bind()
    told = sa.select(EVENTS.c.body).where(EVENTS.c.event == 'batch.submitted')
    bodies = [json.loads(body) for body in connection.scalars(told)]
    for body in bodies:
        if 'weights' in body:
            connection.execute(
                BATCHES.update().where(BATCHES.c.id == body['batch']).values(weights=body['weights'])
            )


def downgrade() -> None:
    op.drop_column('batches', 'weights')
