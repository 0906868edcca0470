"""A key is kept from others, and what is wrong with one is said in a line that names the setting."""

import stat
from pathlib import Path

import pytest
from certificates import certificate, ec_key, rsa_key
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509 import BasicConstraints, KeyUsage

from adapters.papers.keys import (
    SETTING,
    BadSigningKey,
    PrivateKey,
    as_pem,
    chain_of,
    read_certificates,
    read_key,
    token_key,
    trial_key,
)
from adapters.papers.signing import PaperSigner
from adapters.papers.verification import verify
from adapters.secret_files import write_once


def pem(key: PrivateKey | ed25519.Ed25519PrivateKey, passphrase: str | None = None) -> bytes:
    secret: KeySerializationEncryption = NoEncryption()
    if passphrase:
        secret = BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)


def test_a_key_made_for_a_try_is_nobody_elses_to_read(key_file: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [file.name for file in key_file.parent.iterdir()] == [key_file.name]


def test_a_key_is_made_once(key_file: Path) -> None:
    before = key_file.read_bytes()
    trial_key(key_file)
    assert key_file.read_bytes() == before


def test_the_first_of_several_who_make_a_key_wins(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    for content in (b"first", b"second"):
        write_once(file, content)
    assert file.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [file]


def test_its_certificate_says_that_it_is_for_tests_and_what_for(signer: PaperSigner) -> None:
    own, root = signer.certificates
    for found, signs in ((own, False), (root, True)):
        assert "тестовый" in found.subject.rfc4514_string()
        assert found.extensions.get_extension_for_class(BasicConstraints).value.ca is signs
        usage = found.extensions.get_extension_for_class(KeyUsage).value
        assert usage.key_cert_sign is signs
        assert usage.content_commitment is usage.digital_signature is not signs
    own.verify_directly_issued_by(root)


def test_a_key_for_a_try_may_have_a_passphrase(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    trial_key(file, "Пароль")
    assert b"ENCRYPTED" in file.read_bytes()
    read_key(file, "Пароль")


@pytest.mark.parametrize("make", [rsa_key, ec_key])
@pytest.mark.parametrize("form", ["pem", "pkcs12"])
@pytest.mark.parametrize("passphrase", [None, "Пароль 1"])
def test_a_key_of_an_authority_signs_from_a_file(
    make: type[PrivateKey], form: str, passphrase: str | None, unsigned: bytes, tmp_path: Path
) -> None:
    key, middle_key, root_key = make(), ec_key(), ec_key()
    root = certificate("Root", root_key)
    middle = certificate("Middle", middle_key, "Root", root_key)
    own = certificate("Служба", key, "Middle", middle_key)
    stranger = certificate("Stranger", root_key)
    file = tmp_path / "key"
    if form == "pem":
        file.write_bytes(as_pem([root, stranger, middle, own]) + pem(key, passphrase))
    else:
        secret = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        file.write_bytes(
            pkcs12.serialize_key_and_certificates(b"", key, own, [root, stranger, middle], secret)
        )
    signer = PaperSigner(read_key(file, passphrase))
    assert signer.certificates == (own, middle, root)
    assert verify(signer.sign(unsigned), signer.certificates).valid


def refusal(file: Path, passphrase: str | None = None) -> str:
    with pytest.raises(BadSigningKey) as refused:
        read_key(file, passphrase)
    assert refused.value.__cause__ is None
    text = str(refused.value)
    assert text.startswith(f"{SETTING}: ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(("set_to", "given"), [("right", "wrong"), ("right", None), (None, "any")])
@pytest.mark.parametrize("form", ["pem", "pkcs12"])
def test_a_wrong_passphrase_is_said_in_one_line(
    set_to: str | None, given: str | None, form: str, tmp_path: Path
) -> None:
    key, file = ec_key(), tmp_path / "key"
    own = certificate("Служба", key)
    if form == "pem":
        file.write_bytes(pem(key, set_to) + as_pem([own]))
    else:
        secret = BestAvailableEncryption(set_to.encode()) if set_to else NoEncryption()
        file.write_bytes(pkcs12.serialize_key_and_certificates(b"", key, own, None, secret))
    text = refusal(file, given)
    assert "passphrase is not right" in text
    assert not {set_to, given} & set(text.split())


def test_a_file_that_is_missing_or_no_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert "cannot be read" in refusal(file)
    for content in (b"", b"garbage", b"-----BEGIN garbage", as_pem([certificate("A", ec_key())])):
        file.write_bytes(content)
        assert "cannot be opened" in refusal(file)


def test_a_key_without_its_own_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(pem(ec_key()) + as_pem([certificate("A", ec_key())]))
    assert "no certificate for its key" in refusal(file)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(
        pem(ed25519.Ed25519PrivateKey.generate()) + as_pem([certificate("A", ec_key())])
    )
    assert "no RSA or elliptic-curve key" in refusal(file)


def test_a_key_cannot_be_made_where_nobody_may_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadSigningKey, match="cannot be written"):
        trial_key(tmp_path / "file" / "key.pem")


def test_a_token_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadSigningKey, match=SETTING):
        token_key(tmp_path / "none.so", "papers", "1234", "service")


def test_certificates_are_read_from_a_file(tmp_path: Path) -> None:
    file, both = tmp_path / "trusted.pem", (certificate("A", ec_key()), certificate("B", ec_key()))
    file.write_bytes(as_pem(both))
    assert read_certificates(file, "DIPLOMA_X") == both
    file.write_bytes(b"garbage")
    with pytest.raises(BadSigningKey, match=r"DIPLOMA_X: .* no certificate"):
        read_certificates(file, "DIPLOMA_X")
    with pytest.raises(BadSigningKey, match=r"DIPLOMA_X: .* cannot be read"):
        read_certificates(tmp_path / "none.pem", "DIPLOMA_X")


def test_authorities_that_certify_each_other_are_no_endless_chain() -> None:
    one, two = ec_key(), ec_key()
    first, second = certificate("One", one, "Two", two), certificate("Two", two, "One", one)
    assert chain_of(first, second, first) == (first, second)
