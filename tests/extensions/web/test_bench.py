"""The mapping bench: a mapping is mended before the eyes of who mends it, and nothing counts before it is saved."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from swf import config
from swf.config import Source
from swf.extensions.simulator import his
from swf.extensions.simulator.modality import Modality
from tests.extensions.web.conftest import Operator, readable

SECRETS = ("DOE", "SIM4711", "19800229")
MENDED = '[attributes]\nAccessionNumber = { from = "OBR-3.1" }\n'
OpenWindow = Callable[..., Operator]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site's own mapping, on top of the one that came with swf, in the windows line ends its administrator uses."""
    file = tmp_path / "mappings" / "site.toml"
    file.parent.mkdir()
    file.write_bytes(b'# of the site\r\nextends = "swf:default.toml"\r\n')
    return file


@pytest.fixture
def bench(open_window: OpenWindow, site: Path) -> Operator:
    """Somebody before the window of that site."""
    return open_window(mapping=str(site))


def draft(bench: Operator, site: Path, addition: str, **changes: str) -> int:
    """Begin a draft if there is none, and keep it with more lines; the status of the answer."""
    bench.http.post("/bench/begin", data={"path": str(site)})
    page = bench.http.get("/bench/file", params={"path": str(site)}).text
    revision = page.partition('name="revision" value="')[2].partition('"')[0]
    content = f'# of the site\r\nextends = "swf:default.toml"\r\n{addition}'
    form = {"path": str(site), "revision": revision, "content": content, **changes}
    return bench.http.post("/bench/draft", data=form).status_code


def refused(bench: Operator) -> his.Order:
    """An order that is refused for an accession number no worklist can hold."""
    order = his.Order(accession="ACC-LONGER-THAN-16", name="DOE^JANE", patient_id="SIM4711", station_ae="CT1")
    assert bench.send(his.order_orm(order)) == "AE"
    return order


def test_a_refused_message_is_mended_saved_and_replayed(bench: Operator, site: Path) -> None:
    """The draft changes nothing; its difference shows that the order would be applied; saved and replayed, it is listed."""
    order = refused(bench)
    bench.order(name="DOE^JANE")
    assert draft(bench, site, MENDED) == 303
    assert site.read_bytes().count(b"\r\n") == 2
    assert "By the drafts it would be applied. In force it is refused" in bench.text("/bench", message=1)
    page = bench.text("/bench/difference")
    assert "A message that is refused now would be mapped." in page
    assert "would be applied Refused now: OBR^1^18" in page, page
    assert "AccessionNumber 1 of 2 messages" in page
    assert not [each for each in SECRETS if each in bench.http.get("/bench/difference").text]
    assert bench.http.post("/bench/save").status_code == 303
    assert (
        site.read_bytes()
        == b'# of the site\r\nextends = "swf:default.toml"\r\n' + MENDED.replace("\n", "\r\n").encode()
    )
    assert "It was taken again" in bench.http.post("/messages/1/replay", data={"really": "1"}).text
    (item,) = [
        each
        for each in Modality(*bench.broker.dicom.address, "CT1").query()
        if each.PlacerOrderNumberImagingServiceRequest == order.placer_number
    ]
    assert item.AccessionNumber == order.filler_number


def test_mistakes_of_a_draft_are_told_by_line_and_not_saved(bench: Operator, site: Path) -> None:
    """A draft is kept half done; every mistake leads to its line, and nothing can be saved before they are gone."""
    before = site.read_bytes()
    assert draft(bench, site, '[attributes]\nPatientSex = { from = "PID-99" }\nPatientAge = 3\n') == 303
    page = bench.http.get("/bench/file", params={"path": str(site)}).text
    assert "PID-99" in page
    assert "&amp;line=4" in page
    assert "&amp;line=5" in page
    assert "The drafts have 2 mistakes" in bench.text("/bench")
    assert "PID-99" in bench.text("/bench/difference")
    assert bench.http.post("/bench/save").status_code == 409
    assert site.read_bytes() == before
    assert bench.http.post("/bench/discard", data={"path": str(site)}).status_code == 303
    assert bench.http.post("/bench/discard", data={"path": str(site)}).status_code == 409
    assert "There is no draft." in bench.text("/bench/difference")


def test_a_colleagues_draft_is_not_written_over(bench: Operator, site: Path) -> None:
    """Who keeps an older version of the draft is told so, and finds the own text still on the page."""
    assert draft(bench, site, MENDED) == 303
    assert draft(bench, site, "# mine\n", revision="1") == 409
    stale = bench.http.post("/bench/draft", data={"path": str(site), "revision": "1", "content": "# only mine\n"})
    assert "# only mine" in stale.text
    assert "has changed the draft meanwhile" in stale.text
    assert bench.http.post("/bench/save", data={"seen": "mapping@1"}).status_code == 409


def test_a_saving_is_undone_by_a_click(bench: Operator, site: Path) -> None:
    """What was saved and turned out wrong is taken back at once, file and rules alike; the journal names who did both."""
    before = site.read_bytes()
    assert draft(bench, site, MENDED) == 303
    assert bench.http.post("/api/v1/bench/save", json={}).json() == {"files": [str(site)]}
    rules = bench.broker.site.mapping.rules
    assert bench.http.post("/bench/undo", data={"number": "1"}).status_code == 303
    assert site.read_bytes() == before
    assert bench.broker.site.mapping.rules != rules
    assert "Undone" in bench.text("/bench", done="undone")
    (undone, saved) = bench.json("/api/v1/bench")["versions"]
    assert (saved["remark"], undone["remark"]) == ("saved", "saving 1 undone")
    assert saved["by"] == "127.0.0.1, without login"


