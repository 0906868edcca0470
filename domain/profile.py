"""A profile: every number and every text of the procedure that an authority may set itself."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from domain.base import Frozen
from domain.clock import MOSCOW, QuietHours
from domain.confirmation import ConfirmationPolicy
from domain.deficiencies import ReasonCatalogue
from domain.fees import Tariff
from domain.retention import RetentionRules
from domain.terms import Ladder, Terms


class Region(Frozen):
    """A federal subject (субъект РФ)."""

    name: str
    zone: str = MOSCOW

    @field_validator("zone")
    @classmethod
    def _exists(cls, zone: str) -> str:
        try:
            return ZoneInfo(zone).key
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError("there is no such time zone") from None


class CertificateRules(Frozen):
    """How temporary certificates are handled (R10)."""

    remind_days_before: Annotated[int, Field(ge=1)] = 5
    """Calendar days before its last day that the holder of a certificate is reminded."""


class StaffRules(Frozen):
    """How officers work together (R12)."""

    approval_required: bool = False
    """True when no decision counts without a second officer."""


class Profile(Frozen):
    """The settings of the procedure itself (R4, R5, R7, R11, R13)."""

    terms: Terms
    ladder: Ladder
    quiet_hours: QuietHours
    tariff: Tariff
    regions: dict[str, Region]
    """By two-digit code."""
    reasons: ReasonCatalogue
    confirmation: ConfirmationPolicy = ConfirmationPolicy()
    certificate: CertificateRules = CertificateRules()
    staff: StaffRules = StaffRules()
    retention: RetentionRules

    def zone_of(self, region: object) -> str:
        """The zone of a region's code; Moscow's when the code is not known (R4)."""
        known = self.regions.get(region) if isinstance(region, str) else None
        return known.zone if known else MOSCOW
