"""Papers that come with mails: which, signed by us, the same again when a mail is repeated."""

from email.message import EmailMessage

from helpers import until
from staging import Stage, Story, trial_settings
from test_certificates import with_certificate
from test_issuance import COLLECTED, made
from test_money import unpaid
from test_routes import LIQUIDATED, answers, at_institution

from adapters.papers.verification import verify
from domain.base import JsonObject
from domain.papers import PaperTemplate, Verification
from domain.statuses import CaseStatus
from simulators.scenario import MailFault
from workers.papers import known_certificates

BY_FILE: JsonObject = {
    "method": "electronic",
    "handed_over_on": "2026-06-12",
    "reference": "duplicate.pdf",
}


def templates(stage: Stage, story: Story) -> dict[str, PaperTemplate]:
    """Which paper came with which mail; each is one of ours and says whose it is."""
    found = {}
    for event, content in attachments(stage, story).items():
        paper = checked(content).paper
        assert paper is not None
        assert paper.control_number == story.number
        found[event] = paper.template
    return found


def attachments(stage: Stage, story: Story) -> dict[str, bytes]:
    """What is attached to the mails of a case, by the event each tells of."""
    return {
        event: content
        for event, mail in mails(stage, story).items()
        for content in attached_to(mail)
    }


def attached_to(mail: EmailMessage) -> list[bytes]:
    contents = [part.get_payload(decode=True) for part in mail.iter_attachments()]
    return [content for content in contents if isinstance(content, bytes)]


def mails(stage: Stage, story: Story) -> dict[str, EmailMessage]:
    found = {}
    for mail in stage.outside.mail.mails(story.number):
        _, _, rest = mail["Message-ID"].strip(" <>").partition(".")
        found[rest.partition(".")[0]] = mail
    return found


def checked(content: bytes) -> Verification:
    ours, stampers = known_certificates(trial_settings())
    found = verify(content, ours, stampers)
    assert found.valid
    return found


async def test_a_case_begins_with_a_receipt_and_ends_with_the_act_that_was_signed(
    stage: Stage,
) -> None:
    story = await made(stage)
    await story.signal("duplicate_handed_over", COLLECTED)
    await story.reaches(CaseStatus.ISSUED)
    await story.mails()
    assert templates(stage, story) == {
        "submitted": PaperTemplate.SUBMISSION_RECEIPT,
        "issued": PaperTemplate.ACCEPTANCE_ACT,
    }
    text = " ".join(dict(story.mail_texts())["submitted"].split())
    assert "Расписка в получении заявления" in text


async def test_a_duplicate_that_is_a_file_comes_with_the_mail(stage: Stage) -> None:
    story = await made(stage)
    await story.signal("duplicate_handed_over", BY_FILE)
    await story.reaches(CaseStatus.ISSUED)
    await story.mails()
    assert templates(stage, story)["issued"] is PaperTemplate.ELECTRONIC_DUPLICATE


async def test_who_has_to_pay_gets_an_invoice(stage: Stage) -> None:
    story = await stage.starts(unpaid())
    await story.reaches(CaseStatus.RETURNED)
    await story.mails()
    assert templates(stage, story)["returned"] is PaperTemplate.INVOICE


async def test_a_holder_without_a_system_gets_a_signed_letter(stage: Stage) -> None:
    story = await stage.starts_by_letter()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.mails()
    assert templates(stage, story)["holder_letter"] is PaperTemplate.HOLDER_LETTER


async def test_a_substitute_certificate_is_a_paper(stage: Stage) -> None:
    story = await stage.starts(at_institution(LIQUIDATED, "78"))
    await story.reaches(CaseStatus.IN_REVIEW)
    await answers(story, "not_found")
    await story.reaches(CaseStatus.SUBSTITUTE_ISSUED)
    await story.mails()
    assert templates(stage, story)["substitute_issued"] is PaperTemplate.SUBSTITUTE_CERTIFICATE


async def test_a_temporary_certificate_is_a_paper(stage: Stage) -> None:
    story, certificate = await with_certificate(stage)
    await certificate.pass_days(7)
    await story.has("temporary_certificate", 2)
    await story.mails()
    content = attachments(stage, story)["certificate_issued"]
    paper = checked(content).paper
    assert paper is not None
    assert paper.paper_id == f"{story.number}/temporary_certificate/1"


async def test_a_mail_that_comes_twice_brings_the_same_paper(stage: Stage) -> None:
    stage.outside.mail.play(MailFault.DROP_AFTER_DOT)
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await waits(stage, story)
    await story.pass_days(0.01)
    await story.mails()
    first, again = [
        content
        for mail in stage.outside.mail.mails(story.number)
        if f"{story.number}.submitted." in mail["Message-ID"]
        for content in attached_to(mail)
    ]
    assert first == again


async def test_a_mail_waits_for_a_paper_the_store_has_lost(stage: Stage) -> None:
    # More than one, as a mail of another test's case may come in between.
    stage.outside.mail.play(*[MailFault.GREYLIST_451] * 3)
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await waits(stage, story)
    receipt = await stage.register.paper_file(f"{story.number}/submitted.1")
    assert receipt is not None
    content = stage.store.get(story.number, receipt.sha256)
    stage.store.delete(story.number, receipt.sha256)
    await story.pass_days(0.01)

    async def is_named() -> bool:
        return receipt.sha256 in (await story.view()).mails.trouble

    await until(is_named, look_every=stage.look_every)
    assert "submitted" not in mails(stage, story)
    stage.store.put(story.number, content)

    async def are_sent() -> bool:
        await story.pass_days(0.05)
        return not (await story.view()).mails.waiting

    await until(are_sent, look_every=stage.look_every)
    await story.mails()
    assert attachments(stage, story)["submitted"] == content


async def waits(stage: Stage, story: Story) -> None:
    """Wait until the case knows that a mail did not go out, or may not have."""

    async def is_known() -> bool:
        return bool((await story.view()).mails.trouble)

    await until(is_known, look_every=stage.look_every)
