"""In a real browser: the board moves by itself, the keyboard is enough, nobody is shut out, nothing is run."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pydicom.dataset import Dataset

from swf import clock
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from tests.extensions.web import people
from tests.extensions.web.conftest import SCRIPT, Operator

WIDTHS = (390, 1280, 2560)
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
_QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
Look = Callable[..., Page]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for all these tests."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=_QUIET)
        yield running
        running.close()


@pytest.fixture
def look_at(browser: Browser) -> Iterator[Callable[[Operator], Look]]:
    """Opens pages of a window; whatever the browser complains of fails the test."""
    complaints: list[str] = []
    opened = []

    def start(operator: Operator, path: str, **options: Any) -> Page:
        context = browser.new_context(base_url=operator.address, **options)
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: "(Not Found)" in message.text or complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.goto(path)
        return page

    yield lambda operator: partial(start, operator)
    for each in opened:
        each.close()
    assert complaints == []


@pytest.fixture
def look(look_at: Callable[[Operator], Look], operator: Operator) -> Look:
    """Opens pages of the window of a broker as it comes."""
    return look_at(operator)


def test_the_board_moves_without_a_key(operator: Operator, look: Look) -> None:
    """An order comes, is changed and cancelled: the page that hangs on the wall follows by itself."""
    page = look("/")
    expect(page.locator("#live")).to_have_text("live")
    page.evaluate("window.same = true")
    order = operator.order()
    expect(page.get_by_role("link", name=order.accession)).to_be_visible()
    expect(page.locator(".rows .status")).to_have_text("scheduled")
    assert operator.send(his.cancel(order)) == "AA"
    expect(page.locator(".rows .status")).to_have_text("cancelled")
    assert page.evaluate("window.same")


def test_the_trace_shows_every_step_of_an_exam(
    open_window: Callable[..., Operator], look_at: Callable[[Operator], Look], mis: Mis
) -> None:
    """From the order to the last status: each step is in the picture and in the list, and leads to what it tells of."""
    operator = open_window(mis)
    order = operator.order()
    scanner = Modality(*operator.broker.dicom.address, "CT1")
    scanner.complete(scanner.begin(*scanner.query()), images=2)
    assert mis.wait_for(4)
    page = look_at(operator)(f"/orders/{order.accession}")
    told = (
        "message received", "order created", "step scheduled", "worklist answered", "mpps in progress",
        "step status", "delivery queued", "delivery acknowledged", "mpps completed", "order status",
    )  # fmt: skip
    rows = page.locator("section[aria-labelledby=trace] tbody tr")
    for each in told:
        expect(rows.filter(has_text=each).first).to_be_visible()
    between_two = rows.locator("td:nth-child(3)").filter(has_text="→")
    expect(page.locator(".lanes .arrow")).to_have_count(between_two.count())
    for lane in ("HIS|HOSP", "CT1", "mis"):
        expect(page.locator(".lane-name").get_by_text(lane, exact=True)).to_be_visible()
    rows.filter(has_text="delivery acknowledged").first.locator("a.go").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Delivery")


# Station, the AE title it calls, and the rule that hides an order for CT1 of the day after tomorrow from it
HIDING = (
    ("CT1", "NORTH", "partition"),
    ("LABELLED", "", "label"),
    ("PLACED", "", "location"),
    ("ARRIVED", "", "status"),
    ("TODAY", "", "date window"),
    ("FORCED", "", "station"),
    ("STRICT", "", "needs"),
    ("ASKING", "", "key Modality"),
)
STATIONS = (
    {"ae_title": "CT1"},
    {"ae_title": "LABELLED", "labels": ["SOUTH"]},
    {"ae_title": "PLACED", "locations": ["ROOM 3"]},
    {"ae_title": "ARRIVED", "statuses": ["ARRIVED"]},
    {"ae_title": "TODAY", "days_ahead": 0},
    {"ae_title": "FORCED", "station_filter": "forced"},
    {"ae_title": "STRICT", "needs": ["AdmissionID"]},
    {"ae_title": "ASKING"},
)


def test_the_rule_that_hides_is_the_one_that_is_named(
    open_window: Callable[..., Operator], look_at: Callable[[Operator], Look]
) -> None:
    """For each rule a list can be cut by: exactly that one is red, and what to do stands under it."""
    operator = open_window(modality=list(STATIONS), partition=[{"ae_title": "NORTH", "labels": ["NORTH"]}])
    order = operator.order(start=clock.local(clock.now()) + timedelta(days=2))
    Modality(*operator.broker.dicom.address, "ASKING").query(Modality="MR")
    while operator.json("/api/v1/why", number=order.accession, ae="ASKING")["seen"]:
        pass  # what a device asked is noted behind the answer
    page = look_at(operator)("/why")
    for station, called, rule in HIDING:
        page.goto(f"/why?number={order.accession}&ae={station}&called={called}")
        expect(page.get_by_role("status")).to_have_text(f"{station} does not see {order.accession}: {rule}")
        expect(page.locator(".finding.hides b").first).to_have_text(rule)
        expect(page.locator(".finding.hides")).to_have_count(1)
        expect(page.locator(".finding.hides .action")).to_contain_text("To do:")
    page.goto(f"/why?number={order.accession}&ae=CT1")
    expect(page.get_by_role("status")).to_have_text(f"CT1 sees {order.accession}")


def test_an_unscheduled_exam_is_linked(operator: Operator, look: Look) -> None:
    """Today leads to the exam nobody ordered; with one click it belongs to its order, which is in progress."""
    item = Dataset()
    item.PatientName, item.PatientID, item.StudyInstanceUID = "DOE^JANE", "SIM4711", "1.2.3.4.5"
    item.ScheduledProcedureStepSequence = [Dataset()]
    item.ScheduledProcedureStepSequence[0].Modality = "CT"
    Modality(*operator.broker.dicom.address, "CT1").begin(item)
    order = operator.order(station_ae="CT9")
    page = look("/")
    page.get_by_role("link", name="Exams without order").click()
    page.locator("a.go").first.click()
    page.get_by_role("button", name=f"Link to {order.accession}").click()
    expect(page.get_by_role("link", name=order.accession).first).to_be_visible()
    page.goto(f"/orders/{order.accession}")
    expect(page.locator("h1 .status")).to_have_text("in progress")
    expect(page.locator("section[aria-labelledby=trace] tbody tr").filter(has_text="mpps linked")).to_be_visible()


def test_a_script_in_a_name_is_not_run(operator: Operator, look: Look) -> None:
    """A patient called like a script is shown with that name, and nothing happens."""
    order = operator.order(name=f"{SCRIPT}^JANE", code=f"C1^{SCRIPT}^99SIM")
    page = look(f"/orders/{order.accession}")
    page.get_by_role("button", name="Show patient data").click()
    expect(page.get_by_role("cell", name=f"{SCRIPT}^JANE", exact=True)).to_be_visible()


def test_the_keyboard_is_enough(operator: Operator, look: Look) -> None:
    """Find with /, go down the rows with j, open with Enter, go back to the board with g t; menus open, close and give back."""
    first, second = operator.order(), operator.order()
    page = look("/orders")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_title(f"Order {first.accession} · swf")
    page.wait_for_load_state()  # a title is there before the keys are
    page.keyboard.press("/")
    page.keyboard.type(second.accession)
    page.keyboard.press("Enter")
    expect(page.locator("main tbody tr")).to_have_count(1)
    page.wait_for_load_state()
    page.locator("body").press("g")
    page.keyboard.press("t")
    expect(page).to_have_title("Today · swf")
    page.wait_for_load_state()
    menu, inside = page.get_by_text("Work", exact=True), page.get_by_role("link", name="Exams", exact=True)
    menu.press("Enter")
    expect(inside).to_be_visible()
    page.keyboard.press("Escape")
    expect(inside).to_be_hidden()
    expect(menu).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_it_works_without_a_script(operator: Operator, look: Look) -> None:
    """Where scripts are forbidden the pages still show, reveal and answer; only the board has to be fetched anew."""
    order = operator.order(name="DOE^JANE")
    page = look(f"/orders/{order.accession}", java_script_enabled=False)
    page.get_by_role("button", name="Show patient data").click()
    expect(page.get_by_role("cell", name="DOE^JANE", exact=True)).to_be_visible()
    page.get_by_label("Does a station see it?").fill("CT1")
    page.get_by_role("button", name="Why not?").click()
    expect(page.locator(".verdict-line")).to_have_text(f"CT1 sees {order.accession}")
    page.get_by_role("link", name="Deutsch").click()
    expect(page).to_have_title("Warum nicht? · swf")
    expect(page.locator(".verdict-line")).to_have_text(f"CT1 sieht {order.accession}")
    page.get_by_text("Arbeit", exact=True).click()
    page.get_by_role("link", name="Untersuchungen", exact=True).click()
    expect(page).to_have_title("Untersuchungen · swf")


def test_a_failed_message_is_mended_on_the_bench(
    open_window: Callable[..., Operator], look_at: Callable[[Operator], Look], tmp_path: Path
) -> None:
    """From the failed message to the bench, the line, the difference, the saving, the replay: the scanner has the order."""
    site = tmp_path / "mappings" / "site.toml"
    site.parent.mkdir()
    site.write_text('extends = "swf:default.toml"\n')
    operator = open_window(mapping=str(site))
    order = his.Order(accession="ACC-LONGER-THAN-16", station_ae="CT1")
    assert operator.send(his.order_orm(order)) == "AE"
    operator.order()
    page = look_at(operator)("/messages/1")
    page.get_by_role("link", name="Open it on the mapping bench").click()
    expect(page.locator(".verdict-line")).to_contain_text("It would be refused")
    page.get_by_role("button", name="Change").click()
    page.get_by_label("The draft of site.toml").press("Control+End")
    page.keyboard.type('[attributes]\nAccessionNumber = { from = "OBR-3.1" }\n')
    page.get_by_role("button", name="Keep the draft and check it").click()
    page.get_by_role("link", name="What would change?").click()
    expect(page.locator(".verdict-line")).to_have_text("A message that is refused now would be mapped.")
    expect(page.locator("summary", has_text="Message 1")).to_contain_text("would be applied")
    page.get_by_role("button", name="Save, and put in force").click()
    expect(page.get_by_role("status")).to_have_text("Saved, and in force.")
    page.goto("/messages/1")
    page.get_by_role("button", name="Try it, change nothing").click()
    page.get_by_role("button", name="Take it again").click()
    expect(page.get_by_role("status")).to_contain_text("refused before, applied now")
    found = Modality(*operator.broker.dicom.address, "CT1").query(AccessionNumber=order.filler_number)
    assert [item.PlacerOrderNumberImagingServiceRequest for item in found] == [order.placer_number]
    page.goto("/bench")
    dropped = tmp_path / "one.hl7"
    dropped.write_bytes(his.order_orm(his.Order()))
    page.get_by_label("or drop a file here").set_input_files(dropped)
    expect(page.locator(".verdict-line")).to_have_text("It would be applied.")


def test_somebody_signs_in(open_window: Callable[..., Operator], look_at: Callable[[Operator], Look]) -> None:
    """The first admin is made on a page, signs in with the keyboard and out by a click; those pages shut nobody out."""
    operator = open_window()
    page = look_at(operator)("/users")
    page.get_by_label("Name of a new user").fill("jane")
    page.get_by_label("Password, 12 characters or more").fill(people.PASSWORD)
    page.get_by_role("button", name="Add").first.click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    _is_open_to_all(page)
    page.keyboard.type("jane")
    page.keyboard.press("Tab")
    page.keyboard.type(people.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Users")).to_be_visible()
    page.goto("/account")
    _is_open_to_all(page)
    page.goto("/")
    expect(page.locator("#live")).to_have_text("live")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("body").press("/")


def _is_open_to_all(page: Page) -> None:
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, f"{page.url}: {json.dumps(found, indent=1)}"
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} at {width}"


@pytest.mark.parametrize(("scheme", "language"), [("light", "de"), ("dark", "ru")])
def test_nobody_is_shut_out(operator: Operator, look: Look, scheme: str, language: str) -> None:
    """No page breaks a rule of WCAG 2.1 AA, in light and dark; none is wider than a phone, a desk or a wall.

    German has the longest words and Russian the most of them: what fits them fits English.
    """
    order = operator.order()
    assert operator.send(his.cancel(order)) == "AA"
    assert operator.send(his.cancel(his.Order())) == "AE"
    number, scanner = order.accession, Modality(*operator.broker.dicom.address, "CT1")
    operator.order()
    exam = scanner.begin(*scanner.query())
    page = look("/", color_scheme=scheme, locale=language)
    for path in (
        "/",
        "/orders",
        "/orders/new",
        f"/orders/{number}",
        f"/orders/{number}/change",
        f"/orders/{number}/requisition",
        f"/why?number={number}&ae=CT1",
        "/worklist?ae=CT1",
        "/worklist/2?ae=CT1",
        "/issues",
        "/devices",
        "/statistics",
        "/devices/CT1",
        "/queries/1",
        "/messages",
        "/messages/3",
        "/messages/compare?one=1&other=2",
        "/messages/failed",
        f"/messages/failed/{operator.json('/api/v1/messages/failed')[0]['key']}",
        "/bench?message=3",
        f"/bench/file?path={operator.broker.site.mapping.path}&line=3",
        "/bench/difference",
        "/deliveries",
        "/exams",
        f"/exams/{exam}",
        "/held",
        "/simulator",
        "/users",
        "/no",
    ):
        page.goto(path)
        _is_open_to_all(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_simulator_is_seen_at_work(open_window: Callable[..., Operator], browser: Browser, scheme: str) -> None:
    """Somebody starts a HIS with a click and sees it count without a reload; both pages are for everybody, at any width."""
    operator = open_window(simulator={"enabled": True})
    context = browser.new_context(base_url=operator.address, color_scheme=scheme)
    page = context.new_page()
    page.goto("/simulator")
    panel = page.locator("#his")
    panel.get_by_label("Rate").select_option("max")
    panel.get_by_role("button", name="Let it play").click()
    expect(panel.locator("dt", has_text="accepted")).to_be_visible()
    page.get_by_role("button", name="Begin: The order is missing on CT1").click()
    expect(page.locator(".verdict-line")).to_contain_text("CT1 does not see the order")
    for path in ("/simulator", "/simulator/exercise"):
        page.goto(path)
        found = Axe().run(page, options=RULES).response["violations"]
        assert not found, f"{path}: {json.dumps(found, indent=1)}"
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
    context.close()
