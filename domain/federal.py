"""The row of the federal register of education documents (ФИС ФРДО, R9)."""

from domain.application import Application, LossReason, Scope
from domain.messages import ProductionRecord
from domain.register import FederalRow

DOCUMENT_NAMES = {
    Scope.DIPLOMA: "Диплом о среднем профессиональном образовании",
    Scope.SUPPLEMENT: "Приложение к диплому о среднем профессиональном образовании",
    Scope.BOTH: "Диплом о среднем профессиональном образовании с приложением",
}
DOCUMENT_KIND = "Диплом о среднем профессиональном образовании"
DUPLICATE_STATUS = "Дубликат"


def federal_row(application: Application, production: ProductionRecord) -> FederalRow:
    """The row for a duplicate that was issued, with the columns of its original."""
    person, original = application.applicant, application.diploma
    blank = original.blank if original.blank != "unknown" else None
    return FederalRow(
        document_name=DOCUMENT_NAMES[application.scope],
        document_kind=DOCUMENT_KIND,
        document_status=DUPLICATE_STATUS,
        loss_confirmed=application.reason is LossReason.LOSS,
        series=production.series,
        number=production.number,
        registration_number=production.registration_number,
        issued_on=production.issued_on,
        specialty=application.specialty,
        graduation_year=application.graduation_year,
        surname=person.name.surname,
        given_name=person.name.given_name,
        patronymic=person.name.patronymic or "",
        birth_date=person.birth_date,
        snils=person.snils,
        institution=application.institution.name,
        institution_inn=application.institution.inn,
        original_series=blank.series if blank else "",
        original_number=blank.number if blank else "",
        original_issued_on=original.issued_on,
        original_surname=person.name_on_diploma.surname,
        original_given_name=person.name_on_diploma.given_name,
        original_patronymic=person.name_on_diploma.patronymic or "",
    )
