"""The tables of the register as they are now; `migrations` leads there from every older state."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

from adapters.moments import Moment

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
    Column("sealed_view", LargeBinary),  # empty once erased, here and below
    Column("consent_withdrawn_at", Moment),
    Column("erased_at", Moment),
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
    Column("earned", Boolean, nullable=False),
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

deliveries = Table(
    "deliveries",
    METADATA,
    Column("control_number", String, primary_key=True),  # a mail may be sent before the record is
    Column("key", String, primary_key=True),
    Column("step", String, nullable=False),
    Column("claimed_at", Moment, nullable=False),
    Column("delivery", String),  # empty while it is being sent
    Column("reason", String, nullable=False),
    Column("tries", Integer, nullable=False),  # how often it may have been sent
)

papers = Table(
    "papers",
    METADATA,
    Column("paper_id", String, primary_key=True),
    _case(),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("sealed_numbers", LargeBinary),
    Column("number_index", String),  # stays: a number given once is never given again
    Column("issued_on", Date),
    Column("valid_until", Date),
    Column("changed_on", Date, nullable=False),
    Column("annulled_by", Integer),  # revision of the record that annulled it
    Index("ix_papers_control_number", "control_number"),
    Index("uq_papers_number_index", "number_index", unique=True),
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
    Column("sealed", LargeBinary),
    Column("fingerprint", String),  # tells whether the content is still the same
    Column("exported_at", Moment),
)

erasures = Table(
    "erasures",
    METADATA,
    Column("control_number", String, primary_key=True),  # a case that never came here may have keys
    Column("basis", String, nullable=False),
    Column("officer", String, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("destroyed_at", Moment),
    Column("contents", Integer, nullable=False),
    Column("act_sha256", String),
)

calendar_years = Table(
    "calendar_years",
    METADATA,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("days_off", JSON, nullable=False),
    Column("working_days", JSON, nullable=False),
)
