"""Contents of cases, sealed, under their own hash: in a folder, or in a store that speaks S3."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store
from pydantic import SecretStr

from activities.ports import ContentDamaged, ContentMissing, TemporaryFailure
from adapters.sealing.errors import NotSealed, Tampered
from adapters.sealing.keyring import SERVICE
from adapters.sealing.sealer import CaseSealer
from domain.base import Frozen
from domain.numbers import BadControlNumber, parse_control_number

if TYPE_CHECKING:  # these exist for the type checker only
    from obstore.store import RetryConfig, S3Credential

_SHA256 = re.compile("[0-9a-f]{64}")
_NO_RETRIES: "RetryConfig" = {"max_retries": 0, "retry_timeout": timedelta(seconds=60)}
"""The engine repeats; two that do so multiply."""


class BlobMissing(ContentMissing):
    """Nothing is kept under this hash."""


class BlobDamaged(ContentDamaged):
    """What is kept under this hash is something else: a disk, or somebody, changed it."""


class BadBlobStore(Exception):
    """A store that cannot work before a person mends it; the text says what to do."""


class S3Access(Frozen):
    """How to reach a store that speaks S3."""

    endpoint: str
    """As in https://s3.example.org; the bucket goes into the path, not into the host."""
    key: str
    secret: SecretStr
    region: str = "us-east-1"
    """Stores outside of Amazon hardly ever care."""


