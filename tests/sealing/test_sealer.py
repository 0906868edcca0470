"""What register and store keep opens in its case and place; what it is looked for by tells nothing."""

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sealing.errors import KeyDestroyed, KeyUnknown, Tampered
from adapters.sealing.keyring import SERVICE, KeyRing
from adapters.sealing.masters import MasterKeys
from adapters.sealing.sealer import CaseSealer

CASE, OTHER = "7K3M-9QXT-2B4D-6", "4H8P-2WZC-7N5R-3"
MASTERS = f"test:{b64encode(os.urandom(32)).decode()}"
NUMBER = "77СПД\n0004512"


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[KeyRing]:
    url = f"sqlite:///{tmp_path}/keys.sqlite3"
    with closing(KeyRing(url, MasterKeys.from_text(MASTERS))) as ready:
        ready.create()
        yield ready


def test_what_is_sealed_opens_in_its_case_and_place(ring: KeyRing) -> None:
    sealer = CaseSealer(ring)
    sealed = sealer.seal(CASE, "register/view", NUMBER.encode())
    sealer.seal(OTHER, "register/view", b"")
    assert sealer.open(CASE, "register/view", sealed) == NUMBER.encode()
    for number, place in ((CASE, "register/federal"), (OTHER, "register/view")):
        with pytest.raises(Tampered):
            sealer.open(number, place, sealed)
    ring.destroy(CASE)
    with pytest.raises(KeyDestroyed):
        sealer.open(CASE, "register/view", sealed)
    with pytest.raises(KeyDestroyed):
        sealer.seal(CASE, "register/view", b"")


def test_the_same_text_comes_to_the_same_index_in_one_place_only(ring: KeyRing) -> None:
    sealer = CaseSealer(ring)
    index = sealer.blind_index("register/duplicate", NUMBER)
    assert len(index) == 64
    assert sealer.blind_index("register/duplicate", NUMBER) == index
    assert sealer.blind_index("register/duplicate", f"{NUMBER} ") != index
    assert sealer.blind_index("register/federal", NUMBER) != index
    ring.close()
    assert sealer.blind_index("register/duplicate", NUMBER) == index


def test_an_index_is_another_one_in_another_ring(ring: KeyRing, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/other.sqlite3"
    with closing(KeyRing(url, MasterKeys.from_text(MASTERS))) as other:
        other.create()
        assert CaseSealer(other).blind_index("here", NUMBER) != CaseSealer(ring).blind_index(
            "here", NUMBER
        )


def test_a_lost_key_of_the_service_is_not_made_anew(ring: KeyRing, tmp_path: Path) -> None:
    # With another key every number would look as if it had never been given.
    url = f"sqlite:///{tmp_path}/keys.sqlite3"
    with ring._storage.connection() as connection:
        connection.exec_driver_sql("DELETE FROM case_keys")
    with closing(KeyRing(url, MasterKeys.from_text(MASTERS))) as restored_too_early:
        with pytest.raises(KeyUnknown):
            CaseSealer(restored_too_early).blind_index("here", NUMBER)
        assert not restored_too_early.has(SERVICE)
