"""Provenance of predictions, salts and patients of images; what is written once cannot be changed

Revision ID: 0005
Revises: 0004
"""
import sqlalchemy as sa
from alembic import op

from storage.audit.triggers import drop_triggers, make_triggers

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('engines',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('weights', sa.String(length=64), nullable=False),
    sa.Column('libraries', sa.Text(), nullable=False),
    sa.Column('device', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_engines')),
    sa.UniqueConstraint('weights', 'libraries', 'device', name=op.f('uq_engines_weights_libraries_device'))
    )
    # written out: alembic adds no column with a foreign key to a table of SQLite
    op.execute(
        'ALTER TABLE predictions ADD COLUMN engine_id INTEGER'
        ' CONSTRAINT fk_predictions_engine_id REFERENCES engines (id)'
    )
    op.add_column('images', sa.Column('salt', sa.String(length=32), nullable=True))
    op.add_column('images', sa.Column('patient', sa.Text(), nullable=True))
    op.add_column('images', sa.Column('lesion', sa.Text(), nullable=True))
    op.add_column('images', sa.Column('erased_at', sa.DateTime(timezone=True).with_variant(sa.String(length=23), 'sqlite'), nullable=True))
    op.create_index(
        'ix_images_patient', 'images', ['patient'], unique=False,
        sqlite_where=sa.text('patient IS NOT NULL'), postgresql_where=sa.text('patient IS NOT NULL'),
    )
    for statement in make_triggers(op.get_bind().dialect.name):
        op.execute(sa.text(statement.replace(':', '\\:')))


def downgrade() -> None:
    for statement in drop_triggers(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_index('ix_images_patient', table_name='images')
    for column in ('erased_at', 'lesion', 'patient', 'salt'):
        op.drop_column('images', column)
    if op.get_bind().dialect.name == 'postgresql':
        op.drop_column('predictions', 'engine_id')
    else:
        with op.batch_alter_table('predictions', recreate='always') as predictions:
            predictions.drop_column('engine_id')  # and with it the reference
    op.drop_table('engines')
