"""Papers signed by the service: PAdES, as the very last step, so that nothing follows it (R8)."""

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from asn1crypto.tsp import SigningCertificateV2
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.attributes import CMSAttributeProvider, SignedAttributeProviderSpec
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import as_signing_certificate_v2
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.timestamps import HTTPTimeStamper, TimestampRequestError

from activities.ports import TemporaryFailure
from adapters.papers.coroutines import finish

FIELD = "ServiceSignature"
_META = PdfSignatureMetadata(
    field_name=FIELD, subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256"
)
_TIMESTAMP_SECONDS = 20
_BESIDE_CERTIFICATES = 4096
"""Bytes a signature has at most beside the certificates that are in it."""


class _SameMetadata(IncrementalPdfFileWriter):
    """Leaves the description of the file as it is."""

    def _update_meta(self) -> None:
        """Do nothing: pyHanko would write the XMP anew, in its own words, and PDF/A is particular."""


class _NamesCertificate(SignedAttributeProviderSpec, CMSAttributeProvider):
    """Says under the signature whose it is, as PAdES wants it; encoded once.

    The library encodes what it was not given encoded again and again, for most of the time that
    signing takes.
    """

    attribute_type = "signing_certificate_v2"

    def __init__(self, certificate: Any) -> None:
        self._encoded = as_signing_certificate_v2(certificate).dump()

    def signed_attr_providers(
        self,
        data_digest: bytes,  # noqa: ARG002
        digest_algorithm: str,  # noqa: ARG002
    ) -> Iterable[CMSAttributeProvider]:
        """Nothing else is signed beside the digest."""
        return (self,)

    async def build_attr_value(self, dry_run: bool = False) -> SigningCertificateV2:  # noqa: ARG002
        """See the base."""
        return SigningCertificateV2.load(self._encoded)


class PaperSigner:
    """Signs papers (R8) with a key of the service.

    The signature cannot be seen on the page; the templates say that it is there. It is of
    level B-B, or B-T when an authority stamps it with the time.
    """

    def __init__(self, key: Signer, timestamp_url: str | None = None) -> None:
        """Take the key.

        Args:
            key: See `keys.read_key`, `keys.trial_key` and `keys.token_key`.
            timestamp_url: Where an authority answers to RFC 3161.
        """
        self._key = key
        key.signed_attr_prov_spec = _NamesCertificate(key.signing_cert)
        self._timestamper = (
            HTTPTimeStamper(timestamp_url, timeout=_TIMESTAMP_SECONDS) if timestamp_url else None
        )
        encoded = (found.dump() for found in (key.signing_cert, *key.cert_registry))
        self.certificates: tuple[Certificate, ...] = tuple(
            load_der_x509_certificate(found) for found in dict.fromkeys(encoded)
        )
        """The key's own first, then those above it; with them `verify` knows our papers."""
        self._room = None if timestamp_url else self._hex_digits()
        """For the signature; where none is told, the library signs twice to see what it needs."""

    def sign(self, pdf: bytes) -> bytes:
        """The paper with our signature at its end.

        Takes some 20 ms of computing, and waits for the timestamp authority when there is one.
        No two signatures of a paper are equal.

        Raises:
            TemporaryFailure: The authority is away, or our certificate is not in force.
        """
        own = self.certificates[0]
        if not own.not_valid_before_utc <= datetime.now(UTC) <= own.not_valid_after_utc:
            raise TemporaryFailure("the certificate papers are signed with is not in force")
        signer = PdfSigner(
            _META, self._key, timestamper=self._timestamper, new_field_spec=SigFieldSpec(FIELD)
        )
        try:
            signed = finish(
                signer.async_sign_pdf(_SameMetadata(io.BytesIO(pdf)), bytes_reserved=self._room)
            )
        except (TimestampRequestError, TimeoutError):
            raise TemporaryFailure("the timestamp authority cannot be reached") from None
        content: bytes = signed.getvalue()
        return content

    def _hex_digits(self) -> int:
        certificates = sum(len(found.public_bytes(Encoding.DER)) for found in self.certificates)
        return 2 * (certificates + _BESIDE_CERTIFICATES)
