"""Short steps that read the profile, the calendar and the catalogue for a case."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import ConfigDict
from temporalio import activity

from activities.failures import in_engine_terms
from activities.ports import Register
from domain.application import Application
from domain.base import Frozen, Instant, JsonObject
from domain.calendar import WorkingCalendar
from domain.clock import MOSCOW, SECONDS_PER_DAY, ProcedureClock, QuietHours
from domain.confirmation import ConfirmationPolicy
from domain.deficiencies import Deficiency
from domain.examination import (
    CONSENT_NOT_CONFIRMED,
    CorrectionAssessment,
    Examination,
    assess_correction,
    examine,
    name_objections,
)
from domain.fees import Fee, Tariff, instalments, itemise, total_due
from domain.messages import Correction, Objection
from domain.profile import CertificateRules, Profile, StaffRules
from domain.register import CalendarYear
from domain.routes import Directory, Holder, HolderChannel, Route, Stop
from domain.statuses import CaseStatus
from domain.terms import Ladder, Terms

STORY = 5
"""Version of the story that cases are begun under now: 2 keeps the register, 3 has a chancery, 4
hands records and mails along with the question to the holder, 5 takes the duplicate's number with
the answer."""

UNLISTED = "Образовательная организация, указанная в заявлении"
"""How a holder is called that only the applicant has named."""

OfficialCalendar = Callable[[date, int, Sequence[CalendarYear]], WorkingCalendar]
"""Takes a snapshot of so many days from a day on; the years given outweigh the library's."""

SNAPSHOT_DAYS = 730
"""Days of the calendar a case carries along: its own 30 wd and every pause that is likely."""


class CaseOpening(Frozen):
    """An application as submitted and the engine's moment of submission."""

    application: JsonObject
    submitted_at: Instant
    control_number: str = ""


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
    route: Route = Route.INSTITUTION
    closure_protocol: str | None = None
    story: int = 1
    """Which version of the story the case was begun under; steps added later ask for it."""
    confirmation: ConfirmationPolicy = ConfirmationPolicy()
    certificate: CertificateRules = CertificateRules()
    staff: StaffRules = StaffRules()
    archive_share_first: float = 0.5
    tariff: Tariff | None = None


class OpenedCase(Frozen):
    """The setup of a case and the first look at its application."""

    setup: CaseSetup
    examination: Examination
    ended_as: CaseStatus | None = None
    """Set when the register knows the case as ended, and only the engine has forgotten it."""
    revision: int = 0
    """The last revision the register has of the case."""
    recorded: int = 0
    """Entries of the timeline the register has of the case."""


class CalendarOrder(Frozen):
    """A new snapshot of the calendar, from the day the case's own begins."""

    first_day: date


class CorrectionToAssess(Frozen):
    """A correction, what it corrects and what is still open."""

    base: JsonObject
    correction: Correction
    open_reasons: tuple[Deficiency, ...]
    today: date
    fee_paid: bool
    paid: int = 0
    """Roubles paid online; a correction may have changed what is due."""
    in_instalments: bool = False
    share_first: float = 0.5
    tariff: Tariff | None = None
    """The case's own; today's where it was not kept yet."""
    archive_takes_pdf_only: bool = False
    """True for cases begun since this rule was there (R2)."""
    awaits_code: bool = False
    """True while the applicant has not confirmed the consent with a one-time code."""
    confirmed_phone: str | None = None
    """The telephone that was confirmed; a corrected one needs a code of its own."""


class AssessedCorrection(Frozen):
    """The outcome of a correction; fees and holder are new when it changed them."""

    model_config = ConfigDict(extra="ignore")
    """Version 0.1.0 gave the holder here; its cases are still running."""

    assessment: CorrectionAssessment
    fees: tuple[Fee, ...]
    region: str = ""
    zone: str = MOSCOW
    stop: Stop | None = None
    """Where the search begins, when the correction named another institution."""


class Move(Frozen):
    """A case that has to go on to the next holder."""

    route: Route
    region: str
    new_holder_inn: str | None


class NamedObjections(Frozen):
    """Objections in the catalogue's words."""

    deficiencies: tuple[Deficiency, ...]
    unknown_codes: tuple[str, ...]


