"""All that leads to a person sealed with the keys of cases, and a table of erased ones (R13).

What this step says of places and contents is what `adapters.register.seals` opens.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from adapters.sealing.errors import KeyDestroyed
from adapters.sealing.sealer import CaseSealer

revision = "0004"
down_revision = "0003"

_AT_ONCE = 500
"""Rows of one look; the server must not think meanwhile that we are gone."""

_cases = sa.table(
    "cases",
    sa.column("control_number", sa.String),
    sa.column("view", sa.JSON),
    sa.column("sealed_view", sa.LargeBinary),
)
_papers = sa.table(
    "papers",
    *(
        sa.column(name, sa.String)
        for name in (
            *("paper_id", "control_number", "kind"),
            *("series", "number", "registration_number", "number_index"),
        )
    ),
    sa.column("sealed_numbers", sa.LargeBinary),
)
_federal_rows = sa.table(
    "federal_rows",
    *(sa.column(name, sa.String) for name in ("control_number", "content", "fingerprint")),
    sa.column("sealed", sa.LargeBinary),
)


def upgrade() -> None:
    """Add the columns, seal and move what the old ones hold, and drop those."""
    _add()
    sealer: CaseSealer = context.config.attributes["sealer"]
    _seal_views(sealer)
    _seal_numbers(sealer)
    _seal_federal_rows(sealer)
    _drop()


def _add() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("cases", sa.Column("sealed_view", sa.LargeBinary))
    op.add_column("cases", sa.Column("consent_withdrawn_at", moment))
    op.add_column("cases", sa.Column("erased_at", moment))
    op.add_column("papers", sa.Column("sealed_numbers", sa.LargeBinary))
    op.add_column("papers", sa.Column("number_index", sa.String))
    op.add_column("federal_rows", sa.Column("sealed", sa.LargeBinary))
    op.add_column("federal_rows", sa.Column("fingerprint", sa.String))
    op.add_column("federal_rows", sa.Column("exported_at", moment))
    op.create_table(
        "erasures",
        sa.Column("control_number", sa.String, primary_key=True),
        sa.Column("basis", sa.String, nullable=False),
        sa.Column("officer", sa.String, nullable=False),
        sa.Column("begun_at", moment, nullable=False),
        sa.Column("destroyed_at", moment),
        sa.Column("contents", sa.Integer, nullable=False),
        sa.Column("act_sha256", sa.String),
    )


def _drop() -> None:
    op.drop_index("uq_papers_duplicate", "papers")
    op.create_index("uq_papers_number_index", "papers", ["number_index"], unique=True)
    op.drop_column("cases", "view")
    for name in ("series", "number", "registration_number"):
        op.drop_column("papers", name)
    op.drop_column("federal_rows", "content")


def _seal_views(sealer: CaseSealer) -> None:
    for row in _rows(_cases, "control_number"):
        content = json.dumps(row.view)
        with suppress(KeyDestroyed):
            sealer.began_plain(row.control_number)
        _write(
            _cases,
            _cases.c.control_number == row.control_number,
            sealed_view=_sealed(sealer, row, "register/view", content),
        )


def _seal_numbers(sealer: CaseSealer) -> None:
    for row in _rows(_papers, "paper_id"):
        numbers = {
            "series": row.series,
            "number": row.number,
            "registration_number": row.registration_number,
        }
        place = f"register/paper/{row.paper_id}"
        is_own = row.kind == "duplicate" and row.number
        text = f"{row.series}\n{row.number}"
        _write(
            _papers,
            _papers.c.paper_id == row.paper_id,
            sealed_numbers=_sealed(sealer, row, place, json.dumps(numbers)),
            number_index=sealer.blind_index("register/duplicate", text) if is_own else None,
        )


def _seal_federal_rows(sealer: CaseSealer) -> None:
    for row in _rows(_federal_rows, "control_number"):
        this = _federal_rows.c.control_number == row.control_number
        sealed = _sealed(sealer, row, "register/federal", row.content)
        if sealed is None:
            op.get_bind().execute(sa.delete(_federal_rows).where(this))
            continue
        fingerprint = sealer.blind_index("register/federal", row.content)
        _write(_federal_rows, this, sealed=sealed, fingerprint=fingerprint)


def _rows(table: sa.TableClause, key: str) -> Iterator[sa.Row[Any]]:
    last = ""
    while True:
        some = sa.select(table).where(table.c[key] > last).order_by(table.c[key]).limit(_AT_ONCE)
        rows = op.get_bind().execute(some).all()
        if not rows:
            return
        yield from rows
        last = rows[-1]._asdict()[key]


def _write(table: sa.TableClause, this: sa.ColumnElement[bool], **values: Any) -> None:
    op.get_bind().execute(sa.update(table).where(this).values(values))


def _sealed(sealer: CaseSealer, row: sa.Row[Any], place: str, content: str) -> bytes | None:
    try:
        return sealer.seal(row.control_number, place, content.encode())
    except KeyDestroyed:  # an old backup brought back a case that was erased since
        return None
