"""The key papers are signed with: from a file, from a token, or made up for a first try (R8)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asn1crypto.cms import CMSAttributes
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import (
    AuthorityKeyIdentifier,
    BasicConstraints,
    Certificate,
    CertificateBuilder,
    KeyUsage,
    Name,
    NameAttribute,
    SubjectKeyIdentifier,
    load_der_x509_certificate,
    load_pem_x509_certificates,
    random_serial_number,
)
from cryptography.x509.oid import NameOID
from pyhanko.config.pkcs11 import TokenCriteria
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.sign.signers import Signer

from adapters.secret_files import write_once

SETTING = "DIPLOMA_SIGNING_KEY"
"""The setting all that can be wrong with a key goes back to."""
TEST_SIGNER = "Служба дубликатов (тестовый)"
TEST_AUTHORITY = "Корневой сертификат (тестовый)"
"""Names in a certificate have 64 bytes at most, 32 Russian letters."""
_TEST_DAYS = 3652
_BITS = 3072
_PEM = b"-----BEGIN "

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class BadSigningKey(Exception):
    """A key or a certificate that cannot be used; the text names the setting and says why."""

    def __init__(self, reason: str, setting: str = SETTING) -> None:
        super().__init__(f"{setting}: {reason}")


class SigningKey(Signer):
    """A private key with its certificates; signs in memory.

    pyHanko's own signer of this kind reads and checks the key again for each signature, which
    takes ten times as long as signing.
    """

    def __init__(self, key: PrivateKey, certificates: tuple[Certificate, ...]) -> None:
        """Take a key.

        Args:
            key: RSA or elliptic curve.
            certificates: The key's own first, then those of the authorities above it.
        """
        own, *above = as_asn1(chain_of(*certificates))
        super().__init__(signing_cert=own, embed_roots=False)  # a root proves nothing in a file
        self.cert_registry.register_multiple(above)
        self._key = key

    async def signed_attrs(self, *what: Any, **how: Any) -> CMSAttributes:
        """What is signed, as read from its encoding: the library encodes the rest only once."""
        attributes = await super().signed_attrs(*what, **how)
        return CMSAttributes.load(attributes.dump())

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        """The bare signature of some bytes; a dry run only asks how long it is."""
        del dry_run  # signing is the quickest way to find out
        digest: hashes.HashAlgorithm = getattr(hashes, digest_algorithm.upper())()
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), digest)
        return self._key.sign(data, ec.ECDSA(digest))


def chain_of(own: Certificate, *others: Certificate) -> tuple[Certificate, ...]:
    """A certificate and those above it, each issued by the next; the last may be a root."""
    chain = [own]
    while above := [found for found in others if found not in chain and issued(chain[-1], found)]:
        chain.append(above[0])
    return tuple(chain)


def issued(certificate: Certificate, issuer: Certificate) -> bool:
    """True when one certificate was issued by the other."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_trial(certificate: Certificate) -> bool:
    """True when the key was made up by `trial_key`: its signatures prove nothing to anybody."""
    return certificate.issuer == _name(TEST_AUTHORITY)


