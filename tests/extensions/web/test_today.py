"""Today: the board that hangs on the wall, and moves by itself."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest

from swf import clock
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.extensions.web import rendering
from swf.extensions.web.live import Live, Shown
from swf.store import board
from swf.store.database import Database
from tests.extensions.web.conftest import Operator


def test_an_empty_day_says_so(operator: Operator) -> None:
    """The very first look shows a page that says that nothing has come, and no mistake."""
    page = operator.text("/")
    assert "Nothing is scheduled for today." in page
    assert "No device has asked for a list yet" in page


def test_the_day_is_counted_by_modality_and_status(operator: Operator) -> None:
    """Two CT orders, one of them cancelled, and one MR order are seen as that."""
    operator.order(modality="CT")
    assert operator.send(his.cancel(operator.order(modality="CT"))) == "AA"
    operator.order(modality="MR", station_ae="MR1")
    assert operator.json("/api/v1/today")["steps"] == {"CT": {"SCHEDULED": 1, "CANCELLED": 1}, "MR": {"SCHEDULED": 1}}
    assert "Modality scheduled cancelled CT 1 1 MR 1 · All 2 1" in operator.text("/")
    only = operator.text("/", modality="MR", status="SCHEDULED")
    assert only.count("why not?") == 1


def test_nobody_is_named_on_the_wall(operator: Operator) -> None:
    """Whoever passes the screen learns nothing of a patient: no name, no number, no birth date."""
    operator.order(name="DOE^JANE", patient_id="SIM4711", birth_date="19800229")
    page = operator.http.get("/").text
    assert not {"DOE", "JANE", "SIM4711", "19800229"} & {*page.replace("<", " ").replace(">", " ").split()}
    assert "DOE" not in page


def test_refused_messages_are_counted_and_led_to(operator: Operator) -> None:
    """A message without effect is seen at once, with a way to what was wrong with it."""
    assert operator.send(b"MSH|^~\\&|HIS|HOSP|SWF|RAD|20261122||ORM^O01|M1|P|2.3.1\rPID|||1\r") == "AE"
    page = operator.http.get("/").text
    assert 'href="/messages?refused=1"' in page
    cards = {card["title"]: card["number"] for card in operator.json("/api/v1/today")["cards"]}
    assert cards["Messages refused"] == 1


def test_devices_are_known_by_what_they_did(open_window: Callable[..., Operator], mis: Mis) -> None:
    """A device that asked is green with its time, one that never did is red, and so is a destination that is away."""
    host, port = mis.address
    away = [{"name": "mis", "host": host, "port": port}, {"name": "away", "host": "127.0.0.1", "port": 1}]
    operator = open_window(destination=away, modality=[{"ae_title": "CT1"}, {"ae_title": "MR1"}])
    scanner = Modality(*operator.broker.dicom.address, "CT1")
    operator.order()
    scanner.complete(scanner.begin(*scanner.query()))
    _until(operator, lambda found: found["away"]["well"] is False and "wait" in found["away"]["what"])
    found = _until(operator, lambda found: found["CT1"]["well"] and found["mis"]["at"])
    assert found["CT1"]["at"] > "2020"
    assert (found["MR1"]["well"], found["MR1"]["at"]) == (False, None)
    assert found["mis"]["well"]


def test_the_board_hears_of_an_order(operator: Operator) -> None:
    """A page that is open is told within a second or so that something came; nobody presses a key."""
    with operator.http.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        operator.order()
        assert "event: changed" in _first(lines, "event")


def test_an_open_page_is_brought_the_board(operator: Operator) -> None:
    """What a page shows comes to it, at once and after each change, in its reader's language: it need not ask again."""
    operator.http.cookies.set("lang", "de")
    with operator.http.stream("GET", "/board", params={"modality": "CT"}) as stream:
        lines = stream.iter_lines()
        assert "Für heute ist nichts geplant" in _board(lines)
        order = operator.order()
        while order.accession not in _board(lines):
            pass


def test_one_board_is_made_for_all_that_show_it() -> None:
    """A hundred open pages cost the broker one look at its store for each change, not a hundred."""
    news, made = ["nothing"], list[str]()

    def make() -> str:
        made.append(news[0])
        return news[0]

    async def watch() -> None:
        live = Live(lambda: news[0])
        pages = [live.stream(_always, Shown(("en",), make)) for _ in range(100)]
        for page in pages:
            assert b"data: nothing" in await anext(page)
        news[0] = "an order"
        for page in pages:
            while b"data: an order" not in await anext(page):
                pass
        for page in pages:
            await page.aclose()

    asyncio.run(watch())
    assert len(made) <= 3  # a change is told twice


async def _always() -> bool:
    return True


def _board(lines: Iterator[str]) -> str:
    """What the next board holds."""
    while next(lines) != "event: board":
        pass
    return "".join(iter(lines.__next__, ""))


def test_a_device_that_asks_moves_the_board_too(operator: Operator) -> None:
    """That a device asked is news, although no order changed."""
    with operator.broker.database.reading() as connection:
        before = board.stamp(connection)
    Modality(*operator.broker.dicom.address, "CT1").query()
    _until_true(lambda: _stamp(operator) != before)


def test_more_watchers_than_there_is_room_for_are_turned_away(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open pages without end take nothing from the orders: one too many is asked to come again."""
    monkeypatch.setattr("swf.extensions.web.live.MOST_STREAMS", 1)
    with operator.http.stream("GET", "/events") as stream:
        lines = stream.iter_lines()  # held: who lets go of it has left
        assert next(lines) == "retry: 2000"
        assert operator.http.get("/events").status_code == 503


def test_what_the_board_counts(database: Database) -> None:
    """Both databases count an empty day alike."""
    with database.reading() as connection:
        assert board.counts(connection, "20261122", "20261123") == []
        assert board.messages_since(connection, clock.now()) == (0, 0)
        assert (board.held(connection, 63), board.unresolved(connection), board.overdue(connection)) == (0, 0, 0)
        assert board.line(connection, "mis") == (0, None, 0, None, "")
        assert board.orders(connection, search="A1", status="SC", limit=5, by_patient=True) == []
        assert board.first_steps(connection, []) == {}


def _stamp(operator: Operator) -> object:
    with operator.broker.database.reading() as connection:
        return board.stamp(connection)


def _first(lines: Iterator[str], word: str) -> str:
    return next(line for line in lines if line.startswith(word))


def _until(operator: Operator, holds: Callable[[dict[str, dict[str, object]]], object]) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}

    def look() -> bool:
        day = operator.json("/api/v1/today")
        found.update({each["name"]: each for each in (*day["devices"], *day["destinations"])})
        return bool(holds(found))

    _until_true(look)
    return found


def _until_true(holds: Callable[[], bool]) -> None:
    """Each look is a request or a query, so that this ends by itself."""
    assert any(holds() for _ in range(400)), httpx.__name__


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "1 s ago"), (1.7, "2 s ago"), (90, "90 s ago"), (180, "3 min ago")]
)
def test_how_long_ago_is_said_in_whole_units(seconds: float, said: str) -> None:
    """Nobody reads milliseconds on a wall."""
    assert rendering.age(clock.now() - timedelta(seconds=seconds)) == said
