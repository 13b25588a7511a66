"""Bytes that one of the databases would not take as text are answered and kept like all others."""

from pathlib import Path

import pytest

from swf.hl7 import ack
from swf.store import messages
from swf.store.database import Database
from swf.workflow import intake, site
from tests.conftest import SAMPLES, settings_for

ORDER = (SAMPLES / "01_rad2_nw_231.hl7").read_bytes()
ODD = {
    "a NUL in the sender's name": (ORDER.replace(b"|HIS|HOSP|", b"|HI\0S|HOSP|", 1), "AA"),
    "a NUL in the message number": (ORDER.replace(b"HIS000001", b"HIS\0000001", 1), "AA"),
    "a NUL in the type": (ORDER.replace(b"ORM^O01", b"OR\0M^O01", 1), "AR"),
    "a NUL in the order control": (ORDER.replace(b"ORC|NW", b"ORC|N\0W", 1), "AE"),
    "nothing but NULs": (b"\0" * 40, "AE"),
}


@pytest.mark.parametrize("name", ODD)
def test_whatever_the_bytes_they_are_answered_and_kept(database: Database, tmp_path: Path, name: str) -> None:
    """A message with stray NULs is applied or refused for what it says, and can be looked at afterwards."""
    raw, expected = ODD[name]
    answer = intake.receive(database, site.load(settings_for(tmp_path)), raw, "127.0.0.1")
    assert ack.read_acknowledgement(answer).code == expected
    with database.reading() as connection:
        (row,) = messages.recent(connection, limit=5)
        kept = messages.one(connection, row.id)
    assert kept is not None
    assert (kept.raw, kept.ack_code) == (raw, expected)
