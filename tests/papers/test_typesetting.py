"""Papers say what they have to say, in Russian that can be read, copied and kept for decades."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pydantic import TypeAdapter
from reading import POINTS_PER_MM, needs, output_of, solid

from activities.ports import PermanentFailure
from adapters.mail_rendering import BadTemplate
from adapters.papers.specimens import EXTREME, MARKUP, ORDINARY
from adapters.papers.typesetting import TEMPLATES, PaperTypesetter
from domain.application import DeliveryMethod
from domain.errands import ErrandKind
from domain.papers import AnyPaper, PaperTemplate, SubmissionReceipt

TYPESETTER = PaperTypesetter(contacts="support@example.org")
PAPERS = [
    *(pytest.param(paper, id=f"{paper.template}-ordinary") for paper in ORDINARY),
    *(pytest.param(paper, id=f"{paper.template}-extreme") for paper in EXTREME),
]
T = PaperTemplate
UNSAID: dict[PaperTemplate, set[str]] = {
    T.SUBMISSION_RECEIPT: {"birth_date", "dated"},
    T.HOLDER_LETTER: {"request", "delivery"},
    T.INVOICE: set(),
    T.TEMPORARY_CERTIFICATE: set(),
    T.SUBSTITUTE_CERTIFICATE: set(),
    T.ACCEPTANCE_ACT: {"birth_date", "name_on_diploma"},
    T.ELECTRONIC_DUPLICATE: {"dated"},
    T.ACT_OF_DESTRUCTION: set(),
}
"""Facts that a paper says in other words, or that are no business of its readers."""
needs_pdftotext = needs("pdftotext", "poppler-utils")


def one_of(template: PaperTemplate) -> AnyPaper:
    return next(paper for paper in ORDINARY if paper.template is template)


RECEIPT = one_of(T.SUBMISSION_RECEIPT)


def receipt_about(**changes: str) -> AnyPaper:
    """The receipt of a graduate some facts of whom are others."""
    assert isinstance(RECEIPT, SubmissionReceipt)
    return RECEIPT.model_copy(update={"graduate": RECEIPT.graduate.model_copy(update=changes)})


@cache
def pdf_of(paper: AnyPaper) -> bytes:
    return TYPESETTER.render(paper)


def text_of(paper: AnyPaper, folder: Path) -> str:
    return output_of("pdftotext", "FILE", "-", pdf=pdf_of(paper), folder=folder)


def facts(value: Any, unsaid: set[str]) -> Iterator[Any]:
    """Every single fact of a paper, as deep as it may lie."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if key not in unsaid | {"template", "code", "collected_by_us"}:
                yield from facts(entry, unsaid)
    elif isinstance(value, tuple):
        for entry in value:
            yield from facts(entry, unsaid)
    elif value not in (None, "", "unknown"):
        yield value


def as_written(fact: Any) -> set[str]:
    """The ways in which a fact may stand on a paper."""
    months = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"
    match fact:
        case date():
            return {
                f"{fact:%d.%m.%Y}",
                f"{fact.day}{months.split()[fact.month - 1]}{fact.year}г.",
            }
        case int():
            return {str(fact), f"{fact}₽"}
        case _:
            return {solid(fact)}


@pytest.mark.parametrize("paper", PAPERS)
@needs_pdftotext
def test_a_paper_says_all_its_facts_in_words_that_can_be_copied(
    paper: AnyPaper, tmp_path: Path
) -> None:
    text = solid(text_of(paper, tmp_path))
    missing = [
        fact
        for fact in facts(paper.model_dump(), UNSAID[paper.template])
        if not any(words in text for words in as_written(fact))
    ]
    assert not missing
    assert "электроннойподписью" in text


@pytest.mark.parametrize("paper", PAPERS)
@needs_pdftotext
def test_no_word_leaves_the_margins(paper: AnyPaper, tmp_path: Path) -> None:
    boxes = output_of("pdftotext", "-bbox", "FILE", "-", pdf=pdf_of(paper), folder=tmp_path)
    edges = [
        (float(left) / POINTS_PER_MM, float(right) / POINTS_PER_MM)
        for left, right in re.findall(r'<word xMin="([\d.]+)".*? xMax="([\d.]+)"', boxes)
    ]
    hanging = 1.5  # millimetres that a hyphen or a comma may stand out
    assert min(left for left, _ in edges) >= 25 - hanging
    assert max(right for _, right in edges) <= 210 - 18 + hanging