def test_a_message_is_pasted_or_dropped(bench: Operator) -> None:
    """Pasted text is read as what it looks like, a file as its very bytes; each attribute has its field and its line."""
    text = his.order_orm(his.Order(name="DÖE^JANE")).decode("latin-1")
    assert "8859/1" in text
    pasted = readable(bench.http.post("/bench/look", data={"text": text.replace("\r", "\n")}).text)
    assert "It would be applied." in pasted
    assert "PatientName DÖE^JANE PID-5 name default.toml:" in pasted
    assert "PatientMotherBirthName PID-6 is empty" in pasted
    raw = text.replace("\r", "\r\n").replace("8859/1", "WINDOWS-1251").replace("DÖE", "ДОЭ").encode("cp1251")
    form = {"bytes": base64.b64encode(b"\x0b" + raw + b"\x1c\r").decode(), "text": ""}
    assert "ДОЭ^JANE" in bench.http.post("/bench/look", data=form).text
    assert bench.http.post("/bench/look", data={"bytes": "no base64"}).status_code == 400
    assert bench.http.post("/bench/look", data={"message": "77"}).status_code == 404
    for form in ({"last": "many"}, {"last": "-1"}, {"last": "9" * 40}):
        assert bench.http.post("/bench/difference", data=form).status_code == 200
    assert bench.http.post("/bench/undo", data={"number": "none"}).status_code == 409
    assert bench.json("/api/v1/messages") == []
    told = bench.http.post("/api/v1/bench/look", json={"text": text + text}).json()
    assert [each["refusal"] for each in told] == ["", ""]


def test_a_stored_message_is_masked_until_revealed(bench: Operator, site: Path) -> None:
    """The bench shows no patient nobody asked for; who asks is in the journal."""
    bench.order(name="DOE^JANE", patient_id="SIM4711")
    draft(bench, site, '[attributes]\nPatientComments = { from = "PID-5" }\n')
    for path in ("/bench?message=1", "/bench/difference", "/api/v1/bench/difference"):
        page = bench.http.get(path).text
        assert "PatientComments" in page
        assert not [each for each in SECRETS if each in page]
    assert "DOE^JANE" in readable(bench.http.post("/bench/look", data={"message": "1"}).text)
    assert "DOE^JANE" in readable(bench.http.post("/bench/difference", data={"last": "9"}).text)
    assert bench.text("/messages/1").count("patient revealed") == 1


def test_the_mapping_that_came_with_swf_is_read_only(operator: Operator) -> None:
    """A site that names it in its settings can look at it, and is told how to have one of its own."""
    shipped = str(config.shipped_mappings() / "default.toml")
    assert "cannot be changed here" in operator.text("/bench")
    assert "came with swf" in readable(operator.http.get("/bench/file", params={"path": shipped}).text)
    assert operator.http.post("/bench/begin", data={"path": shipped}).status_code == 409
    assert operator.http.get("/bench/file", params={"path": "/etc/passwd"}).status_code == 404


@pytest.mark.parametrize("path", ["{}/../../swf.db", "{}/../own.toml", "/etc/cron.d/x.csv", "{}/site.sh"])
def test_no_path_leads_out_of_the_folder(bench: Operator, site: Path, path: str) -> None:
    """Whatever a form names, only files of the site's mapping are written."""
    asked = {"path": path.format(site.parent), "content": "x = 1\n"}
    assert bench.http.post("/bench/draft", data=asked).status_code in (404, 409)
    assert bench.http.post("/api/v1/bench/draft", json=asked).status_code == 409
    assert bench.json("/api/v1/bench")["documents"][0]["draft"] is None


def test_the_files_on_disk_are_read_anew(bench: Operator, site: Path) -> None:
    """What somebody changed with an editor is in force after a click; a mistake in it is told, and nothing changes."""
    site.write_text('extends = "swf:default.toml"\n' + MENDED)
    assert bench.http.post("/bench/reload").status_code == 303
    rules = bench.broker.site.mapping.rules
    site.write_text('extends = "nothing.toml"\n')
    assert "nothing.toml" in bench.http.post("/api/v1/bench/reload").text
    assert bench.broker.site.mapping.rules is rules


def test_what_is_saved_and_cannot_be_put_in_force_says_so(bench: Operator, site: Path) -> None:
    """The mapping is right and another mapping of the settings is not: the file is written, and it is told what hinders."""
    draft(bench, site, MENDED)
    settings = bench.broker.settings
    bench.broker.settings = settings.model_copy(update={"source": (Source(name="ris", mapping="gone.toml"),)})
    answer = bench.http.post("/bench/save")
    assert (answer.status_code, "not in force yet" in answer.text) == (409, True)
    assert b"OBR-3.1" in site.read_bytes()
    bench.broker.settings = settings
    assert bench.http.post("/bench/reload").status_code == 303
