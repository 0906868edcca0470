"""Who sends which notice, and what became of it, where two steps may be given the same."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table; cases begun before tell it nothing."""
    op.create_table(
        "deliveries",
        sa.Column("control_number", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivery", sa.String),
        sa.Column("reason", sa.String, nullable=False),
    )
