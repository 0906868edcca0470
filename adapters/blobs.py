"""Contents kept under their own hash: in a folder, or in a store that speaks S3."""

import hashlib
import os
import re
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
from domain.base import Frozen

if TYPE_CHECKING:  # these exist for the type checker only
    from obstore.store import RetryConfig, S3Credential

_SHA256 = re.compile("[0-9a-f]{64}")
_STORED = re.compile("([0-9a-f]{2})/([0-9a-f]{62})")
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
    """Keeps contents under their SHA-256: the same content twice is kept once.

    A content is kept whole or not at all, also when the disk is full or we are killed; and
    what is read is what was put, or an error. Calls block: for milliseconds in a folder, for
    the time of a request in S3.
    """

    def __init__(self, url: str, access: S3Access | None = None) -> None:
        """Open a store; a folder is created, for its owner's eyes only.

        Args:
            url: A folder, as a path or as file:///path, or s3://bucket/prefix.
            access: Needed for s3 only.

        Raises:
            BadBlobStore: There is no such store.
        """
        self._folder = None if url.startswith("s3://") else _folder(url)
        self._store = _s3(url, access) if self._folder is None else LocalStore(self._folder)

    def put(self, content: bytes) -> str:
        """Keep a content, and give its hash; once this returns, a power cut does not matter.

        Raises:
            TemporaryFailure: The disk is full or the store away; nothing is kept, try again.
            BadBlobStore: A person has to mend something.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = _path(sha256)
        with _translated():
            # Even if it is there: what is there may be damaged.
            self._store.put(path, content, use_multipart=False)
            if self._folder is not None:
                file = self._folder / path
                _flush(file, file.parent, self._folder)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The content of a hash, compared with it.

        Raises:
            BlobMissing: There is none.
            BlobDamaged: It is not the content that was put.
            TemporaryFailure: The store is away; try again.
            BadBlobStore: A person has to mend something.
        """
        with _translated():
            try:
                content = bytes(self._store.get(_path(sha256)).bytes())
            except FileNotFoundError:
                raise BlobMissing(f"nothing is kept under {sha256}") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise BlobDamaged(f"what is kept under {sha256} has changed")
        return content

    def delete(self, sha256: str) -> None:
        """Forget a content; harmless when it is not there.

        Raises:
            TemporaryFailure: The store is away; try again.
            BadBlobStore: A person has to mend something.
        """
        path = _path(sha256)
        with _translated():
            with suppress(FileNotFoundError):
                self._store.delete(path)
            if self._folder is not None:
                # Beginnings of it that a killed process left are as personal as the whole.
                for beginning in self._folder.glob(f"{path}#*"):
                    beginning.unlink(missing_ok=True)

    def list(self) -> Iterator[str]:
        """The hashes of all contents.

        Raises:
            TemporaryFailure: The store is away; try again.
            BadBlobStore: A person has to mend something.
        """
        with _translated():
            for chunk in self._store.list():
                for found in chunk:
                    if stored := _STORED.fullmatch(found["path"]):
                        yield stored[1] + stored[2]


def _path(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise BlobMissing("this is no hash, so nothing is kept under it")
    return f"{sha256[:2]}/{sha256[2:]}"


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