def as_pem(certificates: Iterable[Certificate]) -> bytes:
    """Certificates as text, to be published or stored."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def as_asn1(certificates: Iterable[Certificate]) -> list[Any]:
    """Certificates as pyHanko wants them."""
    return [
        next(load_certs_from_pemder_data(found.public_bytes(Encoding.DER)))
        for found in certificates
    ]


def read_certificates(file: Path, setting: str) -> tuple[Certificate, ...]:
    """The certificates of a PEM file that a setting names, for checking signatures.

    Raises:
        BadSigningKey: The file cannot be read or holds none.
    """
    try:
        return tuple(load_pem_x509_certificates(file.read_bytes()))
    except OSError:
        raise BadSigningKey(f"the file {file} cannot be read", setting) from None
    except ValueError:
        raise BadSigningKey(f"the file {file} holds no certificate in PEM form", setting) from None


def read_key(file: Path, passphrase: str | None = None) -> SigningKey:
    """A key with its certificates from a file, PKCS#12 or PEM.

    Raises:
        BadSigningKey: The file cannot be read, the passphrase is not right, or a part is missing.
    """
    try:
        content = file.read_bytes()
    except OSError:
        raise BadSigningKey(f"the file {file} cannot be read") from None
    secret = passphrase.encode() if passphrase else None
    try:
        key, certificates = (_from_pem if _PEM in content else _from_pkcs12)(content, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadSigningKey(
            f"the file {file} cannot be opened: either the passphrase is not right, "
            "or it is no key with its certificate in PKCS#12 or PEM form"
        ) from None
    if not isinstance(key, PrivateKey):
        raise BadSigningKey(f"the file {file} holds no RSA or elliptic-curve key")
    own = [found for found in certificates if found.public_key() == key.public_key()]
    if not own:
        raise BadSigningKey(f"the file {file} holds no certificate for its key")
    return SigningKey(key, (own[0], *certificates))


def _from_pem(content: bytes, secret: bytes | None) -> tuple[object, list[Certificate]]:
    return load_pem_private_key(content, secret), load_pem_x509_certificates(content)


def _from_pkcs12(content: bytes, secret: bytes | None) -> tuple[object, list[Certificate]]:
    key, own, others = pkcs12.load_key_and_certificates(content, secret)
    return key, [certificate for certificate in (own, *others) if certificate]


def token_key(
    module: Path, token: str, pin: str, label: str, above: tuple[Certificate, ...] = ()
) -> Signer:
    """A key that never leaves its token, over PKCS#11; needs the package python-pkcs11.

    Args:
        module: The token's library.
        token: Label of the token.
        pin: Of its user.
        label: Of the key and of its certificate.
        above: Certificates of the authorities above it.

    Raises:
        BadSigningKey: The package, the token, the key or its certificate is missing, or the PIN
            is not right.
    """
    try:
        from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session  # noqa: PLC0415 - few have tokens
    except ImportError:
        raise BadSigningKey("for a key on a token install the package python-pkcs11") from None
    try:
        session = open_pkcs11_session(
            str(module), token_criteria=TokenCriteria(label=token), user_pin=pin
        )
        key = PKCS11Signer(session, label, key_label=label, embed_roots=False)
        own = load_der_x509_certificate(key.signing_cert.dump())
    except Exception as error:  # noqa: BLE001 - every token's library fails in its own way
        raise BadSigningKey(f"the token refuses: {type(error).__name__} {error}") from None
    key.cert_registry.register_multiple(as_asn1(chain_of(own, *above)[1:]))
    return key


def trial_key(file: Path, passphrase: str | None = None) -> SigningKey:
    """The key of a file; a made-up one, and the file, when there is none yet.

    Its certificates say that they are for tests: nobody else trusts them. Takes a second or two.

    Raises:
        BadSigningKey: As for `read_key`, or the file cannot be written.
    """
    if not file.exists():
        secret = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        key, certificates = _made_up()
        content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)
        try:
            write_once(file, content + as_pem(certificates))
        except OSError:
            raise BadSigningKey(f"the file {file} cannot be written") from None
    return read_key(file, passphrase)


def _made_up() -> tuple[PrivateKey, tuple[Certificate, ...]]:
    """A key with a certificate of an authority whose own key is forgotten at once."""
    key, authority = (rsa.generate_private_key(65537, _BITS) for _ in range(2))
    root = _certificate(TEST_AUTHORITY, authority, TEST_AUTHORITY, authority)
    return key, (_certificate(TEST_SIGNER, key, TEST_AUTHORITY, authority), root)


def _certificate(
    subject: str, key: rsa.RSAPrivateKey, issuer: str, issuer_key: rsa.RSAPrivateKey
) -> Certificate:
    """A certificate for signing certificates if it is the issuer's own, else for documents."""
    root = key is issuer_key
    yesterday = datetime.now(UTC) - timedelta(days=1)  # clocks differ
    usage = KeyUsage(
        digital_signature=not root,
        content_commitment=not root,
        key_cert_sign=root,
        crl_sign=root,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    public, above = key.public_key(), issuer_key.public_key()
    return (
        CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(random_serial_number())
        .not_valid_before(yesterday)
        .not_valid_after(yesterday + timedelta(days=_TEST_DAYS))
        .add_extension(BasicConstraints(ca=root, path_length=0 if root else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(common_name: str) -> Name:
    return Name(
        [
            NameAttribute(NameOID.COUNTRY_NAME, "RU"),
            NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
