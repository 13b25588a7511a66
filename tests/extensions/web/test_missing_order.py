"""The walk-through of docs/tutorials/missing-order.md, word for word, in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.extensions.web.conftest import Operator

WALK = Path(__file__).parents[3] / "docs" / "tutorials" / "missing-order.md"
THE_NUMBER = "the accession number"
Do = Callable[[Page, str], None]


def _menu(page: Page, label: str) -> None:
    page.get_by_role("navigation").get_by_text(label, exact=True).click()


def _choose(page: Page, label: str) -> None:
    page.get_by_role("link", name=label, exact=True).first.click()


def _press(page: Page, label: str) -> None:
    main = page.locator("main")
    main.get_by_role("button", name=label, exact=True).or_(main.get_by_role("link", name=label, exact=True)).click()


def _begin(page: Page, label: str) -> None:
    page.get_by_role("button", name=f"{label}: The order is missing on CT1").click()


def _station(page: Page, label: str) -> None:
    page.locator("main").get_by_label("Station").fill(label)


def _order(page: Page, label: str) -> None:
    page.locator("main").get_by_label("Order").fill(label)


LIST: tuple[Do, ...] = (_menu, _choose, _station, _press)
TO_THE_EXERCISE: tuple[Do, ...] = (_menu, _choose)
STEPS: tuple[tuple[Do, ...], ...] = (
    (*TO_THE_EXERCISE, _begin),
    (_choose,),
    LIST,
    (_menu, _choose, _order, _station, _press),
    (_choose, _press, _station, _press),
    (*LIST, *TO_THE_EXERCISE, _choose),
)


def test_somebody_finds_the_missing_order(open_window: Callable[..., Operator], chromium: str) -> None:
    """Whoever clicks and types what is printed in bold sees at every step what is promised there, and solves it."""
    operator = open_window(simulator={"enabled": True})
    sections = re.split(r"(?m)^## \d\. .*$", WALK.read_text("utf-8").partition("## What next")[0])[1:]
    assert len(sections) == len(STEPS)
    number = ""
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]).new_page(
            base_url=operator.address
        )
        page.goto("/")
        for index, (section, doing) in enumerate(zip(sections, STEPS, strict=True)):
            for do, words in zip(doing, re.findall(r"\*\*(.+?)\*\*", section, re.DOTALL), strict=True):
                do(page, number if words == THE_NUMBER else words)
            number = number or operator.json("/api/v1/simulator/exercise")["story"].partition("number ")[2][:11]
            _promised(page, index, number)


def _promised(page: Page, index: int, number: str) -> None:
    answers = page.locator("main section table.rows").get_by_role("link", name=number)
    verdict = page.locator(".verdict-line")
    seen: tuple[Callable[[], None], ...] = (
        lambda: expect(verdict).to_have_text("Not solved yet: CT1 does not see the order."),
        lambda: expect(page.get_by_role("row", name=number)).to_contain_text("scheduled"),
        lambda: (
            expect(page.get_by_role("heading", name="Worklist")).to_be_visible(),
            expect(answers).to_have_count(0),
        )[1],
        lambda: expect(page.locator(".finding.hides")).to_contain_text("ct1 is not among CT1 ("),
        lambda: expect(page).to_have_title(f"Order {number} · swf"),
        lambda: expect(verdict).to_have_text("Solved."),
    )
    seen[index]()
