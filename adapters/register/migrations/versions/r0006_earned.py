"""Which payments are for work that is done, and are not given back any more."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the mark; no payment had it before."""
    earned = sa.Column("earned", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("charges", earned)
