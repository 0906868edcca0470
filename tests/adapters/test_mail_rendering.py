"""Mails say the right things, the same in both forms, and nothing of their facts is code."""

import re
import shutil
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from activities.ports import Mail
from adapters.mail_rendering import (
    TEMPLATES,
    BadTemplate,
    TemplateMailRenderer,
    day,
    plural,
    roubles,
)
from domain.application import DeliveryMethod
from domain.deficiencies import Deficiency, ReasonKind
from domain.errands import ErrandKind
from domain.fees import Fee, FeeCode
from domain.messages import HandOver
from domain.notices import Audience, Notice, NoticeEvent, NoticeFacts

E = NoticeEvent
NUMBER = "7K3M-9QXT-2B4D-6"
RENDERER = TemplateMailRenderer("mail.example.org", "https://example.org/case/{number}")

TO_HOLDER = [event for event in E if event.value.startswith("holder_")]
TO_STAFF = [event for event in E if event.value.startswith("staff_")]
TO_APPLICANT = [event for event in E if event not in TO_HOLDER + TO_STAFF]
CORRECTION = [E.RETURNED, E.REFUSED, E.CORRECTION_INSUFFICIENT, E.CORRECTION_REMINDER]
RUNNING = [E.SUBMITTED, E.IN_REVIEW, E.RECHECK, E.RESUMED, E.IN_PRODUCTION, E.READY]
"""Events after which the applicant waits for a stage to end."""

DEFICIENCIES = (
    Deficiency(
        code="PAYMENT_PROOF_MISSING",
        field="documents",
        message="Не подтверждена оплата государственной пошлины.",
        remedy="Оплатите счёт или приложите квитанцию об оплате.",
        kind=ReasonKind.INCOMPLETE,
    ),
    Deficiency(
        code="STUDY_PROOF_MISSING",
        field="documents",
        message="Нет документа, подтверждающего обучение.",
        remedy="Приложите справку об обучении (PDF, JPG или PNG, до 5 МБ).",
        kind=ReasonKind.INCOMPLETE,
    ),
)
FEES = (
    Fee(code=FeeCode.STATE_DUTY, label="Государственная пошлина", amount=1500),
    Fee(code=FeeCode.EXPEDITED, label="Ускоренное изготовление", amount=300),
    Fee(code=FeeCode.INTERMEDIARY, label="Услуги посредника", amount=800, collected_by_us=False),
)
MINIMAL = NoticeFacts(happened_on=date(2026, 4, 29))
FULL = NoticeFacts(
    happened_on=date(2026, 4, 29),
    status_label="Отправлено",
    salutation="Мария Сергеевна",
    stage="проверка документов",
    earliest_on=date(2026, 5, 6),
    due_on=date(2026, 5, 13),
    provisional=True,
    next_by=date(2026, 6, 15),
    deficiencies=DEFICIENCIES,
    respond_by=date(2026, 5, 29),
    holder="Колледж связи № 54",
    holder_request=ErrandKind.VERIFICATION,
    subject_name="Смирнова Мария Сергеевна",
    birth_date=date(1985, 3, 2),
    institution="Колледж связи имени Попова",
    specialty="Сестринское дело",
    graduation_year=2005,
    fees=FEES,
    fees_due=1800,
    pay_url="https://pay.example.org/i/1?a=1&b=2",
    refund=1800,
    delivery=DeliveryMethod.PICKUP,
    hand_over=HandOver(
        method=DeliveryMethod.POST, handed_over_on=date(2026, 5, 28), reference="80123456789012"
    ),
    remark="the mailbox is full",
)


