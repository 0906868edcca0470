"""Settings of the service, from the environment; the only place they are read."""

import json
import os
import re
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    BaseModel,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from adapters.profiles import DEFAULT_PROFILE
from adapters.smtp_settings import SmtpSettings
from adapters.transport import BadTlsFile, goes_out_in_clear
from domain.clock import SECONDS_PER_DAY
from domain.identifiers import email_address
from domain.messages import IDENTIFIER_FORM, Identifier

if TYPE_CHECKING:
    from adapters.blobs import BlobStore, S3Access
    from adapters.credentials import Credentials
    from adapters.mail_smtp import SmtpMailGateway
    from adapters.sealing.sealer import CaseSealer

PREFIX = "DIPLOMA_"


class BadSettings(Exception):
    """A setting that cannot be used; the text names the variable and what it should be."""


class Settings(BaseSettings):
    """Everything an operator sets. Connection to Temporal: the SDK's own TEMPORAL_* variables."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    profile: Path = DEFAULT_PROFILE
    """Folder with procedure.toml, reasons.toml, regions.toml and holders.csv."""
    smtp: SmtpSettings = SmtpSettings(
        host="127.0.0.1",
        port=1025,
        sender_address="no-reply@duplicates.example.org",
        sender_name="Служба выдачи дубликатов дипломов",
        reply_to="support@example.org",
    )
    """The mail server; DIPLOMA_SMTP__HOST and so on."""
    ops_email: str = "ops@example.org"
    """Who is told when a term runs out or a case needs a person."""
    support_email: str = "support@example.org"
    """Who answers applicants; told of every broken term."""
    officer: str | None = None
    """Your staff identifier, for commands that are not given --officer."""
    allow_plain_http: bool = False
    """True lets personal data leave this machine over plain http; for development only."""
    credentials_file: Path | None = None
    """TOML file: what holders, payments and SMS gateway are shown; nobody else may read it."""
    holders_base_url: str = "http://127.0.0.1:8070"
    """Relative addresses of holders are joined to it."""
    payments_base_url: str = "http://127.0.0.1:8070"
    """Where the payment system is."""
    sms_base_url: str = "http://127.0.0.1:8070"
    """Where the SMS gateway is."""
    register_url: str = "sqlite:///var/register.db"
    """The register's database; in production as in postgresql://user:secret@host/register."""
    store_url: str = "var/documents"
    """Where scans and papers are kept: a folder, or as in s3://bucket/prefix."""
    store_endpoint: str | None = None
    """For s3: the store's address, as in https://s3.example.org."""
    store_key: str | None = None
    """For s3: the access key."""
    store_secret: SecretStr | None = None
    """For s3: the secret that goes with the key."""
    store_region: str = "us-east-1"
    """For s3: the region; stores outside of Amazon hardly ever care."""
    mail_domain: str = "duplicates.example.org"
    """Right-hand side of every Message-ID."""
    case_url: str = "https://duplicates.example.org/case/{number}"
    """Where the applicant sees the case."""
    operator: str = Field(default="Служба выдачи дубликатов дипломов", min_length=1)
    """Who answers for the personal data, name and address; acts of destruction name it."""
    secrets_folder: Path = Path("var")
    """Where a trial signing key and other secrets are made when none is named below."""
    keyring_url: str = "sqlite:///var/keys.db"
    """The database of the keys of cases; never the register's, and backed up apart from it."""
    master_keys: SecretStr | None = None
    """What the keys of cases are wrapped with, as id:key from a vault; the first one wraps."""
    master_keys_file: Path | None = None
    """The same as a file, one to a line; nobody else may read it."""
    accept_plaintext: bool = False
    """True while cases run that were begun before 0.4.0, when nothing was sealed."""
    allow_plain_temporal: bool = False
    """True lets us talk to a Temporal server on another machine without TLS."""
    access_log: Path = Path("var/access.log")
    """Who had what of which case opened; one file for all who use a key ring."""
    codec_tokens: Path | None = None
    """Who may use the codec server; nobody else may read the file."""
    codec_origins: Annotated[tuple[str, ...], NoDecode] = (
        "http://127.0.0.1:8233",
        "http://localhost:8233",
    )
    """Web UIs that may use the codec server, with commas between."""
    signing_key: Path | None = None
    """The key papers are signed with, in PKCS#12 or PEM; nobody else may read the file."""
    signing_passphrase: SecretStr | None = None
    """Of the signing key's file, when it has one."""
    trusted_certificates: Path | None = None
    """PEM file with certificates of former signing keys, whose papers stay genuine."""
    timestamp_certificates: Path | None = None
    """PEM file with the certificates of the authority for time; needed with its address."""
    timestamp_url: str | None = None
    """Where an authority stamps signatures with the time (RFC 3161); without it none are."""
    verification_url: str = "https://duplicates.example.org/verify"
    """The page where print-outs are checked; printed on every paper and in its QR code."""
    verification_secret_file: Path | None = None
    """What codes on papers are made with, 16 bytes or more; nobody else may read the file."""
    day_seconds: float = Field(default=SECONDS_PER_DAY, gt=0, le=SECONDS_PER_DAY)
    """Real seconds a calendar day lasts; less than 86,400 only for demonstrations."""
    temporal_cli: Path | None = None
    """The Temporal CLI for `up` and `demo`; else the one installed with us, or on the PATH."""
    log_format: Literal["json", "console"] = "json"
    """json for machines, console for people."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The lowest level that is logged."""
    drain_seconds: float = Field(default=20, ge=0, le=3600, allow_inf_nan=False)
    """How long a worker told to stop lets running activities finish."""
    heartbeat_file: Path | None = None
    """Touched while the worker runs, for health checks."""
    metrics_address: str | None = None
    """Where a worker shows its metrics to Prometheus, as in 127.0.0.1:9464."""

    @field_validator("case_url")
    @classmethod
    def _names_the_case(cls, pattern: str) -> str:
        if "{number}" not in pattern:
            raise ValueError("write the address with {number} in the place of the control number")
        return pattern

    @field_validator("codec_origins", mode="before")
    @classmethod
    def _one_or_several(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        listed = json.loads(given) if given.lstrip().startswith("[") else given.split(",")
        return [origin.strip() if isinstance(origin, str) else origin for origin in listed]

    @field_validator("codec_origins")
    @classmethod
    def _exact_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(_ORIGIN.fullmatch, origins)):
            raise ValueError("write each as a browser sends it, as in https://ui.example.org")
        return origins

    @field_validator("ops_email", "support_email")
    @classmethod
    def _one_address(cls, address: str) -> str:
        try:
            return email_address(address)
        except PydanticCustomError:
            raise ValueError("write exactly one mail address") from None

    @field_validator("officer")
    @classmethod
    def _identifier(cls, officer: str | None) -> str | None:
        try:
            return _OFFICER.validate_python(officer)
        except ValidationError:
            raise ValueError(f"write {IDENTIFIER_FORM}") from None

    @field_validator("timestamp_url")
    @classmethod
    def _stamps_are_checked_too(cls, address: str | None, others: ValidationInfo) -> str | None:
        # Without them our own stamped papers would not be found genuine.
        if address is None:
            return None
        if others.data.get("timestamp_certificates") is None:
            raise ValueError(f"name its certificates in {PREFIX}TIMESTAMP_CERTIFICATES as well")
        url = _WEB_ADDRESS.validate_python(address)
        if "@" in address and url.username is None:
            # Whatever the user and the password were has become a part of the rest.
            raise ValueError("write /, ? and # of a user or a password as %2F, %3F and %23")
        return str(url)

    @field_validator("holders_base_url", "payments_base_url", "sms_base_url", "verification_url")
    @classmethod
    def _web_address(cls, address: str) -> str:
        if "@" in address:
            raise ValueError(
                "write the address without user and password: what a system is shown is named "
                f"in {PREFIX}CREDENTIALS_FILE"
            )
        return str(_WEB_ADDRESS.validate_python(address)).rstrip("/")

    @field_validator("holders_base_url", "payments_base_url", "sms_base_url")
    @classmethod
    def _told_in_private(cls, address: str, others: ValidationInfo) -> str:
        url = _WEB_ADDRESS.validate_python(address)
        if goes_out_in_clear(url.scheme, url.host) and not others.data.get("allow_plain_http"):
            raise ValueError(
                "plain http to another machine, where others could read along; write https, "
                f"or set {PREFIX}ALLOW_PLAIN_HTTP=true for development"
            )
        return address

    @field_validator("store_endpoint")
    @classmethod
    def _web_address_if_any(cls, address: str | None) -> str | None:
        if address and "@" in address:
            raise ValueError(f"write the address alone, and the key in {PREFIX}STORE_KEY")
        return address and str(_WEB_ADDRESS.validate_python(address)).rstrip("/")

    @field_validator("metrics_address")
    @classmethod
    def _number_and_port(cls, address: str | None) -> str | None:
        if address is None:
            return None
        host, _, port = address.rpartition(":")
        try:
            ip_address(host.strip("[]"))
            listens = 0 < int(port) < 2**16
        except ValueError:
            listens = False
        if not listens:
            raise ValueError("write a host as a number and a port, as in 127.0.0.1:9464")
        return address

    @field_validator("mail_domain")
    @classmethod
    def _domain(cls, domain: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", domain):
            raise ValueError("write a domain name, as in duplicates.example.org")
        return domain

    def document_store(self, sealer: "CaseSealer") -> "BlobStore":
        """The store of scans and papers; a folder is created.

        Args:
            sealer: Has the keys of the cases.

        Raises:
            BadSettings: There is no such store.
        """
        from adapters.blobs import BadBlobStore, BlobStore  # noqa: PLC0415 - many need none

        try:
            return BlobStore(self.store_url, sealer, self._s3_access())
        except BadBlobStore as error:
            raise BadSettings(f"{PREFIX}STORE_URL: {error}") from None

    def mail_gateway(self) -> "SmtpMailGateway":
        """The way to the mail server.

        Raises:
            BadSettings: A certificate or a key cannot be used.
        """
        from adapters.mail_smtp import SmtpMailGateway  # noqa: PLC0415 - many need none

        try:
            return SmtpMailGateway(self.smtp)
        except BadTlsFile as error:
            raise BadSettings(f"{PREFIX}SMTP__{error.field.upper()}: {error}") from None

    def credentials(self) -> "Credentials":
        """What holders, payment system and SMS gateway are shown; nothing if no file is named.

        Raises:
            BadSettings: The file, or a certificate or key named in it, cannot be used.
        """
        from adapters.credentials import (  # noqa: PLC0415 - likewise
            BadCredentials,
            Credentials,
            read_credentials,
        )

        if self.credentials_file is None:
            return Credentials()
        try:
            return read_credentials(
                self.credentials_file, payments=self.payments_base_url, sms=self.sms_base_url
            )
        except BadCredentials as error:
            raise BadSettings(f"{PREFIX}CREDENTIALS_FILE: {error}") from None

    def _s3_access(self) -> "S3Access | None":
        from adapters.blobs import S3Access  # noqa: PLC0415 - likewise

        endpoint, key, secret = self.store_endpoint, self.store_key, self.store_secret
        if endpoint is None or key is None or secret is None:
            return None
        return S3Access(endpoint=endpoint, key=key, secret=secret, region=self.store_region)


_PASSWORD = re.compile(r"(://[^/:@]*):.*@")
"""A password inside an address, up to the last sign that may end it."""
_PASSED = re.compile(r"([?&][^=&]*(?:password|passwd|secret|token)[^=&]*=)[^&]*", re.IGNORECASE)
"""One behind it."""
_DEEPEST = 100
"""So many brackets are no setting of anybody's."""
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_WEB_ADDRESS: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)
_OFFICER: TypeAdapter[str | None] = TypeAdapter(Identifier | None)


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, with overrides by the caller.

    Raises:
        BadSettings: A value cannot be used, or a variable is unknown.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for variable, text in os.environ.items():
        if not variable.startswith(PREFIX):
            continue
        if variable.split("__")[0] not in known:
            shown = re.sub(r"[^A-Za-z0-9_]", "?", variable)
            raise BadSettings(f"{shown}: there is no such setting; see `diploma settings`")
        if _is_garbled(text):
            raise BadSettings(f"{variable}: is no text in UTF-8; type it anew")
        if text.count("[") + text.count("{") > _DEEPEST:
            raise BadSettings(f"{variable}: is nested too deeply to be a setting")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except SettingsError:
        raise BadSettings(f"{PREFIX}SMTP: set its parts, as in {PREFIX}SMTP__HOST") from None
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        name = PREFIX + "__".join(str(part) for part in detail["loc"]).upper()
        raise BadSettings(f"{name}: {detail['msg']}") from None


def _is_garbled(text: str) -> bool:
    """True when something in a variable could not be read as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def listing(settings: Settings) -> list[tuple[str, str, str]]:
    """Every variable with its value now and its meaning; a secret shows as asterisks."""
    return list(_rows(settings, PREFIX))


def _rows(model: BaseModel, prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        variable = prefix + name.upper()
        if isinstance(value, BaseModel):
            yield from _rows(value, variable + "__")
        else:
            shown = _PASSWORD.sub(r"\1:***@", "" if value is None else str(value))
            shown = _PASSED.sub(r"\1***", shown)
            yield variable, shown, field.description or ""
