"""Golden pairs of every row of RAD TF-2 Appendix B: the message, the worklist item it becomes, the status message sent back.

What is right stands in fixtures/appendix_b.json; `--update-golden` writes it anew. Of each row only what differs from the
order without it is there; the whole of that order is under its own name.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from swf import clock
from swf.dicom import listing
from tests.conftest import FIXTURES
from tests.mapping import conftest as orders
from tests.mapping.test_appendix_b import ROWS, STEP_ROWS
from tests.workflow.conftest import Found

GOLDEN = FIXTURES / "appendix_b.json"
PLAIN = "an order without any of it"
STEP = "ScheduledProcedureStepSequence"
FIELDS = {PLAIN: {}, **{row: fields for row, (fields, _) in (ROWS | STEP_ROWS).items()}}
FIELDS["PatientComments"] = {}  # a note behind the patient; see `message`
SAME = {"IssuerOfPatientID": "HOSP", "RequestedProcedureDescription": "CT head"}
"""Rows that say what the order without them says in another field."""
OF_EACH_STATUS = ("MSH",)
"""Segments that hold the time and number of the sending."""
Pair = dict[str, Any]


def message(row: str) -> list[str]:
    """The segments of an order that has the field of the row; weights and the like are observations."""
    segments = orders.segments(**FIELDS[row])
    if row == "PatientComments":
        segments.insert(1, "NTE|1||Needs a hoist")
    return ["MSH|^~\\&|HIS|HOSP|SWF|RAD|20260315083000||ORM^O01|C1|P|2.3.1", *segments]


def pair(found: Found, row: str) -> Pair:
    """The message of a row, the item a modality is given, and what the destination is told when the exam begins."""
    department = found()
    sent = message(row)
    assert department.receive("\r".join([*sent, ""])).code == "AA"
    (item,) = department.worklist()
    department.begin(item, PerformedProcedureStepStartDate="20260316", PerformedProcedureStepStartTime="093512")
    payload = next(bytes(each.payload) for each in department.rows("delivery") if each.type == "ORM^O01")
    told = [line for line in payload.decode().split("\r") if line[:3] not in ("", *OF_EACH_STATUS)]
    return {"message": sent, "worklist": listing.attributes(item), "status": told}


def beyond(plain: Pair, found: Pair) -> Pair:
    """What a row adds to, or changes of, the order without it."""
    return {
        "message": [line for line in found["message"] if line not in plain["message"]],
        "worklist": {name: value for name, value in found["worklist"].items() if plain["worklist"].get(name) != value},
        "status": [line for line in found["status"] if line not in plain["status"]],
    }


@pytest.fixture(scope="module")
def golden(pytestconfig: pytest.Config) -> Iterator[dict[str, Pair]]:
    """What is right; with `--update-golden` what was found takes its place."""
    pairs: dict[str, Pair] = json.loads(GOLDEN.read_text("utf-8")) if GOLDEN.exists() else {}
    yield pairs
    if pytestconfig.getoption("--update-golden"):
        known = {row: pairs[row] for row in FIELDS if row in pairs}
        GOLDEN.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@pytest.fixture(autouse=True)
def _utc() -> Iterator[None]:
    clock.use_zone("UTC")
    yield
    clock.use_zone("")


@pytest.mark.parametrize("row", FIELDS)
def test_the_golden_pair_of_a_row(found: Found, golden: dict[str, Pair], pytestconfig: pytest.Config, row: str) -> None:
    """A row of Appendix B makes exactly this of its field on the worklist, and exactly this is told of the exam."""
    made = pair(found, row)
    if row != PLAIN:
        made = beyond(golden[PLAIN], made)
    if pytestconfig.getoption("--update-golden"):
        golden[row] = made
    assert made == golden[row]


def test_every_row_shows_on_the_worklist(golden: Mapping[str, Pair]) -> None:
    """No row is without its pair, and the attribute it is named for is what a modality sees."""
    assert golden.keys() == FIELDS.keys()
    for row in FIELDS.keys() - {PLAIN, *SAME}:
        assert any(row in re.split(r"\W", name) for name in golden[row]["worklist"]), row
    assert SAME.items() <= golden[PLAIN]["worklist"].items()
