"""A key made once, and a paper signed with it once, for all tests of papers."""

from pathlib import Path

import pytest

from adapters.papers.keys import trial_key
from adapters.papers.signing import PaperSigner
from adapters.papers.specimens import ORDINARY
from adapters.papers.typesetting import PaperTypesetter


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("keys") / "deeper" / "signing-key.pem"
    trial_key(file)
    return file


@pytest.fixture(scope="session")
def signer(key_file: Path) -> PaperSigner:
    return PaperSigner(trial_key(key_file))


@pytest.fixture(scope="session")
def unsigned() -> bytes:
    return PaperTypesetter().render(ORDINARY[0])


@pytest.fixture(scope="session")
def signed(signer: PaperSigner, unsigned: bytes) -> bytes:
    return signer.sign(unsigned)
