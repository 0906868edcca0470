"""What holds for every connection to the outside: TLS is verified, plain text stays at home (R13)."""

import os
import ssl
from ipaddress import ip_address
from pathlib import Path

FOR_OTHERS = 0o007
"""Rights of those who are neither the owner nor in the group."""
_UNTRUSTED = {9: "is not in force yet", 10: "has expired", 62: "is of another host"}
_UNTRUSTED[64] = _UNTRUSTED[62]
"""What is wrong with a certificate by OpenSSL's number, since its own words name the host."""


class BadTlsFile(Exception):
    """A file of certificates or keys that cannot be used; `field` is what the settings call it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def is_loopback(host: str) -> bool:
    """True when a host, by name or by number, is this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def goes_out_in_clear(scheme: str, host: str | None) -> bool:
    """True when others on the way could read what is sent to a web address."""
    return scheme != "https" and not is_loopback(host or "")


def tls_context(
    ca_file: Path | None = None,
    client_certificate: Path | None = None,
    client_key: Path | None = None,
) -> ssl.SSLContext:
    """How to speak TLS as a client; certificate and name of the other side are always verified.

    Files are read now; a changed one counts after a restart.

    Args:
        ca_file: The only authorities to trust, instead of the system's own.
        client_certificate: What we show, then the authorities between it and its root.
        client_key: Its key, unless that is in the same file; no passphrase may guard it.

    Raises:
        BadTlsFile: A file is missing, open to others, or holds something else.
    """
    if ca_file is not None:
        _look_at("ca_file", ca_file)
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise BadTlsFile("ca_file", f"{ca_file} holds no certificate in PEM form") from None
    if client_certificate is not None:
        _show(context, client_certificate, client_key)
    elif client_key is not None:
        raise BadTlsFile("client_key", "name its certificate in client_certificate as well")
    return context


def tls_fault(system: str, error: BaseException | None) -> str | None:
    """What kept a system and us from speaking TLS; None when the error is about something else."""
    fault = None
    while error is not None:  # libraries wrap it, some in an error of the same kind
        fault = error if isinstance(error, ssl.SSLError) else fault
        error = error.__cause__ or error.__context__
    if isinstance(fault, ssl.SSLCertVerificationError):
        reason = _UNTRUSTED.get(fault.verify_code, "is of no authority that we trust")
        return f"{system} shows a certificate that {reason}"
    return f"{system} and we find no common TLS: {fault.reason}" if fault else None


def _show(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Have a context show our certificate."""
    _look_at("client_certificate", certificate)
    field, secret = ("client_key", key) if key else ("client_certificate", certificate)
    if _look_at(field, secret) & FOR_OTHERS:
        raise BadTlsFile(field, f"{secret} is open to others; run `chmod 600` on it")
    try:
        # Given no passphrase at all, OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError:
        raise BadTlsFile(
            "client_certificate",
            f"{certificate} holds no certificate in PEM form, or {secret} not its key, "
            "or a passphrase guards that; mend the files",
        ) from None


def _look_at(field: str, file: Path) -> int:
    """The rights on a file, which is found to be readable."""
    try:
        with file.open("rb") as opened:
            return os.fstat(opened.fileno()).st_mode
    except OSError as error:
        raise BadTlsFile(
            field, f"{file} cannot be read: {error.strerror}; mend the path or its rights"
        ) from None
