"""Short steps that read the profile, the calendar and the catalogue for a case."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from temporalio import activity

from domain.base import Frozen, Instant, JsonObject
from domain.calendar import WorkingCalendar
from domain.clock import SECONDS_PER_DAY, ProcedureClock, QuietHours
from domain.deficiencies import Deficiency
from domain.examination import (
    CorrectionAssessment,
    Examination,
    assess_correction,
    examine,
    name_objections,
)
from domain.fees import Fee, itemise
from domain.messages import Correction, Objection
from domain.profile import Holder, HolderChannel, Profile
from domain.terms import Ladder, Terms

SNAPSHOT_DAYS = 730
"""Days of the calendar a case carries along: its own 30 wd and every pause that is likely."""


class CaseOpening(Frozen):
    """An application as submitted and the engine's moment of submission."""

    application: JsonObject
    submitted_at: Instant


class CaseSetup(Frozen):
    """All a case needs of the profile, taken once, so that later changes cannot move it."""

    clock: ProcedureClock
    zone: str
    region: str
    calendar: WorkingCalendar
    terms: Terms
    ladder: Ladder
    quiet_hours: QuietHours
    fees: tuple[Fee, ...]
    holder: Holder | None


class OpenedCase(Frozen):
    """The setup of a case and the first look at its application."""

    setup: CaseSetup
    examination: Examination


class CorrectionToAssess(Frozen):
    """A correction, what it corrects and what is still open."""

    base: JsonObject
    correction: Correction
    open_reasons: tuple[Deficiency, ...]
    today: date
    fee_paid: bool


class AssessedCorrection(Frozen):
    """The outcome of a correction; fees and holder are new when it changed them."""

    assessment: CorrectionAssessment
    fees: tuple[Fee, ...]
    holder: Holder | None


class NamedObjections(Frozen):
    """Objections in the catalogue's words."""

    deficiencies: tuple[Deficiency, ...]
    unknown_codes: tuple[str, ...]


class CaseActivities:
    """Steps that only read what the authority has set; all are safe to repeat."""

    def __init__(
        self,
        profile: Profile,
        holders: dict[str, Holder],
        calendar: Callable[[date, int], WorkingCalendar],
        day_seconds: float = SECONDS_PER_DAY,
    ) -> None:
        """Inject what the steps read.

        Args:
            profile: The procedure's settings.
            holders: The directory of records holders by INN.
            calendar: Takes a snapshot of the official calendar from a day on.
            day_seconds: Engine seconds a calendar day lasts; 86,400 except in a demo.
        """
        self._profile = profile
        self._holders = holders
        self._calendar = calendar
        self._day_seconds = day_seconds

    @activity.defn
    async def open_case(self, opening: CaseOpening) -> OpenedCase:
        """Take the setup of a case and examine its application."""
        raw = opening.application
        institution = raw.get("institution")
        code = institution.get("region") if isinstance(institution, dict) else None
        zone = self._profile.zone_of(code)
        today = _local_day(opening.submitted_at, zone)
        examination = examine(raw, self._profile, today)
        return OpenedCase(
            setup=CaseSetup(
                clock=ProcedureClock(origin=opening.submitted_at, day_seconds=self._day_seconds),
                zone=zone,
                region=code if isinstance(code, str) and code in self._profile.regions else "",
                calendar=self._calendar(today - timedelta(days=1), SNAPSHOT_DAYS),
                terms=self._profile.terms,
                ladder=self._profile.ladder,
                quiet_hours=self._profile.quiet_hours,
                fees=self._fees(raw),
                holder=self._holder(raw),
            ),
            examination=examination,
        )

    @activity.defn
    async def assess_correction(self, request: CorrectionToAssess) -> AssessedCorrection:
        """Apply a correction and say what is still wrong (R5)."""
        assessment = assess_correction(
            request.base,
            request.correction,
            request.open_reasons,
            self._profile,
            request.today,
            fee_paid=request.fee_paid,
        )
        corrected = assessment.draft
        return AssessedCorrection(
            assessment=assessment, fees=self._fees(corrected), holder=self._holder(corrected)
        )

    @activity.defn
    async def name_objections(self, objections: list[Objection]) -> NamedObjections:
        """Put a holder's objections into the catalogue's words (R5)."""
        known, unknown = name_objections(tuple(objections), self._profile)
        return NamedObjections(deficiencies=known, unknown_codes=unknown)

    def _fees(self, raw: JsonObject) -> tuple[Fee, ...]:
        institution = raw.get("institution")
        region = institution.get("region") if isinstance(institution, dict) else ""
        intermediary = raw.get("intermediary_fee")
        return itemise(
            self._profile.tariff,
            str(region),
            expedited=raw.get("expedited") is True,
            intermediary=intermediary if isinstance(intermediary, int) else None,
        )

    def _holder(self, raw: JsonObject) -> Holder | None:
        """The directory's entry; else the mailbox the applicant knows; else nobody yet (R6)."""
        institution = raw.get("institution")
        if not isinstance(institution, dict):
            return None
        inn, name, email = (str(institution.get(key) or "") for key in ("inn", "name", "email"))
        if inn in self._holders:
            return self._holders[inn]
        if not email:
            return None
        return Holder(
            inn=inn,
            name=name,
            region=str(institution.get("region") or ""),
            channel=HolderChannel(kind="letter", address=email),
        )


def _local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()
