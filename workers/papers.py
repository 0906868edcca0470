"""What papers are signed and checked with, from the settings; made up for a first try."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.x509 import Certificate

from adapters.blobs import BlobStore
from adapters.papers.keys import (
    BadSigningKey,
    SigningKey,
    read_certificates,
    read_key,
    trial_key,
)
from adapters.papers.office import PaperOffice
from adapters.papers.signing import PaperSigner
from adapters.papers.typesetting import PaperTypesetter
from adapters.secret_files import write_once
from domain.papers import LEAST_KEY_BYTES
from workers.settings import PREFIX, BadSettings, Settings

TRIAL_KEY = "signing-key.pem"
TRIAL_SECRET = "verification-secret"  # noqa: S105 - the name of a file
_OTHERS = 0o007
"""Rights of those who are neither the owner nor in the group."""


def paper_office(settings: Settings, store: BlobStore) -> PaperOffice:
    """The office that makes out papers; takes a second or two when a key has to be made up.

    Raises:
        BadSettings: The key, its passphrase or the secret cannot be used.
        BadTemplate: A template of a paper is missing or has a fault.
    """
    return PaperOffice(
        PaperTypesetter(contacts=settings.support_email),
        PaperSigner(signing_key(settings), settings.timestamp_url),
        store,
        settings.verification_url,
        verification_secret(settings),
    )


def verification_secret(settings: Settings) -> bytes:
    """What the codes on papers are made with; made up when no file is named.

    Raises:
        BadSettings: The file cannot be used.
    """
    setting = f"{PREFIX}VERIFICATION_SECRET_FILE"
    file = settings.verification_secret_file or settings.secrets_folder / TRIAL_SECRET
    try:
        if settings.verification_secret_file is None and not file.exists():
            write_once(file, secrets.token_hex(32).encode())
        secret = file.read_bytes().strip()
    except OSError as error:
        raise BadSettings(f"{setting}: {file} cannot be used: {error.strerror}") from None
    _refuse_open_file(file, setting)
    if len(secret) < LEAST_KEY_BYTES:
        raise BadSettings(f"{setting}: {file} holds less than {LEAST_KEY_BYTES} bytes")
    return secret


def known_certificates(
    settings: Settings,
) -> tuple[tuple[Certificate, ...], tuple[Certificate, ...]]:
    """Certificates of our keys, present and former, and those of authorities for time.

    Makes no key up: whoever only checks papers needs none.

    Raises:
        BadSettings: A file cannot be used, or no certificate of ours is known.
    """
    trial = settings.secrets_folder / TRIAL_KEY
    with _as_bad_settings():
        ours = _read("TRUSTED_CERTIFICATES", settings.trusted_certificates)
        if settings.signing_key is not None or trial.exists():
            ours = (*PaperSigner(signing_key(settings)).certificates, *ours)
        stampers = _read("TIMESTAMP_CERTIFICATES", settings.timestamp_certificates)
    if not ours:
        raise BadSettings(
            f"{PREFIX}TRUSTED_CERTIFICATES: name the certificates papers are signed with, "
            f"or their key in {PREFIX}SIGNING_KEY"
        )
    return ours, stampers


def signing_key(settings: Settings) -> SigningKey:
    """The key papers are signed with; takes a second or two when it has to be made up.

    Raises:
        BadSettings: The key or its passphrase cannot be used.
    """
    given = settings.signing_passphrase
    passphrase = given.get_secret_value() if given else None
    with _as_bad_settings():
        if settings.signing_key is None:
            return trial_key(settings.secrets_folder / TRIAL_KEY, passphrase)
        key = read_key(settings.signing_key, passphrase)
    _refuse_open_file(settings.signing_key, f"{PREFIX}SIGNING_KEY")
    return key


def _refuse_open_file(file: Path, setting: str) -> None:
    if file.stat().st_mode & _OTHERS:
        raise BadSettings(f"{setting}: {file} is open to others; run `chmod 600` on it")


def _read(name: str, file: Path | None) -> tuple[Certificate, ...]:
    return () if file is None else read_certificates(file, PREFIX + name)


@contextmanager
def _as_bad_settings() -> Iterator[None]:
    """A key that cannot be used is a setting that cannot: commands say so without its library."""
    try:
        yield
    except BadSigningKey as error:
        raise BadSettings(str(error)) from None
