"""Mails say the right things, the same in both forms, and nothing of their facts is code."""

import re
import shutil
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from activities.ports import Mail, Sms
from adapters.mail_rendering import (
    SMS_TEMPLATES,
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
from domain.notices import Audience, Notice, NoticeChannel, NoticeEvent, NoticeFacts
from domain.routes import Route

E = NoticeEvent
NUMBER = "7K3M-9QXT-2B4D-6"
RENDERER = TemplateMailRenderer("mail.example.org", "https://example.org/case/{number}")

TO_HOLDER = [event for event in E if event.value.startswith("holder_")]
TO_STAFF = [event for event in E if event.value.startswith("staff_")]
TO_APPLICANT = [event for event in E if event not in TO_HOLDER + TO_STAFF]
CORRECTION = [E.RETURNED, E.REFUSED, E.CORRECTION_INSUFFICIENT, E.CORRECTION_REMINDER]
RUNNING = [
    *(E.SUBMITTED, E.IN_REVIEW, E.MOVED, E.RECHECK, E.RESUMED),
    *(E.IN_PRODUCTION, E.READY, E.PARCEL_SENT),
]
"""Events after which the applicant waits for a stage to end."""
COLLECTION = [E.PARCEL_RETURNED, E.COLLECT_REMINDER]
CERTIFICATE = [event for event in TO_APPLICANT if event.value.startswith("certificate_")]
RENEWABLE = [event for event in CERTIFICATE if event is not E.CERTIFICATE_ANNULLED]
ENDS = [E.ISSUED, E.SUBSTITUTE_ISSUED, E.WITHDRAWN, E.CLOSED]

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
BALANCE_DUE = Deficiency(
    code="BALANCE_DUE",
    field="documents.payment_proof",
    message="Не оплачена оставшаяся часть пошлины.",
    remedy="Оплатите счёт по ссылке или приложите квитанцию об оплате.",
    kind=ReasonKind.INCOMPLETE,
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
    current_name="Петрова Мария Сергеевна",
    blank="ДВА 0123456",
    scope="диплом и приложение к нему",
    delivery_address="127006, Москва, улица Садовая, дом 3",
    institution="Колледж связи имени Попова",
    specialty="Сестринское дело",
    graduation_year=2005,
    code_expected=True,
    fees=FEES,
    fees_due=1800,
    pay_url="https://pay.example.org/i/1?a=1&b=2",
    refund=1800,
    delivery=DeliveryMethod.PICKUP,
    hand_over=HandOver(
        method=DeliveryMethod.POST, handed_over_on=date(2026, 5, 28), reference="80123456789012"
    ),
    route=Route.ARCHIVE,
    closure_protocol="№ 5 от 01.02.2011",
    copy_reference="АК-77",
    tracking="80123456789012",
    collect_by=date(2026, 6, 26),
    certificate_number="ВС-0042",
    valid_until=date(2026, 6, 11),
    attached="Расписка в получении заявления",
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


def test_a_misspelt_fact_is_found_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    shutil.copytree(TEMPLATES, folder)
    spoilt = folder / "withdrawn.j2"
    text = spoilt.read_text(encoding="utf-8").replace(
        "{% block happened %}", "{% block happened %}{{ hapened_on }}"
    )
    spoilt.write_text(text, encoding="utf-8")
    with pytest.raises(BadTemplate, match=r"withdrawn\.j2: nothing is called hapened_on"):
        TemplateMailRenderer("mail.example.org", "https://example.org/{number}", templates=folder)


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


def test_the_full_facts_leave_nothing_out() -> None:
    plain = MINIMAL.model_dump()
    assert [name for name, value in FULL if value == plain[name]] == ["happened_on"]


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
@pytest.mark.parametrize(
    "event",
    [E.IN_REVIEW, E.RETURNED, E.ISSUED, E.PARCEL_SENT, *CERTIFICATE, E.HOLDER_LETTER],
)
def test_values_are_literal_in_both_forms(event: NoticeEvent, value: str) -> None:
    letter = mail(
        event,
        salutation=value,
        holder=value,
        subject_name=value,
        institution=value,
        specialty=value,
        status_label=value,
        tracking=value,
        certificate_number=value,
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


@pytest.mark.parametrize(
    "event",
    [
        *(*RUNNING, E.ACCEPTED, E.DELAYED, E.DATES_CHANGED, *CORRECTION, *COLLECTION),
        *(E.HOLDER_LETTER, E.HOLDER_REMINDER),
    ],
)
def test_a_preliminary_date_is_called_so(event: NoticeEvent) -> None:
    for form in both(mail(event)):
        assert form.count("Сроки, которые приходятся на 2026 год, предварительные") == 1
        assert "календарь на этот год ещё не опубликован" in form
    assert "предварительн" not in mail(event, provisional=False).text


@pytest.mark.parametrize("event", [E.SUSPENDED, *ENDS, E.REFUNDED, *CERTIFICATE, E.HOLDER_RECALL])
def test_where_no_term_is_told_none_is_called_preliminary(event: NoticeEvent) -> None:
    assert "предварительн" not in mail(event).text


def test_the_year_without_a_calendar_is_that_of_the_latest_date() -> None:
    text = both(mail(E.IN_REVIEW, due_on=date(2026, 12, 30), next_by=date(2027, 1, 28)))[0]
    assert "приходятся на 2027 год" in text
    assert "2026 год" not in text


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
    free = mail(E.SUBMITTED, fees=(), fees_due=0, pay_url="", refund=0, code_expected=False)
    text = both(free)[0]
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


def test_of_two_invoices_the_first_is_asked_for_now_and_the_second_announced() -> None:
    text = both(mail(E.SUBMITTED, fees_due=750))[0]
    assert "Оплатите 750 рублей по ссылке ниже. Остальное мы попросим оплатить позже" in text
    assert "Из них нам: 1800 рублей К оплате сейчас: 750 рублей" in text
    assert "Остальное" not in mail(E.SUBMITTED).text
    assert "К оплате сейчас" not in mail(E.SUBMITTED).text


def test_the_remaining_part_of_the_fee_is_asked_for_with_its_own_sum() -> None:
    letter = mail(E.RETURNED, deficiencies=(BALANCE_DUE,), fees_due=1050)
    for form in both(letter):
        assert "возвращено на доработку: не оплачена оставшаяся часть пошлины." in form
        assert "номер архивной копии: АК-77" in form
        assert "После оплаты дубликат передадут в изготовление" in form
        assert "Оплатите 1050 рублей по ссылке ниже: об оплате мы узнаем сами" in form
        assert "К оплате сейчас: 1050 рублей" in form
        assert "отправьте исправление" not in form
        assert "не хватает" not in form
    assert FULL.pay_url in letter.text


@pytest.mark.parametrize("event", CORRECTION)
def test_a_payment_missing_among_other_things_leaves_them_to_be_corrected(
    event: NoticeEvent,
) -> None:
    assert "Устраните остальные замечания и отправьте исправление" in both(mail(event))[0]
    unpayable = both(mail(event, pay_url=""))[0]
    assert "по ссылке ниже" not in unpayable
    assert "Устраните каждое замечание и отправьте исправление" in unpayable


def test_a_code_that_was_sent_is_asked_for_beside_the_payment() -> None:
    for form in both(mail(E.SUBMITTED)):
        assert "Мы отправили код на ваш телефон: подтвердите заявление." in form
        assert "Когда вы подтвердите заявление, мы зарегистрируем его" in form
        assert "Оплатите 1800 рублей" in form
    free = both(mail(E.SUBMITTED, fees=(), fees_due=0))[0]
    assert "Мы отправили код на ваш телефон" in free
    assert "ничего не требуется" not in free
    assert "код" not in words(mail(E.SUBMITTED, code_expected=False).text)


@every_applicant_event
def test_a_refund_is_told_once_where_it_is_made(event: NoticeEvent) -> None:
    told = "Возвращаем вам 1800 рублей" in both(mail(event))[0]
    assert told == (event in [E.WITHDRAWN, E.CLOSED, E.SUBSTITUTE_ISSUED, E.REFUNDED])
    assert "Возвращаем" not in mail(event, refund=0).text


def test_a_late_payment_goes_back_in_full() -> None:
    for form in both(mail(E.REFUNDED)):
        assert "29.04.2026 поступила оплата по вашему заявлению" in form
        assert "Мы возвращаем эту оплату полностью" in form
        assert "Возвращаем вам 1800 рублей" in form
        assert "От вас ничего не требуется" in form
        assert "13.05.2026" not in form


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


def test_changed_dates_come_with_their_reason() -> None:
    for form in both(mail(E.DATES_CHANGED, respond_by=None, collect_by=None)):
        assert "Опубликован новый производственный календарь" in form
        assert "Этап: проверка документов" in form
        assert "Результат не позднее: 13.05.2026 (среда)" in form
        assert "Предельный срок по заявлению: 15.06.2026 (понедельник)" in form
        assert "От вас ничего не требуется." in form


def test_changed_dates_of_a_returned_application_are_those_of_the_applicant() -> None:
    text = both(mail(E.DATES_CHANGED))[0]
    assert "Последний день для исправления: 29.05.2026 (пятница)" in text
    assert "ждём вашего исправления" in text
    assert "13.05.2026" not in text, "the clocks of the service stand still"


def test_changed_dates_of_a_waiting_parcel_name_the_new_last_day() -> None:
    text = both(mail(E.DATES_CHANGED, respond_by=None))[0]
    assert "Последний день для получения: 26.06.2026 (пятница)" in text
    assert "Дубликат по-прежнему ждёт вас" in text


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
    text = both(mail(E.ISSUED, hand_over=handed, tracking=""))[0]
    assert "28.05.2026" in text
    assert "АКТ-17" in text
    assert "«утрачен, заменён»" in text
    assert {"post": "почтой", "pickup": "лично", "electronic": "электронном виде"}[method] in text


def test_a_parcel_that_was_followed_is_issued_when_it_is_delivered() -> None:
    text = both(mail(E.ISSUED))[0]
    assert "28.05.2026 отправление с дубликатом вручено вам" in text
    assert "Номер отправления: 80123456789012" in text
    assert "Следите" not in text
    assert "Следите за отправлением" in both(mail(E.ISSUED, tracking=""))[0]


def test_a_parcel_can_be_followed_and_is_not_lost_when_it_comes_back() -> None:
    for form in both(mail(E.PARCEL_SENT)):
        assert "29.04.2026 дубликат передан на почту. Номер отправления: 80123456789012." in form
        assert "узнать по его номеру" in form
        assert "вернётся обратно" in form
        assert "можно будет забрать лично" in form


@pytest.mark.parametrize("event", COLLECTION)
def test_a_returned_parcel_waits_with_a_last_day_a_passport_and_an_act(event: NoticeEvent) -> None:
    for form in both(mail(event)):
        assert "Заявление остаётся открытым" in form
        assert "Место выдачи: Колледж связи № 54" in form
        assert "вы подпишете акт приёма-передачи" in form
        assert "Последний день для получения: 26.06.2026 (пятница)" in form
        assert "не позднее 26.06.2026 и возьмите с собой паспорт" in form
        assert "13.05.2026" not in form


def test_a_returned_parcel_is_named_and_the_reminder_reminds() -> None:
    text = both(mail(E.PARCEL_RETURNED))[0]
    assert "29.04.2026 отправление с дубликатом вернулось" in text
    assert "Номер отправления: 80123456789012" in text
    assert "вы его ещё не забрали" in both(mail(E.COLLECT_REMINDER))[0]


# --- temporary certificates ----------------------------------------------------------------


@pytest.mark.parametrize("event", CERTIFICATE)
def test_a_certificate_is_named_and_the_dates_of_the_request_are_not(event: NoticeEvent) -> None:
    for form in both(mail(event)):
        assert "временная справка № ВС-0042" in form
        assert "13.05.2026" not in form
        assert "15.06.2026" not in form


@pytest.mark.parametrize(
    "event", [E.CERTIFICATE_ISSUED, E.CERTIFICATE_REMINDER, E.CERTIFICATE_RENEWED]
)
def test_a_certificate_in_force_names_its_last_day(event: NoticeEvent) -> None:
    for form in both(mail(event)):
        assert "Справка действует до: 11.06.2026 (четверг) включительно" in form


@pytest.mark.parametrize("event", RENEWABLE)
def test_every_certificate_not_annulled_can_be_renewed_by_an_answer(event: NoticeEvent) -> None:
    for form in both(mail(event)):
        assert "попросите продлить её: ответьте на это письмо" in form
        assert "или обратитесь в службу поддержки" in form
        assert "пока идёт работа по заявлению" in form


def test_a_new_certificate_says_where_to_show_it_and_how_it_ends() -> None:
    text = both(mail(E.CERTIFICATE_ISSUED))[0]
    assert "работодателю, образовательной организации или органу социальной защиты" in text
    assert "Когда он будет выдан, справка будет аннулирована" in text
    assert "заранее напомним" in text


def test_a_certificate_is_renewed_or_runs_out() -> None:
    assert (
        "29.04.2026 временная справка № ВС-0042 продлена." in both(mail(E.CERTIFICATE_RENEWED))[0]
    )
    text = both(mail(E.CERTIFICATE_EXPIRED))[0]
    assert "последним днём было 11.06.2026 (четверг). Справка больше не действует" in text
    assert "Если справка вам ещё нужна" in text


def test_an_annulled_certificate_says_why_and_is_not_to_be_used() -> None:
    issued = both(mail(E.CERTIFICATE_ANNULLED))[0]
    assert "аннулирована: дубликат диплома выдан." in issued
    assert "Больше не пользуйтесь этой справкой" in issued
    assert "продлить" not in issued
    ended = both(mail(E.CERTIFICATE_ANNULLED, hand_over=None))[0]
    assert "аннулирована: работа по заявлению завершена." in ended
    assert "дубликат" not in words(ended)


@pytest.mark.parametrize("event", ENDS)
def test_no_certificate_outlives_its_request(event: NoticeEvent) -> None:
    for form in both(mail(event)):
        assert "Аннулирована и временная справка № ВС-0042: пользоваться ею больше нельзя" in form
    assert "временная" not in mail(event, certificate_number="").text


def test_a_person_is_addressed_by_name_when_it_is_known() -> None:
    assert "Здравствуйте, Мария Сергеевна!" in both(mail(E.ACCEPTED))[0]
    assert "Здравствуйте!" in both(mail(E.ACCEPTED, MINIMAL))[0]


# --- letters to holders --------------------------------------------------------------------

ASKED = {
    ErrandKind.VERIFICATION: "подтверждаются ли",
    ErrandKind.PRODUCTION: "серию и номер дубликата, его регистрационный номер и дату выдачи",
    ErrandKind.HAND_OVER: "каким способом и какого числа выдан дубликат",
    ErrandKind.DELIVERY: "вручено ли отправление, и какого числа",
}


@pytest.mark.parametrize("kind", list(ErrandKind))
@pytest.mark.parametrize("event", [E.HOLDER_LETTER, E.HOLDER_REMINDER])
def test_a_holder_is_asked_for_what_the_errand_needs(event: NoticeEvent, kind: ErrandKind) -> None:
    for form in both(mail(event, holder_request=kind)):
        assert [other for other, asked in ASKED.items() if asked in form] == [kind]
        for fact in (FULL.subject_name, "02.03.1985", FULL.institution, FULL.specialty, "2005"):
            assert fact in form
        assert "Просим ответить не позднее: 13.05.2026 (среда)" in form


def test_a_holder_is_asked_to_post_a_duplicate_once_and_to_keep_it_when_it_came_back() -> None:
    asked = {"holder_request": ErrandKind.HAND_OVER, "delivery": DeliveryMethod.POST}
    posted = both(mail(E.HOLDER_LETTER, FULL.model_copy(update=asked), collect_by=None))[0]
    assert "выдать его заявителю почтой" in posted
    assert "Адрес для отправления: 127006" in posted
    returned = both(mail(E.HOLDER_LETTER, FULL.model_copy(update=asked)))[0]
    assert "хранить дубликат для заявителя до 26.06.2026 включительно" in returned
    assert "почтой" not in returned
    assert "127006" not in returned


def test_a_holder_is_told_which_parcel_to_follow() -> None:
    for event in (E.HOLDER_LETTER, E.HOLDER_REMINDER):
        text = both(mail(event, holder_request=ErrandKind.DELIVERY))[0]
        assert "номер отправления: 80123456789012." in text


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
        assert "Due: 13.05.2026 (provisional: " in form
        assert "Whole case due: 15.06.2026 (provisional: " in form
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


# --- text messages -------------------------------------------------------------------------

PHONE = "+79161234567"
CORRECT_BY = "Исправьте до 29.05.2026 включительно"
COLLECT_BY = "Заберите дубликат до 26.06.2026 включительно"
VALID_UNTIL = "Справка действует до 11.06.2026 включительно"
STAGE_UNTIL = "Проверка документов: до 13.05.2026 включительно"
THE_DAY = {
    E.ACCEPTED: "Предельный срок: 15.06.2026",
    E.CORRECTION_REMINDER: "ждём исправления до 29.05.2026",
    **dict.fromkeys(RUNNING, STAGE_UNTIL),
    **dict.fromkeys((E.RETURNED, E.REFUSED, E.CORRECTION_INSUFFICIENT), CORRECT_BY),
    **dict.fromkeys((E.PARCEL_RETURNED, E.COLLECT_REMINDER), COLLECT_BY),
    **dict.fromkeys(
        (E.CERTIFICATE_ISSUED, E.CERTIFICATE_REMINDER, E.CERTIFICATE_RENEWED), VALID_UNTIL
    ),
    E.DATES_CHANGED: CORRECT_BY,
}
"""The one day a text message names, with its words; all other messages name none."""


def sms(event: NoticeEvent, facts: NoticeFacts = FULL, **changes: object) -> Sms:
    notice = Notice(
        control_number=NUMBER,
        event=event,
        audience=Audience.APPLICANT,
        key=f"{event}.3",
        channel=NoticeChannel.SMS,
        not_before=datetime(2026, 4, 29, 9, tzinfo=UTC),
        facts=facts.model_copy(update=changes),
    )
    return RENDERER.render_sms(notice, PHONE)


def code_sms(code: str = "012345", valid_minutes: int = 30) -> Sms:
    return RENDERER.render_code(f"{NUMBER}.code.1", PHONE, NUMBER, code, valid_minutes)


@any_facts
@every_applicant_event
def test_a_text_message_is_the_subject_in_three_parts_at_most(
    event: NoticeEvent, facts: NoticeFacts
) -> None:
    text = sms(event, facts).text
    assert text.startswith(f"{mail(event, facts).subject}. ")
    assert text.endswith(" Подробности в электронном письме.")
    assert text == one_line(text)
    assert len(text) <= 3 * 67
    assert not re.search(r"[A-Za-z]|[{}%#]| [.,:;!?]", text.replace(NUMBER, "1"))


@every_applicant_event
def test_a_text_message_names_the_one_day_that_matters(event: NoticeEvent) -> None:
    text = sms(event, happened_on=date(2026, 4, 1)).text
    assert len(re.findall(r"[0-9]{2}\.[0-9]{2}\.2026", text)) == (event in THE_DAY)
    assert THE_DAY.get(event, "") in text


@every_applicant_event
def test_a_text_message_calls_a_preliminary_day_so(event: NoticeEvent) -> None:
    computed = event in THE_DAY and event not in CERTIFICATE
    assert ("редварительн" in sms(event).text) == computed
    assert "редварительн" not in sms(event, provisional=False).text


def test_changed_dates_are_told_as_those_of_whoever_has_to_act() -> None:
    assert COLLECT_BY in sms(E.DATES_CHANGED, respond_by=None).text
    assert STAGE_UNTIL in sms(E.DATES_CHANGED, respond_by=None, collect_by=None).text


@every_applicant_event
def test_a_text_message_says_nothing_personal(event: NoticeEvent) -> None:
    assert not re.search("Мари|Сергеев|Смирнов|1985|2005|Попова|Сестрин|Колледж", sms(event).text)


def test_the_same_notice_gives_the_same_text_message_under_its_own_id() -> None:
    assert sms(E.READY) == sms(E.READY)
    assert (sms(E.READY).message_id, sms(E.READY).to) == (f"{NUMBER}.ready.3", PHONE)


@pytest.mark.parametrize("value", HOSTILE)
def test_values_are_literal_in_text_messages(value: str) -> None:
    assert f" {value[:1].upper()}{value[1:]}: до" in sms(E.IN_REVIEW, stage=value).text
    assert f": {value}. Действует" in code_sms(value).text


def test_a_code_comes_with_its_number_its_time_and_a_warning() -> None:
    assert code_sms() == Sms(
        message_id=f"{NUMBER}.code.1",
        to=PHONE,
        text=(
            f"Код подтверждения заявления {NUMBER}: 012345. "
            "Действует 30 минут. Никому его не сообщайте."
        ),
    )
    assert "Действует 1 минуту." in code_sms(valid_minutes=1).text
    assert "Действует 2 минуты." in code_sms(valid_minutes=2).text


@pytest.mark.parametrize("name", ["notice.j2", "code.j2"])
def test_a_text_message_s_template_is_looked_at_at_the_start(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "sms"
    shutil.copytree(SMS_TEMPLATES, folder)
    for spoilt, said in (("{{ stage }", f"{name}, line"), (None, name)):
        (folder / name).unlink()
        if spoilt:
            (folder / name).write_text(spoilt, encoding="utf-8")
        with pytest.raises(BadTemplate, match=said):
            TemplateMailRenderer("mail.example.org", "https://x/{number}", sms_templates=folder)
