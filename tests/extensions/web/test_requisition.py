"""The requisition on paper: what is on it, who is told that it was printed, and whether a scanner reads its marks."""

import base64
from collections.abc import Iterator

import pytest
import zxingcpp
from playwright.sync_api import Page, sync_playwright

from swf.extensions.simulator import his
from swf.extensions.web import codes
from swf.extensions.web.pages import requisition
from tests.extensions.web.conftest import SCRIPT, Operator, readable

_PIXELS = """async (png) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
    const paper = new OffscreenCanvas(image.width, image.height).getContext("2d");
    paper.drawImage(image, 0, 0);
    const dots = paper.getImageData(0, 0, image.width, image.height).data;
    const grey = new Uint8Array(dots.length / 4).map((_, n) => dots[n * 4]);
    const lines = Array.from({ length: image.height }, (_, y) => grey.subarray(y * image.width, (y + 1) * image.width));
    return [image.width, image.height, btoa(lines.map((line) => String.fromCharCode(...line)).join(""))];
}"""


@pytest.fixture
def paper(chromium: str, operator: Operator) -> Iterator[Page]:
    """A browser that prefers the dark, and prints."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield running.new_context(base_url=operator.address, color_scheme="dark").new_page()
        running.close()


def test_a_scanner_reads_both_marks_from_paper(operator: Operator, paper: Page) -> None:
    """Printed from the order's page, Code 128 and QR both say the accession number; nothing else is read."""
    order = operator.order(accession="A-77/2026.X9")
    paper.goto(f"/orders/{order.accession.replace('/', '%2F')}")
    paper.get_by_role("button", name="Requisition").click()
    paper.emulate_media(media="print")
    assert not paper.get_by_role("link", name="Back to the order").is_visible()
    printed = base64.b64encode(paper.screenshot()).decode()
    blank = paper.context.new_page()
    width, height, grey = blank.evaluate(_PIXELS, printed)
    found = zxingcpp.read_barcodes(memoryview(base64.b64decode(grey)).cast("B", (height, width)))
    read = {(each.format, each.text) for each in found}
    assert read == {(zxingcpp.BarcodeFormat.Code128, order.accession), (zxingcpp.BarcodeFormat.QRCode, order.accession)}


def test_paper_shows_a_patient_only_when_that_is_kept(operator: Operator) -> None:
    """The address alone shows an order without its patient; shown and printed, the journal has who did it."""
    order = operator.order(name=f"{SCRIPT}^JANE", patient_id="SIM4711")
    address = f"/orders/{order.accession}/requisition"
    masked = operator.http.get(address).text
    assert "JANE" not in masked
    assert "SIM4711" not in masked
    assert operator.json(f"/api/v1/orders/{order.accession}/trace")[-1]["event"] != "patient revealed"
    shown = operator.http.post(address).text
    assert SCRIPT not in shown
    text = readable(shown)
    for each in ("alert(1)", "JANE", "SIM4711 (HOSP)", "1980-02-29", "CT abdomen (CTABD)", order.placer_number):
        assert each in text
    last = operator.json(f"/api/v1/orders/{order.accession}/trace")[-1]
    assert (last["event"], last["by"]) == ("patient revealed", "127.0.0.1, without login")
    assert operator.http.get("/orders/none/requisition").status_code == 404
    assert operator.http.post("/orders/none/requisition").status_code == 404


def test_a_cancelled_order_says_so_on_paper(operator: Operator) -> None:
    """Nobody is examined because of a sheet that lies about."""
    order = operator.order()
    assert operator.send(his.cancel(order)) == "AA"
    assert '<p class="state">cancelled</p>' in operator.http.get(f"/orders/{order.accession}/requisition").text


@pytest.mark.parametrize(("text", "bars"), [("A1", True), ("Ж-1", False), ("", False)])
def test_letters_a_bar_code_lacks_are_left_to_the_square(text: str, bars: bool) -> None:
    """Code 128 has no Cyrillic; the QR code has every letter there is."""
    assert (codes.code_128(text) is not None) is bars


def test_a_name_is_written_as_people_write_it() -> None:
    """Family, given, what stands before and behind, then the other scripts."""
    assert requisition.legible("DOE^JANE^M^DR^JR=ドウ^ジェーン") == "DOE, DR JANE M, JR / ドウ, ジェーン"
    assert requisition.legible("") == ""