class BlobStore:
    """Keeps contents under their case and their SHA-256, sealed with the key of the case (R13).

    The same content twice is kept once for each case. A content is kept whole or not at all,
    also when the disk is full or we are killed; and what is read is what was put for this very
    case, or an error. Calls block: for milliseconds in a folder, for the time of a request in
    S3. The sealer's errors pass: KeyUnknown, KeyDestroyed and BadKeys.
    """

    def __init__(self, url: str, sealer: CaseSealer, access: S3Access | None = None) -> None:
        """Open a store; a folder is created, for its owner's eyes only.

        Args:
            url: A folder, as a path or as file:///path, or s3://bucket/prefix.
            sealer: Has the keys of the cases.
            access: Needed for s3 only.

        Raises:
            BadBlobStore: There is no such store.
        """
        self._sealer = sealer
        self._folder = None if url.startswith("s3://") else _folder(url)
        self._store = _s3(url, access) if self._folder is None else LocalStore(self._folder)

    def put(self, control_number: str, content: bytes) -> str:
        """Keep a content, and give its hash; once this returns, a power cut does not matter.

        Args:
            control_number: The case, or SERVICE for what is to outlive all cases.
            content: Never kept in clear, not even for a moment.

        Raises:
            TemporaryFailure: The disk is full or the store away; nothing is kept, try again.
            BadBlobStore: A person has to mend something.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = _path(control_number, sha256)
        sealed = self._sealer.seal(control_number, _place(sha256), content)
        with _translated():
            # Even if it is there: what is there may be damaged.
            self._store.put(path, sealed, use_multipart=False)
            if self._folder is not None:
                file = self._folder / path
                _flush(file, file.parent, self._folder)
        return sha256

    def get(self, control_number: str, sha256: str) -> bytes:
        """The content of a hash, compared with it.

        Raises:
            BlobMissing: The case has none.
            BlobDamaged: It is not the content that was put for this case.
            TemporaryFailure: The store is away; try again.
            BadBlobStore: A person has to mend something.
        """
        sealed = self._read(_path(control_number, sha256))
        with suppress(NotSealed, Tampered):
            content = (
                self._kept_by_0_3_0(sha256)
                if sealed is None
                else self._sealer.open(control_number, _place(sha256), sealed)
            )
            if hashlib.sha256(content).hexdigest() == sha256:
                return content
        raise BlobDamaged(f"what is kept under {sha256} has changed")

    def delete(self, control_number: str, sha256: str, *, shared: bool = False) -> None:
        """Forget a content of a case; harmless when it is not there.

        Args:
            control_number: The case.
            sha256: Of the content.
            shared: Another case has the same content; one that 0.3.0 kept for both stays.

        Raises:
            TemporaryFailure: The store is away; try again.
            BadBlobStore: A person has to mend something.
        """
        self._remove(_path(control_number, sha256))
        if not shared:
            self._remove(_path_in_0_3_0(sha256))

    def delete_case(self, control_number: str) -> int:
        """Forget everything of a case; harmless when nothing is there.

        Returns:
            How many contents there were.

        Raises:
            TemporaryFailure: The store is away; try again.
            BadBlobStore: A person has to mend something.
        """
        case = _case(control_number)
        with _translated():
            paths = [found["path"] for chunk in self._store.list(case) for found in chunk]
            for path in paths:
                with suppress(FileNotFoundError):
                    self._store.delete(path)
            if self._folder is not None and (self._folder / case).exists():
                # Beginnings that a killed process left are as personal as the whole.
                _remove_all(self._folder / case)
                _flush(self._folder)
        return len(paths)

    def list(self) -> Iterator[tuple[str, str]]:
        """Case and hash of all contents.

        Raises:
            TemporaryFailure: The store is away; try again.
            BadBlobStore: A person has to mend something.
        """
        with _translated():
            for chunk in self._store.list():
                for found in chunk:
                    control_number, _, sha256 = found["path"].partition("/")
                    if _is_case(control_number) and _SHA256.fullmatch(sha256):
                        yield control_number, sha256

    def _read(self, path: str) -> bytes | None:
        with _translated():
            try:
                return bytes(self._store.get(path).bytes())
            except FileNotFoundError:
                return None

    def _remove(self, path: str) -> None:
        with _translated():
            with suppress(FileNotFoundError):
                self._store.delete(path)
            if self._folder is not None:
                # Beginnings of it that a killed process left are as personal as the whole.
                with suppress(FileNotFoundError):  # somebody else removes all the case has
                    for beginning in self._folder.glob(f"{path}#*"):
                        beginning.unlink(missing_ok=True)

    def _kept_by_0_3_0(self, sha256: str) -> bytes:
        """A content from before stores were sealed; goes with `_path_in_0_3_0`."""
        content = self._read(_path_in_0_3_0(sha256))
        if content is None:
            raise BlobMissing(f"nothing is kept under {sha256}")
        return content


def _path_in_0_3_0(sha256: str) -> str:
    """Where 0.3.0 kept a content, plain and once for all cases; nothing new is written there.

    To be dropped, with what uses it and the `shared` of `delete`, when no such store is left.
    """
    return f"{sha256[:2]}/{sha256[2:]}"


def _path(control_number: str, sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise BlobMissing("this is no hash, so nothing is kept under it")
    return f"{_case(control_number)}/{sha256}"


def _place(sha256: str) -> str:
    """What a sealed content is bound to, beside its case: under another hash it opens no more."""
    return f"store/{sha256}"


def _case(control_number: str) -> str:
    """The folder of a case, which is in the store, whatever was asked for."""
    if not _is_case(control_number):
        raise BadControlNumber("this is no control number, so nothing is kept for it")
    return control_number


def _is_case(name: str) -> bool:
    with suppress(BadControlNumber):
        return name == SERVICE or parse_control_number(name) == name
    return False


def _folder(url: str) -> Path:
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc:
        url = url2pathname(parts.path)
    if not url or "://" in url:
        raise BadBlobStore("the document store is a folder, file:///folder or s3://bucket/prefix")
    folder = Path(url).absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadBlobStore(f"{folder} cannot be created: {error.strerror}") from None
    return folder


def _s3(url: str, access: S3Access | None) -> S3Store:
    parts = urlsplit(url)
    if access is None or not parts.netloc:
        raise BadBlobStore(
            "name the bucket, as in s3://bucket/prefix, and give endpoint, key and secret"
        )
    credential: S3Credential = {
        "access_key_id": access.key,
        "secret_access_key": access.secret.get_secret_value(),
        "token": None,
        "expires_at": None,
    }
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        # Every setting that the environment could change behind our back is given.
        config={
            "endpoint": access.endpoint,
            "aws_endpoint_url_s3": access.endpoint,
            "region": access.region,
            "skip_signature": False,
            "virtual_hosted_style_request": False,
        },
        credential_provider=lambda: credential,
        client_options={
            "allow_http": access.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=30),
        },
        retry_config=_NO_RETRIES,
    )


def _remove_all(folder: Path) -> None:
    """Remove a folder and all in it, while somebody else may be at the same."""
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _flush(*places: Path) -> None:
    """Wait until the disk has a file, and the folders that name it."""
    for place in places:
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _translated() -> Iterator[None]:
    """Errors in our own terms; the library's texts hold addresses and paths."""
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError, PermissionError):
        raise BadBlobStore("the document store lets us not in: look at rights and keys") from None
    except (BaseError, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise TemporaryFailure(
            f"the document store failed ({reason}): is its disk full, or its server away?"
        ) from None