class _Visible(HTMLParser):
    """What a reader sees of a page: its texts outside head, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._in_head = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._in_head = self._in_head or tag == "head"
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        self._in_head = self._in_head and tag != "head"

    def handle_data(self, data: str) -> None:
        if not self._in_head:
            self.texts.append(data)


def mail(event: NoticeEvent, facts: NoticeFacts = FULL, **changes: object) -> Mail:
    audience = (
        Audience.HOLDER
        if event in TO_HOLDER
        else Audience.OPS
        if event in TO_STAFF
        else Audience.APPLICANT
    )
    return RENDERER.render(
        Notice(
            control_number=NUMBER,
            event=event,
            audience=audience,
            key=f"{event}.3",
            not_before=datetime(2026, 4, 29, 9, tzinfo=UTC),
            errand_key=f"{NUMBER}.verification.1" if event in TO_HOLDER else None,
            facts=facts.model_copy(update=changes),
        ),
        "somebody@example.org",
    )


def one_line(text: str) -> str:
    return " ".join(text.split())


def visible(page: str) -> str:
    return one_line(" ".join(_Visible(page).texts))


def both(letter: Mail) -> tuple[str, str]:
    return one_line(letter.text), visible(letter.html)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


every_event = pytest.mark.parametrize("event", list(E))
every_applicant_event = pytest.mark.parametrize("event", TO_APPLICANT)
any_facts = pytest.mark.parametrize("facts", [MINIMAL, FULL], ids=["minimal", "full"])
any_delivery = pytest.mark.parametrize("method", list(DeliveryMethod))


# --- the templates -------------------------------------------------------------------------


def test_every_event_has_exactly_one_template_and_no_template_is_an_orphan() -> None:
    assert sorted(file.name for file in TEMPLATES.iterdir() if file.is_file()) == sorted(
        f"{event}.j2" for event in E
    )


def test_every_shared_template_is_used() -> None:
    used = " ".join(file.read_text(encoding="utf-8") for file in TEMPLATES.rglob("*.j2"))
    used += '"shared/as_text.j2" "shared/as_html.j2"'
    for file in (TEMPLATES / "shared").iterdir():
        assert f'"shared/{file.name}"' in used


def test_a_missing_template_is_found_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadTemplate, match=r"submitted\.j2"):
        TemplateMailRenderer("mail.example.org", "https://example.org/{number}", templates=tmp_path)


def test_a_slip_in_a_template_is_named_with_its_file_and_line(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    shutil.copytree(TEMPLATES, folder)
    spoilt = folder / "withdrawn.j2"
    spoilt.write_text(spoilt.read_text(encoding="utf-8") + "\n{{ happened_on }", encoding="utf-8")
    with pytest.raises(BadTemplate, match=r"withdrawn\.j2.*line"):
        TemplateMailRenderer("mail.example.org", "https://example.org/{number}", templates=folder)


def test_an_address_without_the_number_is_refused() -> None:
    with pytest.raises(ValueError, match="number"):
        TemplateMailRenderer("mail.example.org", "https://example.org/")


# --- every mail ----------------------------------------------------------------------------


@any_facts
@every_event
def test_nothing_technical_is_left_over(event: NoticeEvent, facts: NoticeFacts) -> None:
    letter = mail(event, facts)
    for form in (letter.subject, letter.text, letter.html):
        assert form.strip()
        assert not re.search(r"None|\{\{|\}\}|\{%|%\}|\{#", form)
        assert not re.search(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", form)


@any_facts
@every_event
def test_no_double_spaces_and_no_stray_ones(event: NoticeEvent, facts: NoticeFacts) -> None:
    letter = mail(event, facts)
    assert not re.search(r"[ \t]$", letter.text, re.MULTILINE)
    for piece in (letter.text, *_Visible(letter.html).texts):
        assert not re.search(r"\S {2,}", piece)
        assert not re.search(r" [.,:;!?]|[«(] | [»)]", piece)


@any_facts
@every_event
def test_both_forms_say_the_same_words(event: NoticeEvent, facts: NoticeFacts) -> None:
    text, page = both(mail(event, facts))
    assert words(text) == words(page)


@any_facts
@every_event
def test_the_number_stands_in_both_forms_and_in_the_subject(
    event: NoticeEvent, facts: NoticeFacts
) -> None:
    letter = mail(event, facts)
    for form in (letter.subject, *both(letter)):
        assert NUMBER in form


@any_facts
@every_event
def test_a_subject_is_one_short_line_without_anything_personal(
    event: NoticeEvent, facts: NoticeFacts
) -> None:
    subject = mail(event, facts).subject
    assert subject == one_line(subject)
    assert len(subject) < 100
    assert not re.search("Мари|Сергеев|Смирнов|1985|2005|Попова|Сестрин|Колледж", subject)


@any_facts
@every_event
def test_text_lines_are_short(event: NoticeEvent, facts: NoticeFacts) -> None:
    assert max(map(len, mail(event, facts).text.splitlines())) <= 76


@every_event
def test_the_same_notice_gives_the_same_mail(event: NoticeEvent) -> None:
    assert mail(event) == mail(event)
    assert mail(event).message_id == f"<{NUMBER}.{event}.3@mail.example.org>"
    assert mail(event).to == "somebody@example.org"


@every_event
def test_the_page_tells_its_language(event: NoticeEvent) -> None:
    language = "en" if event in TO_STAFF else "ru"
    assert mail(event).html.startswith(f'<!DOCTYPE html>\n<html lang="{language}">')


@pytest.mark.parametrize("event", TO_HOLDER)
def test_a_letter_names_its_errand(event: NoticeEvent) -> None:
    assert mail(event).errand_key == f"{NUMBER}.verification.1"
    assert mail(E.ACCEPTED).errand_key is None


# --- hostile values ------------------------------------------------------------------------

HOSTILE = ["<script>alert(1)</script>", "{{7*7}}", "{% raw %}", '"><img src=x>', "a&lt;b&amp;c"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("event", [E.IN_REVIEW, E.RETURNED, E.ISSUED, E.HOLDER_LETTER])
def test_values_are_literal_in_both_forms(event: NoticeEvent, value: str) -> None:
    letter = mail(
        event,
        salutation=value,
        holder=value,
        subject_name=value,
        institution=value,
        specialty=value,
        status_label=value,
        deficiencies=(DEFICIENCIES[0].model_copy(update={"message": value, "remedy": value}),),
        hand_over=HandOver(
            method=DeliveryMethod.POST, handed_over_on=date(2026, 5, 28), reference=value
        ),
    )
    text, page = both(letter)
    assert value in text
    assert value in page
    assert "49" not in text
    assert not {"script", "img"} & _Visible(letter.html).tags
    assert words(text) == words(page)


def test_a_value_cannot_start_a_line_of_its_own() -> None:
    letter = mail(E.ACCEPTED, salutation="Мария\r\n\r\nЧТО СДЕЛАТЬ ВАМ\r\n\r\nЗаплатите")
    assert "Здравствуйте, Мария ЧТО СДЕЛАТЬ ВАМ Заплатите!" in both(letter)[0]
    assert letter.text.splitlines().count("ЧТО СДЕЛАТЬ ВАМ") == 1


def test_only_web_addresses_become_links() -> None:
    letter = mail(E.SUBMITTED, pay_url="javascript:alert(1)")
    assert _Visible(letter.html).links == [f"https://example.org/case/{NUMBER}"] * 2


def test_an_address_survives_escaping() -> None:
    letter = mail(E.SUBMITTED)
    assert FULL.pay_url in letter.text
    assert FULL.pay_url in _Visible(letter.html).links


# --- mails to applicants -------------------------------------------------------------------


@any_facts
@every_applicant_event
def test_applicants_read_russian_only(event: NoticeEvent, facts: NoticeFacts) -> None:
    letter = mail(event, facts)
    for form in (letter.subject, *both(letter)):
        rest = re.sub(rf"https://\S+|{NUMBER}|\b(PDF|JPG|PNG)\b", "", form)
        assert not re.search("[A-Za-z]", rest)


@any_facts
@every_applicant_event
def test_an_applicant_reads_what_happened_what_is_next_and_what_to_do(
    event: NoticeEvent, facts: NoticeFacts
) -> None:
    letter = mail(event, facts)
    lines = letter.text.splitlines()
    headings = ["ЧТО ПРОИЗОШЛО", "ЧТО ДАЛЬШЕ", "ЧТО СДЕЛАТЬ ВАМ"]
    places = [lines.index(heading) for heading in headings]
    assert places == sorted(places)
    for form in both(letter):
        assert f"https://example.org/case/{NUMBER}" in form


@pytest.mark.parametrize("event", RUNNING)
def test_both_dates_of_a_stage_and_the_last_of_all_are_told(event: NoticeEvent) -> None:
    for form in both(mail(event)):
        assert "Результат не раньше: 06.05.2026 (среда)" in form
        assert "Результат не позднее: 13.05.2026 (среда)" in form
        assert "Предельный срок по заявлению: 15.06.2026 (понедельник)" in form


@pytest.mark.parametrize("event", [*RUNNING, E.ACCEPTED, *CORRECTION, E.HOLDER_LETTER])
def test_a_preliminary_date_is_called_so(event: NoticeEvent) -> None:
    for form in both(mail(event)):
        assert "Дата предварительная: производственный календарь на 2026 год" in form
    assert "предварительная" not in mail(event, provisional=False).text


def test_an_accepted_application_is_not_told_the_dates_of_its_registration() -> None:
    text = mail(E.ACCEPTED, stage="регистрация заявления").text
    assert "13.05.2026" not in text
    assert "15.06.2026" in text


@pytest.mark.parametrize("event", CORRECTION)
def test_every_deficiency_is_numbered_with_its_remedy_and_the_last_day(event: NoticeEvent) -> None:
    for form in both(mail(event)):
        for place, deficiency in enumerate(DEFICIENCIES, start=1):
            assert f"{place}. {deficiency.message} {deficiency.remedy}" in form
        assert "Последний день для исправления: 29.05.2026 (пятница)" in form
        assert "под тем же номером" in form
        assert "Принятые раньше документы присылать снова не нужно" in form
        assert "13.05.2026" not in form, "the clocks of the service stand still"


@pytest.mark.parametrize("event", [E.RETURNED, E.REFUSED, E.CORRECTION_INSUFFICIENT])
def test_deficiencies_are_counted_in_the_right_form(event: NoticeEvent) -> None:
    for count, counted in ((1, "1 замечание"), (2, "2 замечания"), (5, "5 замечаний")):
        text = both(mail(event, deficiencies=DEFICIENCIES[:1] * count))[0]
        assert re.search(rf"{counted}\b", text)


@pytest.mark.parametrize("event", [E.SUBMITTED, E.DELAYED, E.WITHDRAWN, E.ISSUED, E.RECHECK])
def test_faults_are_listed_only_where_they_matter(event: NoticeEvent) -> None:
    assert DEFICIENCIES[1].message not in both(mail(event))[0]


def test_a_suspension_sends_to_the_ministry_and_stops_the_clocks() -> None:
    for form in both(mail(E.SUSPENDED)):
        assert "ошибка найдена в самом паспорте" in form
        assert "МВД" in form
        assert "Сроки рассмотрения остановлены" in form
        assert "13.05.2026" not in form
        assert "15.06.2026" not in form


def test_a_receipt_itemises_the_fees_and_adds_them_up() -> None:
    for form in both(mail(E.SUBMITTED)):
        assert "Государственная пошлина: 1500 рублей" in form
        assert "Ускоренное изготовление: 300 рублей" in form
        assert "посреднику, не нам): 800 рублей" in form
        assert "Итого: 2600 рублей" in form
        assert "Из них нам: 1800 рублей" in form
        assert FULL.pay_url in form


def test_without_fees_nothing_is_said_of_money() -> None:
    text = both(mail(E.SUBMITTED, fees=(), fees_due=0, pay_url="", refund=0))[0]
    assert "рубл" not in text
    assert "ОПЛАТА" not in text
    assert "От вас ничего не требуется." in text


@every_applicant_event
def test_payment_is_asked_for_only_where_it_is_missing(event: NoticeEvent) -> None:
    asks = FULL.pay_url in mail(event).text
    assert asks == (event in [E.SUBMITTED, *CORRECTION])
    assert FULL.pay_url not in mail(event, fees_due=0).text
    if event in CORRECTION:
        assert FULL.pay_url not in mail(event, deficiencies=DEFICIENCIES[1:]).text


@pytest.mark.parametrize("event", [E.WITHDRAWN, E.CLOSED])
def test_a_refund_is_told_when_there_is_one(event: NoticeEvent) -> None:
    assert "Возвращаем вам 1800 рублей" in both(mail(event))[0]
    assert "озвра" not in both(mail(event, refund=0))[0]


def test_a_delay_is_owned_up_to_without_a_new_promise() -> None:
    text = both(mail(E.DELAYED, happened_on=date(2026, 5, 14)))[0]
    assert "Мы не успели в срок" in text
    assert "«проверка документов» должен был завершиться не позднее 13.05.2026 (среда)" in text
    assert "Новой даты мы не называем" in text
    assert "Предельный срок по заявлению прежний — 15.06.2026" in text
    assert "От вас ничего не требуется" in text


def test_a_delay_of_the_whole_case_does_not_blame_a_stage_still_in_time() -> None:
    text = both(
        mail(E.DELAYED, happened_on=date(2026, 6, 16), due_on=date(2026, 6, 20), provisional=False)
    )[0]
    assert "20.06.2026" not in text
    assert "Предельный срок по заявлению — 15.06.2026 (понедельник) — прошёл" in text
    assert "прежний" not in text


def test_a_closed_case_may_be_followed_by_a_new_one() -> None:
    text = both(mail(E.CLOSED))[0]
    assert "мы ждали исправления до 29.05.2026 и не получили его" in text
    assert "новое заявление" in text


@any_delivery
def test_ready_depends_on_the_delivery(method: DeliveryMethod) -> None:
    text = both(mail(E.READY, delivery=method))[0]
    assert ("почтой" in text) == (method is DeliveryMethod.POST)
    assert ("акт приёма-передачи" in text) == (method is DeliveryMethod.PICKUP)
    assert ("электронной подписью" in text) == (method is DeliveryMethod.ELECTRONIC)


@any_delivery
def test_issued_tells_how_and_that_the_original_is_void(method: DeliveryMethod) -> None:
    handed = HandOver(method=method, handed_over_on=date(2026, 5, 28), reference="АКТ-17")
    text = both(mail(E.ISSUED, hand_over=handed))[0]
    assert "28.05.2026" in text
    assert "АКТ-17" in text
    assert "«утрачен, заменён»" in text
    assert {"post": "почтой", "pickup": "лично", "electronic": "электронном виде"}[method] in text


def test_a_person_is_addressed_by_name_when_it_is_known() -> None:
    assert "Здравствуйте, Мария Сергеевна!" in both(mail(E.ACCEPTED))[0]
    assert "Здравствуйте!" in both(mail(E.ACCEPTED, MINIMAL))[0]


# --- letters to holders --------------------------------------------------------------------

ASKED = {
    ErrandKind.VERIFICATION: "подтверждаются ли",
    ErrandKind.PRODUCTION: "серию и номер дубликата, его регистрационный номер и дату выдачи",
    ErrandKind.HAND_OVER: "каким способом и какого числа выдан дубликат",
}


@pytest.mark.parametrize("kind", list(ErrandKind))
@pytest.mark.parametrize("event", [E.HOLDER_LETTER, E.HOLDER_REMINDER])
def test_a_holder_is_asked_for_what_the_errand_needs(event: NoticeEvent, kind: ErrandKind) -> None:
    for form in both(mail(event, holder_request=kind)):
        assert [other for other, asked in ASKED.items() if asked in form] == [kind]
        for fact in (FULL.subject_name, "02.03.1985", FULL.institution, FULL.specialty, "2005"):
            assert fact in form
        assert "Просим ответить не позднее: 13.05.2026 (среда)" in form


def test_a_late_holder_is_reminded_without_a_day_that_has_passed_as_the_last_one() -> None:
    text = both(mail(E.HOLDER_REMINDER, happened_on=date(2026, 5, 15)))[0]
    assert "Мы просили ответить не позднее 13.05.2026 (среда)" in text
    assert "Просим ответить не позднее:" not in text


def test_a_recall_asks_for_nothing_and_repeats_nothing_personal() -> None:
    text = both(mail(E.HOLDER_RECALL))[0]
    assert "отозван" in text
    assert "Отвечать на запрос не требуется" in text
    assert "Смирнова" not in text
    assert "1985" not in text


# --- mails to staff ------------------------------------------------------------------------


@pytest.mark.parametrize("event", TO_STAFF)
def test_staff_read_what_is_awaited_by_when_and_nothing_personal(event: NoticeEvent) -> None:
    letter = mail(event)
    for form in (letter.subject, letter.text, letter.html):
        assert not re.search("Мари|Сергеев|Смирнов|1985|2005|Попова|Сестрин|pay.example", form)
    for form in both(letter):
        assert "Awaited: проверка документов" in form
        assert "Due: 13.05.2026" in form
        assert "Remark: the mailbox is full" in form


# --- typography ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "spelt"),
    [
        (0, "0 рабочих дней"),
        (1, "1 рабочий день"),
        (2, "2 рабочих дня"),
        (5, "5 рабочих дней"),
        (11, "11 рабочих дней"),
        (14, "14 рабочих дней"),
        (21, "21 рабочий день"),
        (112, "112 рабочих дней"),
        (122, "122 рабочих дня"),
    ],
)
def test_plural_forms(count: int, spelt: str) -> None:
    assert plural(count, "рабочий день", "рабочих дня", "рабочих дней") == spelt


def test_sums_and_days_as_people_write_them() -> None:
    assert roubles(501) == "501 рубль"
    assert roubles(2600) == "2600 рублей"
    assert day(date(2026, 5, 3)) == "03.05.2026 (воскресенье)"


@pytest.mark.parametrize("form", ["text", "html"])
def test_spaces_that_must_not_break_do_not(form: str) -> None:
    content = getattr(mail(E.RETURNED), form)
    for glued in (f"№\u00a0{NUMBER}", "2\u00a0замечания", "5\u00a0МБ", "1500\u00a0рублей"):
        assert glued in content
    assert " —" not in content
