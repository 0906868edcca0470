"""An authority for TLS as tests want it, with the certificates it gives to servers and clients."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509 import (
    AuthorityKeyIdentifier,
    BasicConstraints,
    CertificateBuilder,
    DNSName,
    ExtendedKeyUsage,
    GeneralName,
    IPAddress,
    KeyUsage,
    Name,
    NameAttribute,
    SubjectAlternativeName,
    SubjectKeyIdentifier,
    random_serial_number,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE: GeneralName = IPAddress(ip_address("127.0.0.1"))
ELSEWHERE: GeneralName = DNSName("elsewhere.example")
EXPIRED = (-3, -1)
"""Days from today between which a certificate was in force."""


class Authority:
    """Issues certificates; keeps them as files in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._number = 0
        usage = KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        root = (
            self._drafted(folder.name, self._key.public_key(), (-10, 30))
            .add_extension(BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / "authority.pem"
        """The certificate of the authority itself."""
        self.file.write_bytes(root.public_bytes(Encoding.PEM))

    def issue(
        self,
        host: GeneralName = HERE,
        *,
        days: tuple[int, int] = (-1, 30),
        passphrase: bytes | None = None,
    ) -> Path:
        """A file, open to its owner only, with a new key and its certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        both = ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = (
            self._drafted("leaf", key.public_key(), days)
            .add_extension(BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(SubjectAlternativeName([host]), critical=False)
            .add_extension(both, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self._number += 1
        file = self._folder / f"{self._number}.pem"
        file.touch(0o600)
        secret = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)
            + certificate.public_bytes(Encoding.PEM)
        )
        return file

    def server(
        self,
        host: GeneralName = HERE,
        *,
        days: tuple[int, int] = (-1, 30),
        clients_of: "Authority | None" = None,
    ) -> ssl.SSLContext:
        """TLS for a server; with `clients_of` only for clients with a certificate of that one."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.issue(host, days=days))
        if clients_of is not None:
            context.load_verify_locations(clients_of.file)
            context.verify_mode = ssl.CERT_REQUIRED
            # From 1.3 on a server says no when the client has begun to speak, and a client that
            # is cut off while it speaks may not hear why.
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _drafted(
        self, subject: str, key: ec.EllipticCurvePublicKey, days: tuple[int, int]
    ) -> CertificateBuilder:
        now, own = datetime.now(UTC), self._key.public_key()
        return (
            CertificateBuilder()
            .subject_name(_named(subject))
            .issuer_name(_named(self._folder.name))
            .public_key(key)
            .serial_number(random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
        )


def _named(name: str) -> Name:
    return Name([NameAttribute(NameOID.COMMON_NAME, name)])


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority we trust."""
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another one."""
    return Authority(tmp_path_factory.mktemp("tls") / "theirs")


IMPOSTORS = pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("unknown", "is of no authority that we trust"),
        ("expired", "has expired"),
        ("other host", "is of another host"),
    ],
)
"""What is wrong with a server's certificate, and how it is told."""


def impostor(fault: str, ours: Authority, theirs: Authority) -> ssl.SSLContext:
    """What a server shows that is not who it should be."""
    if fault == "unknown":
        return theirs.server()
    return ours.server(days=EXPIRED) if fault == "expired" else ours.server(ELSEWHERE)
