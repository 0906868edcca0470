"""Mail over SMTP, against real servers on this machine."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from authority import EXPIRED, IMPOSTORS, Authority, impostor
from helpers import until
from pydantic import SecretStr, ValidationError

from activities.ports import Attachment, Mail, PermanentFailure, TemporaryFailure
from adapters.mail_smtp import SmtpMailGateway, _content
from adapters.smtp_settings import MailSecurity, SmtpSettings
from simulators.mailbox import Mailbox
from simulators.scenario import MailFault
from simulators.state import State
from workers.settings import BadSettings, load_settings

MAIL = Mail(
    message_id="<7K3M-9QXT-2B4D-6.in_review.3@diploma.example>",
    to="anna@example.ru",
    subject="Заявление 7K3M-9QXT-2B4D-6: проверяем документы",
    text="Здравствуйте, Анна Сергеевна!\n.точка в начале строки\n",
    html="<p>Здравствуйте, Анна &lt;b&gt; Сергеевна!</p>\n",
)
HANGS = "hangs"
HANGS_UP = "hangs up"
PASSWORD = "s3cret-of-ours"


def settings(port: int, **others: object) -> SmtpSettings:
    return SmtpSettings.model_validate(
        {
            "host": "127.0.0.1",
            "port": port,
            "sender_address": "noreply@diploma.example",
            "sender_name": "Дубликаты дипломов",
            "timeout_seconds": 5,
            "keep_seconds": 0,
            **others,
        }
    )


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    with State(tmp_path / "state.sqlite3") as state:
        mailbox = Mailbox(state, tmp_path / "mail")
        await mailbox.come_back()
        yield mailbox
        await mailbox.go_away()


@asynccontextmanager
async def server_saying(said: list[str] | None = None, /, **replies: str) -> AsyncIterator[int]:
    """A mail server that follows a script, verb by verb; `dot` is the reply to the content.

    `said` collects the verbs it was told.
    """
    script = {"greeting": "220 here", "data": "354 go on", **replies}

    async def say(verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        reply = script.get(verb, "250 fine")
        if reply == HANGS:
            await reader.read()
        if reply in {HANGS, HANGS_UP}:
            return False
        writer.write(f"{reply}\r\n".encode())
        return True

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            going_on = await say("greeting", reader, writer)
            while going_on and (line := await reader.readline()):
                verb = line.split()[0].decode(errors="replace").lower()
                if said is not None:
                    said.append(verb)
                going_on = await say(verb, reader, writer)
                if verb == "data" and script["data"].startswith("354"):
                    await reader.readuntil(b"\r\n.\r\n")
                    going_on = await say("dot", reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


@pytest.mark.parametrize(
    "name",
    [
        "Служба выдачи дубликатов дипломов",
        "Комитет по образованию, отдел № 3",
        "Достопримечательностивысокогорные и другие",
        'Service "Duplicates", Moscow',
        "Sender <somebody@else.example>",
    ],
)
async def test_the_senders_name_arrives_whatever_is_in_it(mailbox: Mailbox, name: str) -> None:
    await SmtpMailGateway(settings(mailbox.port, sender_name=name)).send(MAIL)
    [mail] = mailbox.mails()
    (sender,) = mail["From"].addresses
    assert sender.addr_spec == "noreply@diploma.example"
    # The library's own parser shows another space between two encoded words.
    assert "".join(sender.display_name.split()) == "".join(name.split())


async def test_a_mail_arrives_readable_in_both_forms(mailbox: Mailbox) -> None:
    letter = MAIL.model_copy(update={"errand_key": "7K3M-9QXT-2B4D-6.verification.1"})
    await SmtpMailGateway(settings(mailbox.port)).send(letter)
    [mail] = mailbox.mails()
    assert mail["Subject"] == MAIL.subject
    assert mail["From"] == "Дубликаты дипломов <noreply@diploma.example>"
    assert mail["To"] == "anna@example.ru"
    assert mail["Message-ID"] == MAIL.message_id
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "ru"
    assert mail["X-Diploma-Errand"] == "7K3M-9QXT-2B4D-6.verification.1"
    assert mail["Date"].datetime.tzinfo is not None
    assert mail.get_content_type() == "multipart/alternative"
    assert body(mail, "plain") == MAIL.text
    assert body(mail, "html") == MAIL.html


async def test_a_mail_to_nobody_s_errand_names_none(mailbox: Mailbox) -> None:
    await SmtpMailGateway(settings(mailbox.port)).send(MAIL)
    [mail] = mailbox.mails()
    assert mail["X-Diploma-Errand"] is None


async def test_tags_in_a_name_stay_letters_in_the_text(mailbox: Mailbox) -> None:
    marked = MAIL.model_copy(update={"subject": "Анна <b>", "text": "Анна <b> {{ 7*7 }}\n"})
    await SmtpMailGateway(settings(mailbox.port)).send(marked)
    [mail] = mailbox.mails()
    assert mail["Subject"] == "Анна <b>"
    assert body(mail, "plain") == "Анна <b> {{ 7*7 }}\n"


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\r\n\r\n"])
async def test_a_subject_cannot_begin_another_header(mailbox: Mailbox, break_: str) -> None:
    hostile = MAIL.model_copy(update={"subject": f"Анна{break_}Bcc: eve@example.ru"})
    await SmtpMailGateway(settings(mailbox.port)).send(hostile)
    [mail] = mailbox.mails()
    assert mail["Subject"] == "Анна Bcc: eve@example.ru"
    assert mail["Bcc"] is None
    assert body(mail, "plain") == MAIL.text


async def test_long_ids_and_long_lines_survive(mailbox: Mailbox) -> None:
    long = MAIL.model_copy(
        update={
            "message_id": f"<7K3M-9QXT-2B4D-6.in_review.3@{'very-long.' * 15}example>",
            "text": "д" * 5000 + "\n",
        }
    )
    await SmtpMailGateway(settings(mailbox.port)).send(long)
    [mail] = mailbox.mails()
    assert mail["Message-ID"] == long.message_id
    assert body(mail, "plain") == long.text


async def test_a_cyrillic_domain_is_written_as_dns_knows_it(mailbox: Mailbox) -> None:
    await SmtpMailGateway(settings(mailbox.port)).send(
        MAIL.model_copy(update={"to": "anna@пример.рф"})
    )
    [mail] = mailbox.mails()
    assert mail["To"] == "anna@xn--e1afmkfd.xn--p1ai"


@pytest.mark.parametrize(
    "to",
    [
        "anna@example.ru,eve@example.ru",
        "anna@example.ru eve@example.ru",
        "anna@example.ru\r\nRCPT TO:<eve@example.ru>",
        "Анна <anna@example.ru>",
        "анна@example.ru",
        "anna",
        "",
    ],
)
async def test_anything_but_one_address_is_refused_before_it_is_sent(
    mailbox: Mailbox, to: str
) -> None:
    with pytest.raises(PermanentFailure, match=r"^mail cannot be written: ") as caught:
        await SmtpMailGateway(settings(mailbox.port)).send(MAIL.model_copy(update={"to": to}))
    assert "example.ru" not in str(caught.value)
    assert mailbox.mails() == []


@pytest.mark.parametrize("verb", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize(
    ("code", "failure"),
    [(421, TemporaryFailure), (451, TemporaryFailure), (550, PermanentFailure)],
)
async def test_the_reply_code_alone_tells_temporary_from_permanent(
    verb: str, code: int, failure: type[Exception]
) -> None:
    async with server_saying(**{verb: f"{code} anna@example.ru is a stranger"}) as port:
        with pytest.raises(failure, match=f"^mail server refused the mail: {code}$") as caught:
            await SmtpMailGateway(settings(port)).send(MAIL)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("verb", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("misbehaviour", [HANGS, HANGS_UP, "what?"])
async def test_a_server_lost_before_it_has_taken_the_mail_is_temporary(
    verb: str, misbehaviour: str
) -> None:
    async with server_saying(**{verb: misbehaviour}) as port:
        with pytest.raises(TemporaryFailure, match=r"^mail server "):
            await SmtpMailGateway(settings(port, timeout_seconds=0.2)).send(MAIL)


@pytest.mark.parametrize("misbehaviour", [HANGS, HANGS_UP, "what?", "451 no"])
async def test_a_server_lost_at_the_farewell_has_the_mail(misbehaviour: str) -> None:
    async with server_saying(quit=misbehaviour) as port:
        await SmtpMailGateway(settings(port, timeout_seconds=0.2)).send(MAIL)


@pytest.mark.parametrize("verb", ["greeting", "ehlo"])
async def test_a_server_that_refuses_us_and_not_the_mail_is_temporary(verb: str) -> None:
    async with server_saying(**{verb: "554 no service", "helo": "554 no service"}) as port:
        with pytest.raises(TemporaryFailure, match=r": 554$"):
            await SmtpMailGateway(settings(port)).send(MAIL)


async def test_a_server_that_is_away_is_temporary_until_it_is_back(mailbox: Mailbox) -> None:
    gateway = SmtpMailGateway(settings(mailbox.port))
    await mailbox.go_away()
    with pytest.raises(TemporaryFailure, match=r"^mail server cannot be reached or hung up$"):
        await gateway.send(MAIL)
    await mailbox.come_back()
    await gateway.send(MAIL)
    assert len(mailbox.mails()) == 1


@pytest.mark.parametrize("fault", [MailFault.HANG_AFTER_DOT, MailFault.DROP_AFTER_DOT])
async def test_a_mail_of_unknown_fate_is_sent_again_under_the_same_id(
    mailbox: Mailbox, fault: MailFault
) -> None:
    gateway = SmtpMailGateway(settings(mailbox.port, timeout_seconds=0.5))
    mailbox.play(fault)
    with pytest.raises(TemporaryFailure):
        await gateway.send(MAIL)
    await gateway.send(MAIL)
    assert [mail["Message-ID"] for mail in mailbox.mails()] == [MAIL.message_id] * 2


async def test_mails_in_a_row_go_over_one_connection_until_it_is_idle() -> None:
    said: list[str] = []
    async with server_saying(said) as port:
        gateway = SmtpMailGateway(settings(port, keep_seconds=0.2))
        await gateway.send(MAIL)
        await gateway.send(MAIL)
        mail = ["mail", "rcpt", "data"]
        assert said == ["ehlo", *mail, *mail]
        await until(lambda: came(said[-1] == "quit"))
        await gateway.send(MAIL)
        assert said[-4:] == ["ehlo", *mail]
        await gateway.close()
        assert said[-1] == "quit"


async def test_an_idle_connection_the_server_has_ended_costs_no_mail(mailbox: Mailbox) -> None:
    gateway = SmtpMailGateway(settings(mailbox.port, keep_seconds=60))
    for _ in range(2):
        await gateway.send(MAIL)
        await mailbox.go_away()
        await mailbox.come_back()
    await gateway.send(MAIL)
    assert len(mailbox.mails()) == 3
    await gateway.close()


async def test_no_mail_is_begun_where_another_was_refused(mailbox: Mailbox) -> None:
    gateway = SmtpMailGateway(settings(mailbox.port, keep_seconds=60))
    await gateway.send(MAIL)
    mailbox.play(MailFault.REJECT_550)
    with pytest.raises(PermanentFailure):
        await gateway.send(MAIL)
    await gateway.send(MAIL)
    assert len(mailbox.mails()) == 2
    await gateway.close()


async def test_a_server_that_knows_no_eight_bits_gets_none() -> None:
    async with server_saying(ehlo="502 what is that?", helo="250 hello") as port:
        written = SmtpMailGateway(settings(port))
        await written.send(MAIL)
    assert _content(MAIL, readable=False).isascii()


async def came(condition: bool) -> bool:
    return condition


class Kept:
    """What arrives at a mail server that speaks TLS, at once or after STARTTLS."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.port = 0

    @asynccontextmanager
    async def at(self, security: str, tls: ssl.SSLContext) -> AsyncIterator["Kept"]:
        def connection() -> SMTP:
            upgrade: dict[str, Any] = (
                {"tls_context": tls, "require_starttls": True} if not at_once else {}
            )
            return SMTP(
                self,
                hostname="localhost",
                # Of TLS from the first byte the library knows nothing.
                auth_required=not at_once,
                auth_require_tls=not at_once,
                authenticator=self._authenticate,
                loop=loop,
                **upgrade,
            )

        at_once = security == "tls"
        loop = asyncio.get_running_loop()
        server = await loop.create_server(connection, "127.0.0.1", 0, ssl=tls if at_once else None)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            yield self

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(bytes(envelope.original_content or b""))
        return "250 OK"

    async def handle_exception(self, error: Exception) -> str:
        return f"451 {type(error).__name__}"

    def _authenticate(self, _server: SMTP, *given: object) -> AuthResult:
        login = given[-1]
        right = isinstance(login, LoginPassword) and login == (b"diploma", PASSWORD.encode())
        return AuthResult(success=right, handled=False)


