"""Notices turned into mails, one template per event in two shapes, and into text messages."""

import re
import textwrap
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    meta,
    nodes,
)

from activities.ports import Mail, Sms
from domain.notices import Notice, NoticeEvent, NoticeFacts

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "mail"
SMS_TEMPLATES = TEMPLATES.parent / "sms"
SERVICE_NAME = "Служба выдачи дубликатов дипломов"
LINE_WIDTH = 76
"""Plain text stays readable when it is quoted with a mark before each line."""

KNOWN_NAMES = frozenset(NoticeFacts.model_fields) | {
    "case_url",
    "code",
    "control_number",
    "event",
    "service_name",
    "shape",
    "subject",
    "valid_minutes",
}
"""What a template may mention: the facts of a notice, and what is told beside them."""

_WEEKDAYS = ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье")
_NO_BREAK = "\u00a0"
_GLUE = re.compile(
    r"(?<=№) "
    r"| (?=—)"
    r"|(?<=\d) (?=(?:рабоч|календарн|день\b|дн[яе]|рубл|замечани|год\b|МБ))"
)
_LIST_MARK = re.compile(r" *(?:\d+\. )?")


def day(value: date) -> str:
    """A date with its weekday: 13.05.2026 (среда)."""
    return f"{numeric_date(value)} ({_WEEKDAYS[value.weekday()]})"


def numeric_date(value: date) -> str:
    """A date as people write it: 13.05.2026."""
    return f"{value:%d.%m}.{value.year:04}"


def plural(count: int, one: str, few: str, many: str) -> str:
    """A count with its noun: 1 день, 2 дня, 5 дней."""
    tens, units = count // 10 % 10, count % 10
    if tens == 1 or units == 0 or units > 4:  # noqa: PLR2004 - Russian has forms for 1 and 2-4
        return f"{count} {many}"
    return f"{count} {one if units == 1 else few}"


def roubles(amount: int) -> str:
    """A sum of whole roubles: 1 рубль, 2600 рублей."""
    return plural(amount, "рубль", "рубля", "рублей")


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each in one line; escaped text stays marked as escaped."""
    space = type(text)(" ")
    return [space.join(words) for part in text.split("\n\n") if (words := part.split())]


class BadTemplate(Exception):
    """A template that cannot be used; the text names the file and the line."""


class TemplateMailRenderer:
    """A MailRenderer (R11) over a folder with one template per NoticeEvent.

    An event's template holds the words; `shared/as_text.j2` and `shared/as_html.j2` give
    them their two shapes. Facts are only ever values: nothing in them is evaluated, and
    HTML escapes them. Text messages have a folder with one template for all events and one
    for the one-time code.
    """

    def __init__(
        self,
        mail_domain: str,
        case_url: str,
        service_name: str = SERVICE_NAME,
        templates: Path = TEMPLATES,
        sms_templates: Path = SMS_TEMPLATES,
    ) -> None:
        """Compile every template.

        Args:
            mail_domain: Right side of every Message-ID.
            case_url: Address of the applicant's page with {number} for the control number.
            service_name: Whom mails come from, as people read it.
            templates: Folder of the mails' templates.
            sms_templates: Folder of the text messages' templates.

        Raises:
            ValueError: `case_url` has no {number}.
            BadTemplate: A template is missing or malformed.
        """
        if "{number}" not in case_url:
            raise ValueError("case_url needs {number} in the place of the control number")
        self._mail_domain = mail_domain
        self._case_url = case_url
        self._service_name = service_name
        try:
            self._texts = _compiled(templates, "shared/as_text.j2", escape=False)
            self._pages = _compiled(templates, "shared/as_html.j2", escape=True)
            short = _environment(sms_templates, escape=False)
            self._sms_notice = short.get_template("notice.j2")
            self._sms_code = short.get_template("code.j2")
        except TemplateSyntaxError as error:
            place = f"{error.name}, line {error.lineno}"
            raise BadTemplate(f"template {place}: {error.message}") from None
        except TemplateError as error:
            raise BadTemplate(f"template missing: {error.message}") from None

    def render(self, notice: Notice, recipient: str) -> Mail:
        """The mail for a notice; the same notice always gives the same mail."""
        context = self._context(notice)
        return Mail(
            message_id=f"<{notice.control_number}.{notice.key}@{self._mail_domain}>",
            to=recipient,
            subject=self._subject(notice.event, context),
            text=_wrapped(_typeset(self._texts[notice.event].render(context))),
            html=_typeset(self._pages[notice.event].render(context)).strip() + "\n",
            errand_key=notice.errand_key,
        )

    def render_sms(self, notice: Notice, recipient: str) -> Sms:
        """The short text for a notice; the same notice always gives the same one."""
        context = self._context(notice)
        subject = self._subject(notice.event, context)
        text = self._sms_notice.render(context, event=notice.event, subject=subject)
        return Sms(
            message_id=f"{notice.control_number}.{notice.key}",
            to=recipient,
            text=_in_one_line(text),
        )

    def render_code(
        self, message_id: str, recipient: str, control_number: str, code: str, valid_minutes: int
    ) -> Sms:
        """The text message that brings the applicant a one-time code (R1)."""
        text = self._sms_code.render(
            control_number=control_number, code=code, valid_minutes=valid_minutes
        )
        return Sms(message_id=message_id, to=recipient, text=_in_one_line(text))

    def _context(self, notice: Notice) -> dict[str, Any]:
        return {
            **_in_one_line(notice.facts.model_dump()),
            "control_number": notice.control_number,
            "case_url": self._case_url.replace("{number}", notice.control_number),
            "service_name": self._service_name,
        }

    def _subject(self, event: NoticeEvent, context: dict[str, Any]) -> str:
        template = self._texts[event]
        block = template.blocks["subject"](template.new_context(context))
        return " ".join("".join(block).split())


@cache
def _compiled(folder: Path, shape: str, *, escape: bool) -> dict[NoticeEvent, Template]:
    """Every event's template; all share the macros of one shape."""
    environment = _environment(folder, escape=escape)
    environment.globals["shape"] = shape  # one shape for each way of escaping
    return {event: environment.get_template(f"{event.value}.j2") for event in NoticeEvent}


