"""Cases with their timeline, charges and documents, and the one-time codes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "cases",
        sa.Column("control_number", sa.String, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("submission_id", sa.String),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("region", sa.String, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("assignee", sa.String),
        sa.Column("overdue", sa.Boolean, nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("due_on", sa.Date),
        sa.Column("provisional", sa.Boolean, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("view", sa.JSON, nullable=False),
    )
    op.create_table(
        "case_events",
        _part_of_a_case(),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
    )
    op.create_table(
        "charges",
        _part_of_a_case(),
        sa.Column("invoice_id", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("amount", sa.Integer, nullable=False),
        sa.Column("void", sa.Boolean, nullable=False),
        sa.Column("payment_id", sa.String),
        sa.Column("paid", sa.Integer, nullable=False),
        sa.Column("refund_id", sa.String),
        sa.Column("refunded", sa.Integer, nullable=False),
    )
    op.create_table(
        "documents",
        _part_of_a_case(),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
    )
    op.create_table(
        "confirmations",
        sa.Column("control_number", sa.String, primary_key=True),
        sa.Column("salt", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("codes_sent", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True)),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
    )


def _part_of_a_case() -> sa.Column[str]:
    return sa.Column(
        "control_number", sa.String, sa.ForeignKey("cases.control_number"), primary_key=True
    )
