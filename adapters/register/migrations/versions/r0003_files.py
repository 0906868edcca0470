"""Where the contents of scans and of signed papers are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the hash of a scan, and the table of signed papers."""
    op.add_column("documents", sa.Column("sha256", sa.String))
    op.create_table(
        "paper_files",
        sa.Column("file_key", sa.String, primary_key=True),
        sa.Column(
            "control_number", sa.String, sa.ForeignKey("cases.control_number"), nullable=False
        ),
        sa.Column("template", sa.String, nullable=False),
        sa.Column("dated", sa.Date, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
    )
    op.create_index("ix_paper_files_control_number", "paper_files", ["control_number"])
