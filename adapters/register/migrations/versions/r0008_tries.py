"""How often a notice may have been sent, so that nobody gets it a third time."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Count what is under way as tried once."""
    op.add_column(
        "deliveries", sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("1"))
    )
