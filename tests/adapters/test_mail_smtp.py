"""Mail over SMTP, against real servers on this machine."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port
from pydantic import SecretStr, ValidationError

from activities.ports import Attachment, Mail, PermanentFailure, TemporaryFailure
from adapters.mail_smtp import SmtpMailGateway
from adapters.smtp_settings import SmtpSettings
from simulators.mailbox import Mailbox
from simulators.scenario import MailFault
from simulators.state import State

MAIL = Mail(
    message_id="<7K3M-9QXT-2B4D-6.in_review.3@diploma.example>",
    to="anna@example.ru",
    subject="Заявление 7K3M-9QXT-2B4D-6: проверяем документы",
    text="Здравствуйте, Анна Сергеевна!\n.точка в начале строки\n",
    html="<p>Здравствуйте, Анна &lt;b&gt; Сергеевна!</p>\n",
)
HANGS = "hangs"
HANGS_UP = "hangs up"


def settings(port: int, **others: object) -> SmtpSettings:
    return SmtpSettings.model_validate(
        {
            "host": "127.0.0.1",
            "port": port,
            "sender_address": "noreply@diploma.example",
            "sender_name": "Дубликаты дипломов",
            "timeout_seconds": 5,
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
async def server_saying(**replies: str) -> AsyncIterator[int]:
    """A mail server that follows a script, verb by verb; `dot` is the reply to the content."""
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
                verb = line.split()[0].decode().lower()
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


async def test_no_starttls_where_it_is_wanted_is_temporary(mailbox: Mailbox) -> None:
    with pytest.raises(TemporaryFailure):
        await SmtpMailGateway(settings(mailbox.port, starttls=True)).send(MAIL)
    assert mailbox.mails() == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("TLS needs a certificate, and there is no openssl binary to make one")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", folder / "key.pem", "-out", folder / "certificate.pem"),
        ],
        check=True,
        capture_output=True,
    )
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
async def guarded_mailbox(tmp_path: Path, certificate: tuple[Path, Path]) -> AsyncIterator[Mailbox]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    with State(tmp_path / "state.sqlite3") as state:
        mailbox = Mailbox(state, tmp_path / "mail", tls=tls, login=("diploma", "s3cret"))
        await mailbox.come_back()
        yield mailbox
        await mailbox.go_away()


def login(password: str) -> Mapping[str, object]:
    return {"username": "diploma", "password": SecretStr(password)}


async def test_starttls_and_login_carry_a_mail(
    guarded_mailbox: Mailbox, certificate: tuple[Path, Path]
) -> None:
    guarded = settings(
        guarded_mailbox.port, starttls=True, ca_file=certificate[0], **login("s3cret")
    )
    await SmtpMailGateway(guarded).send(MAIL)
    assert len(guarded_mailbox.mails()) == 1


async def test_a_wrong_password_is_an_operator_s_matter_and_loses_no_mail(
    guarded_mailbox: Mailbox, certificate: tuple[Path, Path]
) -> None:
    guarded = settings(guarded_mailbox.port, starttls=True, ca_file=certificate[0], **login("x"))
    with pytest.raises(TemporaryFailure, match=r"^mail server refused the mail: 535$"):
        await SmtpMailGateway(guarded).send(MAIL)


async def test_a_missing_login_is_an_operator_s_matter_too(
    guarded_mailbox: Mailbox, certificate: tuple[Path, Path]
) -> None:
    guarded = settings(guarded_mailbox.port, starttls=True, ca_file=certificate[0])
    with pytest.raises(TemporaryFailure, match=r"^mail server refused the mail: 530$"):
        await SmtpMailGateway(guarded).send(MAIL)


async def test_a_certificate_nobody_vouches_for_is_not_trusted(guarded_mailbox: Mailbox) -> None:
    guarded = settings(guarded_mailbox.port, starttls=True, **login("s3cret"))
    with pytest.raises(TemporaryFailure):
        await SmtpMailGateway(guarded).send(MAIL)
    assert guarded_mailbox.mails() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"starttls": True, "tls": True},
        {"username": "diploma"},
        {"sender_address": "a@b.ru, c@d.ru"},
        {"timeout_seconds": 0},
    ],
)
def test_settings_that_contradict_themselves_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(unused_port(), **wrong)


def test_the_password_is_not_shown() -> None:
    assert "s3cret" not in repr(settings(25, **login("s3cret")))


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
