"""Records of cases for tests that need a register with something in it."""

from datetime import UTC, date, datetime
from typing import Any

from ordered_papers import NUMBER

from domain.register import CaseRecord, Paper, PaperKind, PaperState
from domain.routes import Route
from domain.statuses import CaseStatus

CERTIFICATE = Paper(
    paper_id=f"{NUMBER}/temporary_certificate/1",
    kind=PaperKind.TEMPORARY_CERTIFICATE,
    state=PaperState.IN_FORCE,
    number=f"{NUMBER}/1",
    issued_on=date(2026, 4, 29),
    valid_until=date(2026, 5, 29),
    changed_on=date(2026, 4, 29),
)
"""In force, of the case the papers of the tests belong to."""


def case_record(control_number: str, **changes: Any) -> CaseRecord:
    """The first record of a case in the document check."""
    facts: dict[str, Any] = {
        "control_number": control_number,
        "revision": 1,
        "submission_id": None,
        "submitted_at": datetime(2026, 4, 29, 10, 5, tzinfo=UTC),
        "status": CaseStatus.IN_REVIEW,
        "route": Route.INSTITUTION,
        "region": "77",
        "holder": "",
        "assignee": None,
        "overdue": False,
        "view": {},
    }
    return CaseRecord(**{**facts, **changes})
