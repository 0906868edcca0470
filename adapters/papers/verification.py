"""Whether a file is, byte for byte, a paper that the service has signed (R8).

A PDF library sees a file only once its bytes are known to be those a key of ours has signed, so
that no stranger's file can keep one busy. And as a signature does not protect its own container,
the container has to be exactly as we would write it: thus every byte of a file counts.
"""

import hashlib
import io
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from asn1crypto import cms, x509
from cryptography.x509 import Certificate, load_der_x509_certificate
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import extract_certificate_info
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from adapters.papers.coroutines import finish
from adapters.papers.keys import as_asn1, chain_of, is_trial
from domain.papers import Finding, PaperIdentity, Verification

LARGEST_FILE = 20 * 1024 * 1024
"""Bytes; a paper of ours has some sixty thousand."""
_LARGEST_SIGNATURE = 64 * 1024
_RANGE = re.compile(
    rb"/ByteRange\s{0,3}\[\s{0,3}0\s{1,3}(\d{1,10})\s{1,3}(\d{1,10})\s{1,3}(\d{1,10})"
)
Certificates = Sequence[Certificate]

for _library in ("pyhanko", "pyhanko_certvalidator"):
    # Both log tracebacks about signatures that do not hold; to us that is an answer, no fault.
    logging.getLogger(_library).setLevel(logging.CRITICAL)


class _Rejected(Exception):
    def __init__(self, finding: Finding) -> None:
        super().__init__(finding)
        self.finding = finding


def verify(
    pdf: bytes, trusted: Certificates, timestamp_authorities: Certificates = ()
) -> Verification:
    """Check a file that is said to be a paper of ours.

    Raises nothing, whatever the file is. Takes some 50 ms of computing for a paper of ours, and
    less for any other file.

    Args:
        pdf: The file.
        trusted: The certificates our keys have or had, and those of the authorities above them.
            What an authority has issued to others is not ours for that.
        timestamp_authorities: Whose stamps our signatures may carry.
    """
    try:
        return _verified(pdf, trusted, timestamp_authorities)
    except _Rejected as rejected:
        return Verification(finding=rejected.finding)
    except Exception:  # noqa: BLE001 - what is broken breaks its readers in every way
        return Verification(finding=Finding.CHANGED)


def _verified(pdf: bytes, trusted: Certificates, stampers: Certificates) -> Verification:
    if len(pdf) > LARGEST_FILE:
        raise _Rejected(Finding.TOO_LARGE)
    if not pdf.startswith(b"%PDF-"):
        raise _Rejected(Finding.NOT_PDF)
    signatures = pdf.count(b"/ByteRange")
    if signatures != 1:
        raise _Rejected(Finding.SEVERAL_SIGNATURES if signatures else Finding.UNSIGNED)
    own = _signer_of(pdf, trusted, stamped=bool(stampers))
    return _read(pdf, own, stampers)


def _signer_of(pdf: bytes, trusted: Certificates, *, stamped: bool) -> Certificate:
    """Whose key has signed these bytes.

    Raises:
        _Rejected: None of ours has, or not exactly these.
    """
    found = _RANGE.search(pdf)
    if found is None:
        raise _Rejected(Finding.CHANGED)
    start, end, rest = (int(number) for number in found.groups())
    gap = pdf[start:end]
    if len(gap) > _LARGEST_SIGNATURE:
        raise _Rejected(Finding.CHANGED)
    signed = cms.ContentInfo.load(bytes.fromhex(gap[1:-1].decode()))["content"]
    own = extract_certificate_info(signed).signer_cert
    certificate = load_der_x509_certificate(own.dump())
    if certificate not in trusted:
        raise _Rejected(Finding.FOREIGN)
    (info,) = signed["signer_infos"]
    digest = hashlib.sha256(pdf[:start] + pdf[end:]).digest()
    unchanged = validate_sig_integrity(info, own, "data", digest) == (True, True)
    chain = chain_of(certificate, *trusted)
    container = _container(signed, own, chain, stamped=stamped)
    expected = b"<%s>" % container.hex().upper().encode().ljust(len(gap) - 2, b"0")
    if not unchanged or gap != expected or end + rest != len(pdf):
        raise _Rejected(Finding.CHANGED)
    return certificate


def _container(
    signed: cms.SignedData, own: x509.Certificate, chain: Certificates, *, stamped: bool
) -> bytes:
    """The container as we write it around what nobody can change unnoticed.

    That is the signature, the attributes it was made for, and our certificate, whose hash is
    among them. Those above it, but for the root, are taken from what is trusted.
    """
    (info,) = signed["signer_infos"]
    above = as_asn1(found for found in chain[1:] if found.issuer != found.subject)
    algorithm = "sha256_rsa" if own.public_key.algorithm == "rsa" else "sha256_ecdsa"
    sender = {"issuer": own.issuer, "serial_number": own.serial_number}
    again = {
        "version": "v1",
        "sid": cms.SignerIdentifier({"issuer_and_serial_number": sender}),
        "digest_algorithm": {"algorithm": "sha256"},
        "signature_algorithm": {"algorithm": algorithm},
        "signed_attrs": info["signed_attrs"],
        "signature": info["signature"].native,
    }
    stamp = info["unsigned_attrs"]
    if stamped and [entry["type"].native for entry in stamp] == ["signature_time_stamp_token"]:
        again["unsigned_attrs"] = stamp
    content = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "data"},
        "certificates": [cms.CertificateChoices("certificate", entry) for entry in (own, *above)],
        "signer_infos": [again],
    }
    rebuilt: bytes = cms.ContentInfo({"content_type": "signed_data", "content": content}).dump()
    return rebuilt


def _read(pdf: bytes, own: Certificate, stampers: Certificates) -> Verification:
    """What a PDF library says of a file whose bytes are ours."""
    reader = PdfFileReader(io.BytesIO(pdf))
    (signature,) = reader.embedded_signatures
    signed_at = signature.self_reported_timestamp
    status = finish(
        async_validate_pdf_signature(
            signature,
            signer_validation_context=_trusting([own], signed_at),
            ts_validation_context=_trusting(stampers, signed_at),
        )
    )
    whole = status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    stamp = status.timestamp_validity
    stamp_holds = stamp is None or (stamp.intact and stamp.valid and stamp.trusted)
    if not (whole and status.intact and status.valid and status.trusted and stamp_holds):
        raise _Rejected(Finding.CHANGED)
    in_force = own.not_valid_before_utc <= signed_at <= own.not_valid_after_utc
    return Verification(
        finding=Finding.GENUINE if in_force else Finding.CERTIFICATE_NOT_VALID,
        signer=signature.signer_cert.subject.native.get("common_name", ""),
        signed_at=signed_at,
        stamped_at=stamp.timestamp if stamp else None,
        trial=is_trial(own),
        paper=_identity(str(reader.trailer_view["/Info"].get("/Keywords", ""))),
    )


def _identity(keywords: str) -> PaperIdentity | None:
    """Which paper the file says it is, as `shared.typ` writes it."""
    with suppress(ValueError):
        number, template, dated, own_number = keywords.split(", ", 3)
        return PaperIdentity.model_validate(
            {
                "control_number": number,
                "template": template,
                "dated": dated,
                "number": own_number,
            }
        )
    return None


def _trusting(certificates: Certificates, moment: datetime) -> ValidationContext:
    """Trust as it was at a moment; nothing is fetched from anywhere."""
    return ValidationContext(trust_roots=as_asn1(certificates), moment=moment, allow_fetching=False)