@cache
def _environment(folder: Path, *, escape: bool) -> Environment:
    """The templates of a folder, each looked at once."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=escape,  # noqa: S701 - pages are, and plain text must not be
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, Callable[..., Any]] = {
        "date": numeric_date,
        "day": day,
        "paragraphs": paragraphs,
        "plural": plural,
        "roubles": roubles,
    }
    environment.filters.update(filters)
    parsed = {}
    for name in environment.list_templates(extensions=["j2"]):
        environment.get_template(name)  # a malformed template is found now, not at a mail
        parsed[name] = environment.parse((folder / name).read_text(encoding="utf-8"), name)
    _check_names(parsed)
    return environment


def _check_names(parsed: dict[str, nodes.Template]) -> None:
    """Find a misspelt fact now, not at the mail that mentions it.

    Raises:
        BadTemplate: Nothing has that name: no fact, no macro and no variable of any template.
    """
    ours = set(KNOWN_NAMES)
    for tree in parsed.values():
        ours |= {macro.name for macro in tree.find_all(nodes.Macro)}
        ours |= {used.target for used in tree.find_all(nodes.Import)}
        ours |= {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    for name, tree in parsed.items():
        unknown = meta.find_undeclared_variables(tree) - ours
        if unknown:
            raise BadTemplate(f"template {name}: nothing is called {', '.join(sorted(unknown))}")


def _in_one_line(value: Any) -> Any:
    """Plain values with every string in one line, so that none can pose as a paragraph or header."""
    match value:
        case str():
            return " ".join(value.split())
        case dict():
            return {key: _in_one_line(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_in_one_line(entry) for entry in value]
        case _:
            return value


def _typeset(text: str) -> str:
    """Non-breaking spaces where Russian wants them, so that templates need none."""
    return _GLUE.sub(_NO_BREAK, text)


def _wrapped(text: str) -> str:
    """Plain text with soft lines; the further lines of a list's entry hang under its first."""
    lines = (_wrapped_line(line) for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _wrapped_line(line: str) -> str:
    if len(line) <= LINE_WIDTH and line == " ".join(line.split()):
        return line  # as most are
    mark = _LIST_MARK.match(line)
    return textwrap.fill(
        line,
        LINE_WIDTH,
        subsequent_indent=" " * (mark.end() if mark else 0),
        break_long_words=False,  # addresses stay whole
        break_on_hyphens=False,  # and so do control numbers
    )
