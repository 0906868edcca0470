"""Writing a case into the register, the system of record outside the engine (R9)."""

from temporalio import activity

from activities.failures import in_engine_terms
from activities.ports import Register
from domain.base import Frozen
from domain.register import CaseRecord, Paper, RecordAnswer


class CertificateRecord(Frozen):
    """A temporary certificate issued, renewed or expired (R10)."""

    control_number: str
    paper: Paper


class RegisterActivities:
    """Steps at the register; revisions and ids make a repetition harmless."""

    def __init__(self, register: Register) -> None:
        self._register = register

    @activity.defn
    async def record_case(self, record: CaseRecord) -> RecordAnswer:
        """Write what changed in a case, all of it or nothing.

        Raises:
            ApplicationError: The register is away (retried).
        """
        with in_engine_terms():
            return await self._register.record(record)

    @activity.defn
    async def record_certificate(self, change: CertificateRecord) -> bool:
        """Write a temporary certificate; False when none may be in force any more.

        Raises:
            ApplicationError: The register is away (retried).
        """
        with in_engine_terms():
            return await self._register.issue_certificate(change.control_number, change.paper)