def login(password: str) -> Mapping[str, object]:
    return {"username": "diploma", "password": SecretStr(password)}


async def failure_of(gateway: SmtpMailGateway) -> str:
    with pytest.raises(TemporaryFailure) as failed:
        await gateway.send(MAIL)
    assert failed.value.__suppress_context__
    assert PASSWORD not in str(failed.value)
    return str(failed.value)


SECURED = pytest.mark.parametrize("security", ["starttls", "tls"])


@SECURED
async def test_a_login_and_a_certificate_of_ours_carry_a_mail(
    security: str, ours: Authority
) -> None:
    async with Kept().at(security, ours.server(clients_of=ours)) as kept:
        files = {"ca_file": ours.file, "client_certificate": ours.issue()}
        guarded = settings(kept.port, security=security, **files, **login(PASSWORD))
        await SmtpMailGateway(guarded).send(MAIL)
    assert len(kept.mails) == 1


@SECURED
@IMPOSTORS
async def test_a_server_that_is_not_who_it_should_be_gets_neither_password_nor_mail(
    security: str, fault: str, told: str, ours: Authority, theirs: Authority
) -> None:
    async with Kept().at(security, impostor(fault, ours, theirs)) as kept:
        guarded = settings(kept.port, security=security, ca_file=ours.file, **login(PASSWORD))
        failure = await failure_of(SmtpMailGateway(guarded))
    assert failure == f"mail server shows a certificate that {told}"
    assert kept.mails == []


