"""Who was turned away at the DICOM door: each reason with what lets the device in (PS3.8 9.3.4)."""

from datetime import timedelta

import pytest

from swf import clock
from swf.config import Settings
from swf.model.journal import Event
from swf.store import journal
from swf.store.database import Database
from swf.store.journal import Entry
from swf.workflow import rejections

SETTINGS = Settings(
    modality=[
        {"ae_title": "CT1", "host": "10.0.0.1", "certificate": "ct1.example"},
        {"ae_title": "MR1"},
    ],
    dicom={"host": "0.0.0.0"},
    partition=[{"ae_title": "NORTH", "labels": ["N"]}],
)


def _note(database: Database, *told: tuple[str, str, str, str, int], days: float = 0) -> None:
    entries = [
        Entry(
            Event.ASSOCIATION_REJECTED,
            detail={"ae_title": title, "called": called, "address": address, "reason": reason, "times": times},
        )
        for title, called, address, reason, times in told
    ]
    database.run(lambda transaction: journal.add(transaction, clock.now() - timedelta(days=days), entries))


@pytest.mark.parametrize(
    ("title", "reason", "remedy"),
    [
        ("CT2", "calling AE title is not configured", '[[modality]] ae_title = "CT2" host = "10.0.0.9"'),
        ("CT1", "calling AE title is not configured", "configured by now"),
        ("CT1", "called AE title is not ours", "let CT1 call SWF, NORTH in place of PACS"),
        ("CT1", "calling AE title comes from another host", "if 10.0.0.9 is this device, correct host"),
        ("MR1", "calling AE title comes from another host", "let in by now"),
        ("CT1", "calling AE title does not show its certificate", "(ct1.example)"),
        ("", "no TLS session: TLSV1_ALERT_UNKNOWN_CA", "TLS settings"),
        ("", "too many connections wait", "limits in [dicom]"),
        ("CT1", "local limit exceeded", "limits in [dicom]"),
        ("", "TLS on the plain port", "port for TLS (-)"),
        ("", "HL7", "port 2575"),
        ("", "HTTP", "port scanner"),
        ("", "nothing said in time", "port scanner"),
        ("", "no whole A-ASSOCIATE-RQ in time", "network of the device"),
        ("CT1", "protocol version is not 1", "does not speak DICOM"),
    ],
)
def test_every_reason_has_its_remedy(title: str, reason: str, remedy: str) -> None:
    """Whatever the door said, there is a sentence that says what to change."""
    assert remedy in rejections.remedy(SETTINGS, title, "PACS", "10.0.0.9", reason)


def test_who_knocks_all_day_is_one_line(database: Database) -> None:
    """The same device for the same reason is one line with its number; what is long ago, and our own test, is none."""
    stranger = ("CT2", "SWF", "10.0.0.9", "calling AE title is not configured")
    _note(database, (*stranger, 9), days=rejections.KEPT.days + 1)
    _note(database, (*stranger, 3), days=1)
    _note(database, (*stranger, 4), ("SWF", "SWF", "127.0.0.1", "calling AE title is not configured", 1))
    _note(database, ("", "", "10.0.0.8", "HTTP", 1))
    with database.reading() as connection:
        found = rejections.recent(connection, SETTINGS, clock.now())
        mine = rejections.recent(connection, SETTINGS, clock.now(), ["CT2"])
    assert [(each.address, each.times) for each in found] == [("10.0.0.8", 1), ("10.0.0.9", 7)]
    assert mine == [found[1]]
    assert found[1].last_at - found[1].first_at > timedelta(hours=23)
