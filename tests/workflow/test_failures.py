"""What nobody had thought of goes wrong while a message is carried out: it is answered, kept, and can be replayed."""

import io
from dataclasses import replace
from pathlib import Path

from swf.dicom.encoding import Value
from swf.hl7 import ack
from swf.mapping.selectors import Source
from swf.store import messages, orders
from swf.store.database import Database
from swf.workflow import intake, replay, site
from tests.conftest import SAMPLES, settings_for

ORDER = (SAMPLES / "01_rad2_nw_231.hl7").read_bytes()


def test_a_message_our_own_fault_fails_on_is_kept(database: Database, tmp_path: Path, log_lines: io.StringIO) -> None:
    """The hospital is told to try again, nothing of the order is done, and its message waits to be carried out."""

    def faulty(_source: Source) -> Value:
        raise ZeroDivisionError("DOE^JANE")

    sound = site.load(settings_for(tmp_path))
    broken = replace(sound.mapping.rules[0], function=faulty)
    mapping = replace(sound.mapping, rules=(broken, *sound.mapping.rules[1:]))
    answer = intake.receive(database, replace(sound, mapping=mapping), ORDER, "127.0.0.1")
    told = ack.read_acknowledgement(answer)
    assert (told.code, told.error_code) == ("AR", "207")
    with database.reading() as connection:
        assert orders.overview(connection, limit=5) == []
        (row,) = messages.recent(connection, limit=5)
        kept = messages.one(connection, row.id)
    assert kept is not None
    assert (kept.raw, kept.disposition) == (ORDER, "REFUSED")
    assert "ZeroDivisionError" in kept.reason
    assert "test_failures.py" in log_lines.getvalue()
    assert "DOE" not in log_lines.getvalue()
    replay.replay_all(database, sound, [kept], dry_run=False)
    with database.reading() as connection:
        assert len(orders.overview(connection, limit=5)) == 1