@SECURED
async def test_without_an_authority_of_its_own_the_system_s_are_asked(
    security: str, ours: Authority
) -> None:
    async with Kept().at(security, ours.server()) as kept:
        failure = await failure_of(SmtpMailGateway(settings(kept.port, security=security)))
    assert failure == "mail server shows a certificate that is of no authority that we trust"


@SECURED
@pytest.mark.parametrize("shown", ["nothing", "somebody else's", "expired"])
async def test_a_server_that_wants_another_certificate_of_us_gets_no_mail(
    security: str, shown: str, ours: Authority, theirs: Authority
) -> None:
    files = {"ca_file": ours.file}
    if shown != "nothing":
        files["client_certificate"] = (
            ours.issue(days=EXPIRED) if shown == "expired" else theirs.issue()
        )
    async with Kept().at(security, ours.server(clients_of=ours)) as kept:
        guarded = settings(kept.port, security=security, **files, **login(PASSWORD))
        await failure_of(SmtpMailGateway(guarded))
    assert kept.mails == []


@pytest.mark.parametrize(
    ("security", "given", "code"),
    [("starttls", login("wrong"), 535), ("tls", login("wrong"), 535), ("starttls", {}, 530)],
    ids=["wrong after starttls", "wrong over tls", "missing"],
)
async def test_a_wrong_login_is_an_operator_s_matter_and_loses_no_mail(
    security: str, given: Mapping[str, object], code: int, ours: Authority
) -> None:
    async with Kept().at(security, ours.server()) as kept:
        guarded = settings(kept.port, security=security, ca_file=ours.file, **given)
        failure = await failure_of(SmtpMailGateway(guarded))
    assert failure == f"mail server refused the mail: {code}"


