"""The tables of the register as they are now; `migrations` leads there from every older state."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)


class Moment(TypeDecorator[datetime]):
    """An aware moment, UTC on the way in and out; SQLite itself knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the library's signature
        """What is stored."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the library's signature
        """What was stored."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


METADATA = MetaData()

cases = Table(
    "cases",
    METADATA,
    Column("control_number", String, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("submission_id", String),
    Column("submitted_at", Moment, nullable=False, index=True),
    Column("status", String, nullable=False),
    Column("route", String, nullable=False),
    Column("region", String, nullable=False),
    Column("holder", String, nullable=False),
    Column("assignee", String),
    Column("overdue", Boolean, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("due_on", Date),
    Column("provisional", Boolean, nullable=False),
    Column("ended_at", Moment),
    Column("view", JSON, nullable=False),
)


def _case(*, primary_key: bool = False) -> Column[str]:
    """The case a row belongs to."""
    return Column(
        "control_number",
        ForeignKey("cases.control_number"),
        primary_key=primary_key,
        nullable=False,
    )


case_events = Table(
    "case_events",
    METADATA,
    _case(primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("event", String, nullable=False),
    Column("detail", String, nullable=False),
)

charges = Table(
    "charges",
    METADATA,
    _case(primary_key=True),
    Column("invoice_id", String, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("amount", Integer, nullable=False),
    Column("void", Boolean, nullable=False),
    Column("payment_id", String),
    Column("paid", Integer, nullable=False),
    Column("refund_id", String),
    Column("refunded", Integer, nullable=False),
)

documents = Table(
    "documents",
    METADATA,
    _case(primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", String),
)

confirmations = Table(
    "confirmations",
    METADATA,
    Column("control_number", String, primary_key=True),  # a code may be sent before the case is
    Column("salt", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("codes_sent", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("locked_until", Moment),
    Column("confirmed_at", Moment),
)

papers = Table(
    "papers",
    METADATA,
    Column("paper_id", String, primary_key=True),
    _case(),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("series", String, nullable=False),
    Column("number", String, nullable=False),
    Column("registration_number", String, nullable=False),
    Column("issued_on", Date),
    Column("valid_until", Date),
    Column("changed_on", Date, nullable=False),
    Column("annulled_by", Integer),  # revision of the record that annulled it
    Index("ix_papers_control_number", "control_number"),
    Index(
        "uq_papers_duplicate",
        "series",
        "number",
        unique=True,
        sqlite_where=text("kind = 'duplicate' AND number <> ''"),
        postgresql_where=text("kind = 'duplicate' AND number <> ''"),
    ),
)

paper_files = Table(
    "paper_files",
    METADATA,
    Column("file_key", String, primary_key=True),
    _case(),
    Column("template", String, nullable=False),
    Column("dated", Date, nullable=False),
    Column("sha256", String, nullable=False),
    Index("ix_paper_files_control_number", "control_number"),
)

federal_rows = Table(
    "federal_rows",
    METADATA,
    _case(primary_key=True),
    Column("issued_on", Date, nullable=False, index=True),
    Column("content", Text, nullable=False),  # all that is personal in the register, in one piece
)

calendar_years = Table(
    "calendar_years",
    METADATA,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("days_off", JSON, nullable=False),
    Column("working_days", JSON, nullable=False),
)
