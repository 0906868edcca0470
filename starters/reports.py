"""Reports from the register (R12): cases counted by group, and rows for the federal register."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from domain.base import Frozen
from domain.register import FederalRow, RegisteredCase

NONE = "none"
"""The group of the cases that have no officer, holder, region or open reason."""


class Grouping(StrEnum):
    """What cases can be counted by."""

    STATUS = "status"
    ROUTE = "route"
    REGION = "region"
    REASON = "reason"
    OVERDUE = "overdue"
    OFFICER = "officer"
    HOLDER = "holder"


GROUP_OF: dict[Grouping, Callable[[RegisteredCase], str]] = {
    Grouping.STATUS: lambda case: case.status.value,
    Grouping.ROUTE: lambda case: case.route.value,
    Grouping.REGION: lambda case: case.region or NONE,
    # A case with two reasons is one case: it is counted under the two together.
    Grouping.REASON: lambda case: " + ".join(sorted(set(case.reasons))) or NONE,
    Grouping.OVERDUE: lambda case: "overdue" if case.overdue else "in time",
    Grouping.OFFICER: lambda case: case.assignee or NONE,
    Grouping.HOLDER: lambda case: case.holder or NONE,
}
"""The one group a case belongs to, so that groups add up to all cases."""


class Group(Frozen):
    """How many cases belong together, and how many of them are overdue."""

    group: str
    cases: int
    overdue: int


COLUMNS = tuple(Group.model_fields)


class GroupReport(Frozen):
    """Cases counted by group, the largest first; the total is that of the rows and of all cases."""

    by: Grouping
    rows: tuple[Group, ...]
    total: Group

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        counted = sum(row.cases for row in self.rows), sum(row.overdue for row in self.rows)
        if counted != (self.total.cases, self.total.overdue):
            raise ValueError("the groups do not add up to all cases")
        return self


def report(cases: Iterable[RegisteredCase], by: Grouping) -> GroupReport:
    """Count cases by group."""
    groups: defaultdict[str, list[RegisteredCase]] = defaultdict(list)
    known = list(cases)
    for case in known:
        groups[GROUP_OF[by](case)].append(case)
    rows = [_group(name, members) for name, members in groups.items()]
    rows.sort(key=lambda row: (-row.cases, row.group))
    return GroupReport(by=by, rows=tuple(rows), total=_group("total", known))


def _group(name: str, members: list[RegisteredCase]) -> Group:
    return Group(group=name, cases=len(members), overdue=sum(case.overdue for case in members))


FEDERAL_COLUMNS = {
    "document_name": "Название документа",
    "document_kind": "Вид документа",
    "document_status": "Статус документа",
    "loss_confirmed": "Подтверждение утраты",
    "series": "Серия документа",
    "number": "Номер документа",
    "registration_number": "Регистрационный номер",
    "issued_on": "Дата выдачи",
    "specialty": "Наименование профессии, специальности",
    "graduation_year": "Год окончания",
    "surname": "Фамилия получателя",
    "given_name": "Имя получателя",
    "patronymic": "Отчество получателя",
    "birth_date": "Дата рождения получателя",
    "snils": "СНИЛС",
    "institution": "Наименование образовательной организации",
    "institution_inn": "ИНН образовательной организации",
    "original_series": "Серия (оригинала)",
    "original_number": "Номер (оригинала)",
    "original_issued_on": "Дата выдачи (оригинала)",
    "original_surname": "Фамилия получателя (оригинала)",
    "original_given_name": "Имя получателя (оригинала)",
    "original_patronymic": "Отчество получателя (оригинала)",
}
"""Headers of the federal register's table (ФИС ФРДО) by field of `FederalRow`, in its order."""


def federal_cells(row: FederalRow) -> list[str]:
    """A row as people and the federal register write it."""
    return [_written(getattr(row, field)) for field in FEDERAL_COLUMNS]


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "Да" if value else "Нет"
    return f"{value:%d.%m.%Y}" if isinstance(value, date) else str(value)