@pytest.mark.parametrize(
    "ehlo", ["250 fine", "250-fine\r\n250 AUTH PLAIN LOGIN"], ids=["bare", "with a login"]
)
async def test_where_starttls_is_wanted_and_not_offered_nothing_is_said(ehlo: str) -> None:
    said: list[str] = []
    async with server_saying(said, ehlo=ehlo) as port:
        guarded = settings(port, security="starttls", **login(PASSWORD))
        failure = await failure_of(SmtpMailGateway(guarded))
    assert failure == "mail server offers no STARTTLS, or no login"
    assert set(said) <= {"ehlo", "quit"}


@pytest.mark.parametrize("starttls", ["454 not now", "250 go on", HANGS_UP, HANGS, "220 go on"])
async def test_where_starttls_comes_to_nothing_nothing_is_said(starttls: str) -> None:
    said: list[str] = []
    offer = "250-fine\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"
    async with server_saying(said, ehlo=offer, starttls=starttls) as port:
        guarded = settings(port, security="starttls", timeout_seconds=0.3, **login(PASSWORD))
        await failure_of(SmtpMailGateway(guarded))
    assert not {"auth", "mail", "rcpt", "data"} & set(said)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"host": "mail.example.org"}, "security"),
        ({"host": "0.0.0.0"}, "security"),
        ({"security": "opportunistic"}, "security"),
        (login(PASSWORD), "password"),
        ({"allow_plain": True, "host": "mail.example.org", **login(PASSWORD)}, "password"),
        ({"ca_file": "ca.pem"}, "ca_file"),
        ({"client_certificate": "ours.pem"}, "client_certificate"),
        ({"client_key": "ours.key"}, "client_key"),
        ({"username": "diploma"}, "password"),
        ({"password": PASSWORD, "security": "tls"}, "password"),
        ({"sender_address": "a@b.ru, c@d.ru"}, "sender_address"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
    ],
    ids=str,
)
def test_settings_that_contradict_themselves_are_refused(
    wrong: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(25, **wrong)
    assert [fault["loc"] for fault in refused.value.errors()] == [(field,)]
    assert PASSWORD not in str(refused.value)


def test_plain_text_may_leave_this_machine_only_where_that_is_said() -> None:
    assert settings(25, host="mail", allow_plain=True).security is MailSecurity.NONE


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"HOST": "mail.example.org"}, "SECURITY"),
        ({"USERNAME": "diploma", "PASSWORD": PASSWORD}, "PASSWORD"),
        ({"SECURITY": "tls", "CA_FILE": "/missing.pem"}, "CA_FILE"),
        ({"SECURITY": "tls", "CLIENT_CERTIFICATE": "/missing.pem"}, "CLIENT_CERTIFICATE"),
        ({"SECURITY": "tls", "CLIENT_KEY": "/missing.pem"}, "CLIENT_KEY"),
    ],
    ids=str,
)
def test_the_variable_that_cannot_be_used_is_named_with_a_remedy(
    variables: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"DIPLOMA_SMTP__{name}", value)
    with pytest.raises(BadSettings, match=f"^DIPLOMA_SMTP__{named}: .*(write|mend|name) ") as bad:
        load_settings().mail_gateway()
    assert PASSWORD not in str(bad.value)