@pytest.mark.parametrize("paper", ORDINARY, ids=lambda paper: paper.template)
def test_an_ordinary_paper_has_one_page(paper: AnyPaper) -> None:
    with pikepdf.open(BytesIO(pdf_of(paper))) as pdf:
        assert len(pdf.pages) == 1


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_can_be_kept_for_decades_and_read_aloud(paper: AnyPaper) -> None:
    with pikepdf.open(BytesIO(pdf_of(paper))) as pdf:
        assert not pdf.check_pdf_syntax()
        assert pdf.open_metadata().pdfa_status == "2A"
        assert pdf.Root.Lang == "ru-RU"
        assert pdf.Root.MarkInfo.Marked
        for page in pdf.pages:
            for font in page.resources.Font.values():
                assert "/FontFile3" in font.DescendantFonts[0].FontDescriptor
                assert "/ToUnicode" in font


@pytest.mark.parametrize("paper", PAPERS)
def test_the_title_of_a_file_names_nobody(paper: AnyPaper) -> None:
    # Titles stand in window bars, search indexes and the logs of print servers (R13).
    with pikepdf.open(BytesIO(pdf_of(paper))) as pdf:
        title = str(pdf.docinfo.Title)
    assert title
    assert not re.search("Соколова|Архинеолог", title)


@pytest.mark.parametrize("paper", PAPERS)
@needs("qpdf", "qpdf")
def test_qpdf_finds_no_fault(paper: AnyPaper, tmp_path: Path) -> None:
    output_of("qpdf", "--check", "FILE", pdf=pdf_of(paper), folder=tmp_path)


@pytest.mark.parametrize("paper", ORDINARY, ids=lambda paper: paper.template)
def test_the_same_paper_gives_the_same_bytes(paper: AnyPaper) -> None:
    assert pdf_of(paper) == TYPESETTER.render(paper)


