"""A department without its doors: a real store, the site's mapping, messages and reports handed in as they would arrive."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from swf import clock, config
from swf.config import Settings
from swf.dicom import encoding, terms
from swf.extensions.simulator import modality
from swf.hl7 import ack
from swf.hl7.ack import Acknowledgement
from swf.mapping import loader
from swf.mapping.rules import SiteMapping
from swf.model.delivery import DELIVERY
from swf.model.journal import JOURNAL
from swf.model.message import MESSAGE
from swf.model.order import ORDER, STEP
from swf.store import mpps as performed
from swf.store import worklist
from swf.store.database import Database, Record
from swf.workflow import intake, mpps
from swf.workflow.mpps import Report
from swf.workflow.site import Site

MIS = {"name": "mis", "host": "127.0.0.1", "port": 2576}
TABLES = {"message": MESSAGE, "order": ORDER, "step": STEP, "journal": JOURNAL, "delivery": DELIVERY}


def order_message(control_id: str, *segments: str, patient: str = "4711^^^HOSP", name: str = "DOE^JANE") -> str:
    """An ORM^O01 for an invented patient, the segments of its orders as given."""
    header = f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260315083000||ORM^O01|{control_id}|P|2.3.1"
    return "\r".join([header, f"PID|||{patient}||{name}||19720411|F", *segments, ""])


def request(placer: str = "8100^HIS", **fields: str) -> list[str]:
    """ORC and OBR of one order; `fields` are written like orc_1 or obr_18."""
    values = {"orc_1": "NW", "orc_2": placer, "obr_2": placer, "obr_4": "CTABD^CT abdomen^99HIS", "obr_24": "CT"}
    values |= {"orc_7": "^^^20260316093000", **fields}
    return [segment(name, values) for name in ("ORC", "OBR")]


def segment(name: str, values: dict[str, str]) -> str:
    """The fields of that segment, found in `values` by their lower-case name."""
    numbered = {int(key.partition("_")[2]): value for key, value in values.items() if key.startswith(name.lower())}
    return "|".join([name, *(numbered.get(number, "") for number in range(1, max(numbered) + 1))])


class Department:
    """What can be done to the broker and seen of it, without a socket."""

    def __init__(self, database: Database, site: Site) -> None:
        self.database = database
        self.site = site
        self._control_ids = iter(range(1, 10_000))

    def receive(self, raw: bytes | str) -> Acknowledgement:
        """Hand in a message; its acknowledgement, read."""
        return ack.read_acknowledgement(self.receive_raw(raw))

    def receive_raw(self, raw: bytes | str) -> bytes:
        """Hand in a message; its acknowledgement as it goes out."""
        content = raw if isinstance(raw, bytes) else raw.encode()
        return intake.receive(self.database, self.site, content, "192.0.2.1")

    def order(self, *segments: str, **patient: str) -> Acknowledgement:
        """Hand in an ORM^O01 with a number of its own."""
        return self.receive(order_message(f"C{next(self._control_ids)}", *segments, **patient))

    def adt(self, event: str, *segments: str) -> Acknowledgement:
        """Hand in an ADT message."""
        header = f"MSH|^~\\&|ADT|HOSP|SWF|RAD|20260315||ADT^{event}|A{next(self._control_ids)}|P|2.3.1"
        return self.receive("\r".join([header, "EVN||20260315", *segments, ""]))

    def rows(self, table: str) -> list[Record]:
        """Every row of a table, the oldest first, read on a connection of its own."""
        with self.database.reading() as connection:
            return list(connection.execute(select(TABLES[table]).order_by(TABLES[table].c.id)).all())

    def steps(self) -> list[tuple[str, str]]:
        """Step id and status of every step."""
        return [(row.step_id, row.status) for row in self.rows("step")]

    def worklist(self) -> list[Dataset]:
        """The items a modality would be given."""
        with self.database.reading() as connection:
            found = worklist.query(connection, [], sorted(terms.LISTED))
            return [encoding.decode(row.dataset) for row in found]

    def told(self) -> list[list[str]]:
        """Type, order number, ORC-5 and OBR-25 of everything queued for destinations."""
        return [_told(bytes(row.payload).decode()) for row in self.rows("delivery")]

    def events(self, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
        """The journal's entries of these kinds, with their details."""
        return [(row.event, row.detail) for row in self.rows("journal") if not kinds or row.event in kinds]

    def unresolved(self) -> Sequence[Record]:
        """The exams that wait for an operator."""
        with self.database.reading() as connection:
            return performed.overview(connection, limit=10, only="UNRESOLVED")

    def warnings(self) -> list[str]:
        """What operators are warned of."""
        return [str(detail["text"]) for _, detail in self.events("warning")]

    def begin(self, *items: Dataset, uid: str = "1.2.3.4", **attributes: Any) -> str:
        """N-CREATE for these worklist items, with other attributes where given."""
        dataset = modality.in_progress(items, "CT1")
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        self.create(uid, dataset)
        return uid

    def create(self, uid: str, dataset: Dataset) -> None:
        """N-CREATE of any dataset."""
        report = Report("CT1", uid, dataset)
        self.database.run(lambda transaction: mpps.create(transaction, self.site, report, clock.now()))

    def end(self, uid: str, status: str = "COMPLETED", reason: str = "") -> None:
        """N-SET with a final status, its times and one series."""
        dataset = Dataset()
        dataset.PerformedProcedureStepStatus = status
        dataset.PerformedProcedureStepEndDate, dataset.PerformedProcedureStepEndTime = "20260316", "094800"
        dataset.PerformedSeriesSequence = [modality._series("Abdomen", "CT1", 2)]
        if reason:
            code = modality.coded(reason, "DCM", "Reason")
            dataset.PerformedProcedureStepDiscontinuationReasonCodeSequence = [code]
        self.set(uid, dataset)

    def set(self, uid: str, dataset: Dataset) -> None:
        """N-SET of any dataset."""
        report = Report("CT1", uid, dataset)
        self.database.run(lambda transaction: mpps.change(transaction, self.site, report, clock.now()))


def _told(text: str) -> list[str]:
    rows = {line[:3]: line.split("|") for line in text.split("\r")}
    placer = rows["OBR"][2].partition("^")[0]
    return [rows["MSH"][8], placer, rows["ORC"][5] if "ORC" in rows else "", rows["OBR"][25]]


@pytest.fixture(scope="session")
def mapping() -> SiteMapping:
    """The mapping that is shipped."""
    return loader.load(config.shipped_mappings() / "default.toml")


Found = Callable[..., Department]


@pytest.fixture
def found(empty_store: Path, mapping: SiteMapping, tmp_path: Path) -> Iterator[Found]:
    """Founds a department with an empty store; `changes` are keys of swf.toml."""
    databases = []

    def department(**changes: Any) -> Department:
        file = tmp_path / f"{len(databases)}.db"
        shutil.copy(empty_store, file)
        database = Database(f"sqlite:///{file}")
        databases.append(database)
        settings = Settings(**{"destination": [MIS], **changes})
        return Department(database, Site(settings, mapping))

    yield department
    for database in databases:
        database.close()


@pytest.fixture
def department(found: Found) -> Department:
    """A department whose one destination is the MIS."""
    return found()
