"""Papers, the rows of the federal register, and working days loaded by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "papers",
        sa.Column("paper_id", sa.String, primary_key=True),
        sa.Column(
            "control_number", sa.String, sa.ForeignKey("cases.control_number"), nullable=False
        ),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("series", sa.String, nullable=False),
        sa.Column("number", sa.String, nullable=False),
        sa.Column("registration_number", sa.String, nullable=False),
        sa.Column("issued_on", sa.Date),
        sa.Column("valid_until", sa.Date),
        sa.Column("changed_on", sa.Date, nullable=False),
        sa.Column("annulled_by", sa.Integer),
    )
    op.create_index("ix_papers_control_number", "papers", ["control_number"])
    numbered_duplicates = sa.text("kind = 'duplicate' AND number <> ''")
    op.create_index(
        "uq_papers_duplicate",
        "papers",
        ["series", "number"],
        unique=True,
        sqlite_where=numbered_duplicates,
        postgresql_where=numbered_duplicates,
    )
    op.create_table(
        "federal_rows",
        sa.Column(
            "control_number", sa.String, sa.ForeignKey("cases.control_number"), primary_key=True
        ),
        sa.Column("issued_on", sa.Date, nullable=False, index=True),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "calendar_years",
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("days_off", sa.JSON, nullable=False),
        sa.Column("working_days", sa.JSON, nullable=False),
    )