def test_the_same_bytes_come_out_elsewhere_and_later() -> None:
    program = (
        "import hashlib; from adapters.papers.typesetting import PaperTypesetter as T;"
        "from adapters.papers.specimens import ORDINARY;"
        "print(hashlib.sha256(T(contacts='support@example.org').render(ORDINARY[0])).hexdigest())"
    )
    elsewhere = {**os.environ, "TZ": "Asia/Kamchatka", "PYTHONHASHSEED": "7", "LANG": "C"}
    told = subprocess.run(
        [sys.executable, "-c", program],
        env=elsewhere,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert told.stdout.strip() == hashlib.sha256(TYPESETTER.render(ORDINARY[0])).hexdigest()


def test_a_paper_survives_the_way_through_json() -> None:
    papers: TypeAdapter[AnyPaper] = TypeAdapter(AnyPaper)
    for paper in (*ORDINARY, *EXTREME):
        assert papers.validate_json(papers.dump_json(paper)) == paper


@needs_pdftotext
def test_no_fact_is_ever_read_as_markup(tmp_path: Path) -> None:
    places = {"institution": '#image("x.png")', "specialty": "#read('/etc/passwd')"}
    paper = receipt_about(name=MARKUP, **places)
    paper = paper.model_copy(update={"pay_url": "https://a.b/#x[y]*z*"})
    text = text_of(paper, tmp_path)
    for words in (MARKUP, *places.values(), "https://a.b/#x[y]*z*"):
        assert solid(words) in solid(text)


@needs_pdftotext
def test_a_fact_cannot_pose_as_another_line(tmp_path: Path) -> None:
    paper = RECEIPT.model_copy(update={"scope": "диплом\n\nДействительна\u2028вечно\r\x0bда"})
    assert "диплом Действительна вечно да" in text_of(paper, tmp_path)


@pytest.mark.parametrize("shift", range(0, 24, 4))
@needs_pdftotext
def test_no_line_ends_with_a_short_word_a_number_sign_or_an_initial(
    shift: int, tmp_path: Path
) -> None:
    institution = "ы" * shift + " имени А. С. Попова в Уфе № 5 и по 10 рабочих" * 6
    text = text_of(receipt_about(institution=institution), tmp_path)
    assert "Попова" in text
    assert not re.findall(r"(?m)(?:№|\b[А-Я]\.|\b(?:в|и|по)|10)$", text)


@pytest.mark.parametrize(
    ("hours", "minutes", "shown"),
    [
        (3, 0, "(МСК)"),
        (2, 0, "(МСК−1)"),
        (12, 0, "(МСК+9)"),
        (0, 0, "(МСК−3)"),
        (5, 30, "(UTC+05:30)"),
        (-1, 0, "(МСК−4)"),
    ],
)
@needs_pdftotext
def test_the_hour_of_submission_names_its_zone(
    hours: int, minutes: int, shown: str, tmp_path: Path
) -> None:
    zone = timezone(timedelta(hours=hours, minutes=minutes))
    paper = RECEIPT.model_copy(
        update={"submitted_at": datetime(2026, 4, 29, 9, 7, 1, 5, tzinfo=zone)}
    )
    assert f"09:07 {shown}" in text_of(paper, tmp_path)


@needs_pdftotext
def test_the_total_is_computed_and_an_intermediary_is_not_paid_by_our_invoice(
    tmp_path: Path,
) -> None:
    invoice = one_of(T.INVOICE)
    text = solid(text_of(invoice, tmp_path))
    assert "Итогокоплате1800₽" in text
    assert "Всеговместесосчётом2600₽" in text


@pytest.mark.parametrize(
    ("asked", "changes", "words"),
    [
        (ErrandKind.VERIFICATION, {}, "Подтверждаются ли эти сведения"),
        (ErrandKind.PRODUCTION, {}, "Просим изготовить дубликат"),
        (ErrandKind.HAND_OVER, {}, "Просим выдать его выпускнику. "),
        (ErrandKind.HAND_OVER, {"delivery": DeliveryMethod.PICKUP}, "лично, по акту"),
        (ErrandKind.HAND_OVER, {"delivery": DeliveryMethod.ELECTRONIC}, "файлом PDF"),
        (ErrandKind.HAND_OVER, {"collect_by": date(2026, 6, 1)}, "до 1 июня 2026 г. включительно"),
        (ErrandKind.DELIVERY, {"tracking": "80123456789012"}, "номер отправления 80123456789012."),
        (ErrandKind.DELIVERY, {}, "отправлен почтой. "),
    ],
)
@needs_pdftotext
def test_a_letter_asks_for_what_the_errand_is_about(
    asked: ErrandKind, changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    letter = one_of(T.HOLDER_LETTER).model_copy(update={"request": asked, **changes})
    assert words in " ".join(text_of(letter, tmp_path).split())


@needs_pdftotext
def test_a_letter_tells_an_address_only_for_what_goes_there(tmp_path: Path) -> None:
    told = {"delivery_address": "улица Садовая", "delivery": DeliveryMethod.POST}
    letter = one_of(T.HOLDER_LETTER).model_copy(update=told)
    for asked in ErrandKind:
        text = text_of(letter.model_copy(update={"request": asked}), tmp_path)
        assert ("улица Садовая" in text) is (asked is ErrandKind.HAND_OVER)


@pytest.mark.parametrize("paper", ORDINARY, ids=lambda paper: paper.template)
def test_a_paper_needs_no_fact_that_may_be_missing(paper: AnyPaper) -> None:
    told = paper.model_dump(
        include={name for name, field in type(paper).model_fields.items() if field.is_required()}
    )
    TYPESETTER.render(type(paper).model_validate(told))


@pytest.mark.parametrize("letter", "李😀한")
def test_a_letter_no_font_has_is_an_error_and_no_empty_box(letter: str) -> None:
    with pytest.raises(PermanentFailure, match="letter that no font has") as failure:
        TYPESETTER.render(receipt_about(name=f"Соколова {letter}"))
    assert "Соколова" not in str(failure.value)


def test_letters_of_the_peoples_of_russia_are_there() -> None:
    for letters in (range(0x400, 0x482), range(0x48A, 0x500)):
        TYPESETTER.render(receipt_about(name="".join(map(chr, letters))))


# --- templates in other hands ---------------------------------------------------------------


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    return shutil.copytree(TEMPLATES, tmp_path / "papers")


def append(file: Path, words: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + words, encoding="utf-8")


def test_changed_templates_are_used(templates: Path) -> None:
    append(templates / "invoice.typ", "\nСпасибо.")
    changed = PaperTypesetter(templates, contacts="support@example.org")
    invoice = one_of(T.INVOICE)
    assert changed.render(invoice) != TYPESETTER.render(invoice)


@pytest.mark.parametrize(
    "words",
    ["\n#nonsense", '\n#text(font: "Nonsense")[А]', '\n#read("../../pyproject.toml")', "\n*а"],
)
def test_a_fault_in_a_template_is_found_before_any_paper_is_set(
    templates: Path, words: str
) -> None:
    append(templates / "invoice.typ", words)
    with pytest.raises(BadTemplate, match=r"papers/invoice\.typ"):
        PaperTypesetter(templates)


@pytest.mark.parametrize("name", ["shared.typ", "invoice.typ"])
def test_a_missing_template_is_named(templates: Path, name: str) -> None:
    (templates / name).unlink()
    with pytest.raises(BadTemplate, match=re.escape(name)):
        PaperTypesetter(templates)


def test_a_fault_that_only_a_real_paper_shows_names_the_place_and_no_person(
    templates: Path,
) -> None:
    append(
        templates / "submission_receipt.typ",
        '\n#if paper.graduate.name != "Соколова Алёна Игоревна" { panic(paper.graduate.name) }',
    )
    with pytest.raises(BadTemplate, match=r"submission_receipt\.typ:\d+") as fault:
        PaperTypesetter(templates).render(receipt_about(name="Иванов Пётр"))
    assert "Иванов" not in str(fault.value)
    assert fault.value.__cause__ is None


def test_a_preview_shows_every_page() -> None:
    pages = TYPESETTER.preview(EXTREME[0])
    assert len(pages) == 2
    assert all(page.startswith(b"\x89PNG") for page in pages)