def test_the_password_is_not_shown() -> None:
    assert PASSWORD not in repr(settings(25, security="tls", **login(PASSWORD)))


PDF = Attachment(
    name="invoice-7K3M-9QXT-2B4D-6.pdf", content=bytes(range(256)) * 500 + b"\r\n.\r\n"
)
TEXT = Attachment(name="notes.txt", content=b"one\ntwo\r\n.\n", media_type="text/plain")


async def test_attachments_arrive_byte_for_byte_beside_both_bodies(mailbox: Mailbox) -> None:
    mail = MAIL.model_copy(update={"attachments": (PDF, TEXT)})
    await SmtpMailGateway(settings(mailbox.port)).send(mail)
    (arrived,) = mailbox.mails()
    assert arrived.get_content_type() == "multipart/mixed"
    assert arrived["Content-Language"] == "ru"
    assert body(arrived, "plain").replace("\r\n", "\n") == MAIL.text
    assert body(arrived, "html").replace("\r\n", "\n") == MAIL.html
    files = list(arrived.iter_attachments())
    assert [file.get_filename() for file in files] == [PDF.name, TEXT.name]
    assert [file.get_content_type() for file in files] == [PDF.media_type, TEXT.media_type]
    assert [file.get_payload(decode=True) for file in files] == [PDF.content, TEXT.content]
    assert all(file.get_content_disposition() == "attachment" for file in files)


async def test_a_mail_without_attachments_is_as_it_was(mailbox: Mailbox) -> None:
    await SmtpMailGateway(settings(mailbox.port)).send(MAIL)
    assert mailbox.mails()[0].get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(
    "name",
    ["../a.pdf", "a/b.pdf", "a\\b.pdf", ".pdf", "a", "a.pdf.exe", 'a".pdf', "a\r\nBcc: x@y.pdf", "справка.pdf", "-.pdf", "a.pdf\n"],
)  # fmt: skip
def test_a_file_name_that_could_mean_something_else_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Attachment(name=name, content=b"")