class CaseActivities:
    """Steps that only read what the authority has set; all are safe to repeat."""

    def __init__(
        self,
        profile: Profile,
        directory: Directory,
        calendar: OfficialCalendar,
        register: Register,
        day_seconds: float = SECONDS_PER_DAY,
    ) -> None:
        """Inject what the steps read.

        Args:
            profile: The procedure's settings.
            directory: The directory of records holders.
            calendar: Takes a snapshot of the official calendar from a day on.
            register: Knows cases the engine has forgotten, and calendar years loaded by hand.
            day_seconds: Engine seconds a calendar day lasts; 86,400 except in a demo.
        """
        self._profile = profile
        self._directory = directory
        self._calendar = calendar
        self._register = register
        self._day_seconds = day_seconds

    @activity.defn
    async def open_case(self, opening: CaseOpening) -> OpenedCase:
        """Take the setup of a case and examine its application.

        Raises:
            ApplicationError: The register is away (retried).
        """
        raw = opening.application
        region = self._region(raw)
        zone = self._profile.zone_of(region)
        today = _local_day(opening.submitted_at, zone)
        stop = self._first_stop(raw)
        pdf_only = stop.route is Route.ARCHIVE
        examination = examine(raw, self._profile, today, pdf_only=pdf_only)
        with in_engine_terms():
            known = await self._register.find_case(opening.control_number)
        return OpenedCase(
            setup=CaseSetup(
                clock=ProcedureClock(origin=opening.submitted_at, day_seconds=self._day_seconds),
                zone=zone,
                region=region,
                calendar=await self.take_calendar(
                    CalendarOrder(first_day=today - timedelta(days=1))
                ),
                terms=self._profile.terms,
                ladder=self._profile.ladder,
                quiet_hours=self._profile.quiet_hours,
                fees=self._fees(raw),
                holder=stop.holder,
                route=stop.route,
                closure_protocol=stop.closure_protocol,
                story=STORY,
                confirmation=self._profile.confirmation,
                certificate=self._profile.certificate,
                staff=self._profile.staff,
                archive_share_first=self._profile.tariff.archive_share_first,
                tariff=self._profile.tariff,
            ),
            examination=examination,
            ended_as=known.case.status if known and known.case.status.is_final else None,
            revision=known.revision if known else 0,
            recorded=max((event.place for event in known.events), default=0) if known else 0,
        )

    @activity.defn
    async def take_calendar(self, order: CalendarOrder) -> WorkingCalendar:
        """A snapshot of the official calendar as it is published today (R4).

        Raises:
            ApplicationError: The register is away (retried).
        """
        with in_engine_terms():
            loaded = await self._register.calendar_years()
        return self._calendar(order.first_day, SNAPSHOT_DAYS, loaded)

    @activity.defn
    async def assess_correction(self, request: CorrectionToAssess) -> AssessedCorrection:
        """Apply a correction and say what is still wrong (R5)."""
        assessment = self._assess(request, fee_paid=request.fee_paid)
        before, after = self._first_stop(request.base), self._first_stop(assessment.draft)
        fee_paid = request.fee_paid
        if request.paid and request.paid < self._due(assessment.draft, request):
            fee_paid = False
        pdf_only = request.archive_takes_pdf_only and after.route is Route.ARCHIVE
        if pdf_only or fee_paid is not request.fee_paid:
            # What holds after the correction decides, and only now is it known.
            assessment = self._assess(request, fee_paid=fee_paid, pdf_only=pdf_only)
        region = self._region(assessment.draft)
        return AssessedCorrection(
            assessment=assessment,
            region=region,
            zone=self._profile.zone_of(region),
            fees=self._fees(assessment.draft, request.tariff),
            stop=after if after != before else None,
        )

    def _assess(
        self, request: CorrectionToAssess, *, fee_paid: bool, pdf_only: bool = False
    ) -> CorrectionAssessment:
        tariff = request.tariff or self._profile.tariff
        assessment = assess_correction(
            request.base,
            request.correction,
            request.open_reasons,
            self._profile.model_copy(update={"tariff": tariff}),
            request.today,
            fee_paid=fee_paid,
            pdf_only=pdf_only,
        )
        known = assessment.application
        if known is not None and known.needs_code() and self._is_unconfirmed(known, request):
            awaited = self._profile.reasons.deficiency(CONSENT_NOT_CONFIRMED, "consent")
            deficiencies = (*assessment.deficiencies, awaited)
            assessment = assessment.model_copy(update={"deficiencies": deficiencies})
        return assessment

    def _is_unconfirmed(self, application: Application, request: CorrectionToAssess) -> bool:
        confirmed = request.confirmed_phone
        another = confirmed is not None and application.applicant.phone != confirmed
        return request.awaits_code or another

    def _due(self, draft: JsonObject, request: CorrectionToAssess) -> int:
        """What has to be paid before the document check, in roubles."""
        first, *_ = instalments(
            self._fees(draft, request.tariff),
            from_archive=request.in_instalments,
            share_first=request.share_first,
        )
        return total_due(first)

    @activity.defn
    async def find_next_stop(self, move: Move) -> Stop:
        """Find who is asked next on the route (R6)."""
        return self._directory.next_stop(move.route, move.region, move.new_holder_inn)

    @activity.defn
    async def name_objections(self, objections: list[Objection]) -> NamedObjections:
        """Put a holder's objections into the catalogue's words (R5)."""
        known, unknown = name_objections(tuple(objections), self._profile)
        return NamedObjections(deficiencies=known, unknown_codes=unknown)

    def _region(self, raw: JsonObject) -> str:
        """The region's code; empty when the profile does not know it."""
        institution = raw.get("institution")
        code = institution.get("region") if isinstance(institution, dict) else None
        return code if isinstance(code, str) and code in self._profile.regions else ""

    def _fees(self, raw: JsonObject, tariff: Tariff | None = None) -> tuple[Fee, ...]:
        institution = raw.get("institution")
        region = institution.get("region") if isinstance(institution, dict) else ""
        intermediary = raw.get("intermediary_fee")
        return itemise(
            tariff or self._profile.tariff,
            str(region),
            expedited=raw.get("expedited") is True,
            intermediary=intermediary if isinstance(intermediary, int) else None,
        )

    def _first_stop(self, raw: JsonObject) -> Stop:
        """The directory's entry; else the mailbox the applicant knows; else nobody yet (R6)."""
        institution = raw.get("institution")
        known = institution if isinstance(institution, dict) else {}
        inn, email, region = (str(known.get(key) or "") for key in ("inn", "email", "region"))
        found = self._directory.first_stop(inn, region)
        if found is not None:
            return found
        mailbox = HolderChannel(kind="letter", address=email) if email else None
        # Its name is whatever the applicant typed, and would stand in view and register (R13).
        holder = Holder(inn="", name=UNLISTED, region="", channel=mailbox) if mailbox else None
        return Stop(route=Route.INSTITUTION, holder=holder)


def _local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()
