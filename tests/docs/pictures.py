"""Takes docs/pictures/window/*.png of a broker at work: `python -m tests.docs.pictures [NAME ...]`.

Everybody on them is invented. With Pillow the files become small; without it they are as the browser makes them.
"""

import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from swf import clock, config, log
from swf.broker import Broker
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.model.user import Role
from swf.workflow import statistics
from tests.docs.generate import DOCS
from tests.extensions.web import people
from tests.extensions.web.conftest import Operator

PICTURES = DOCS / "pictures" / "window"
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
TALLEST = {"desk": 1200, "phone": 1700}
SITE = 'extends = "default.toml"\n'
MENDED = SITE + '\n[attributes]\nAccessionNumber = { from = "OBR-3.1" }\n'
HALF_A_DAY = {"rate": "100/min", "for": "8s"}
COLOURS = 200
PATIENCE_S = 60.0


class Shot(NamedTuple):
    """A page as it is looked at; `looks` are scheme and size, `act` is what is done before the picture is taken."""

    name: str
    path: str
    looks: tuple[tuple[str, str], ...] = (("light", "desk"),)
    act: Callable[[Page], object] = lambda _page: None


ALL = (("light", "desk"), ("dark", "desk"), ("light", "phone"))


@contextmanager
def at_work(folder: Path) -> Iterator[Operator]:
    """A broker of a small hospital in the middle of its day, with everything that can go wrong gone wrong once."""
    os.chdir(folder)
    shutil.copytree(config.shipped_mappings(), folder / "mappings")
    (folder / "mappings" / "site.toml").write_text(SITE, "utf-8")
    with Mis() as free:
        port = free.address[1]
    destination = {
        "name": "mis", "host": "127.0.0.1", "port": port, "refusals_before_parking": 2, "retry_first_seconds": 0.2,
    }  # fmt: skip
    environment = {
        "SWF_HL7_PORT": "0",
        "SWF_DICOM_PORT": "0",
        "SWF_WEB_PORT": "0",
        "SWF_MAPPING": "mappings/site.toml",
        "SWF_SIMULATOR_ENABLED": "true",
        "SWF_SIMULATOR_TEST_SYSTEM": "true",
        "SWF_SIMULATOR_MIS_PORT": str(port),
        "SWF_DESTINATION": json.dumps([destination]),
    }
    (folder / "swf.toml").touch()
    broker = Broker(config.load(Path("swf.toml"), environment))
    broker.start()
    try:
        operator = Operator(broker)
        _live_a_day(operator)
        yield operator
    finally:
        broker.stop()


def _live_a_day(operator: Operator) -> None:
    broker = operator.broker
    assert broker.simulator is not None
    play = broker.simulator
    play.begin("mis", {"for": "24h"})
    for kind in ("missing", "emergency", "refused", "letters"):
        play.set_up(kind)
    for language in ("en", "de", "fr"):
        seed = f"a day in {language}"
        play.begin("his", HALF_A_DAY | {"language": language, "profile": "omi-2.5.1", "seed": seed})
        play.begin("modality", HALF_A_DAY | {"seed": seed})
        _until(lambda: not any(run["running"] for run in play.state() if run["kind"] != "mis"))
    operator.send(his.order_orm(his.Order(accession="ACC-LONGER-THAN-16", name="DOE^JANE", station_ae="CT1")))
    operator.send(his.order_orm(his.Order(name="ROE^RICHARD", code="^^", protocol="^^")))
    play.set_up("missing")
    scanner = Modality(*broker.dicom.address, "MR1")
    scanner.begin(*scanner.query(ScheduledStationAETitle="MR1")[:1])
    operator.http.post("/bench/begin", data={"path": str(broker.site.mapping.path)})
    page = operator.http.get("/bench/file", params={"path": str(broker.site.mapping.path)}).text
    revision = page.partition('name="revision" value="')[2].partition('"')[0]
    form = {"path": str(broker.site.mapping.path), "revision": revision, "content": MENDED}
    assert operator.http.post("/bench/draft", data=form).status_code == 303
    soon = clock.now() + timedelta(minutes=1)
    broker.database.run(lambda transaction: statistics.count(transaction, soon))


def _until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(0.1)


def shots(operator: Operator) -> list[Shot]:
    """Every page there is, with something on it."""
    told = operator.json("/api/v1/simulator/exercise")
    missing = told["story"].partition("number ")[2].partition(",")[0]
    done = next(each["accession_number"] for each in operator.json("/api/v1/orders") if each["status"] == "CM")
    (failed, *_) = operator.json("/api/v1/messages", refused=True)
    cause = operator.json("/api/v1/messages/failed")[0]["key"]
    alone = operator.json("/api/v1/exams", only="unresolved")[0]["sop_instance_uid"]
    mapping = operator.broker.site.mapping.path
    return [
        Shot("today", "/", ALL),
        Shot("orders", "/orders"),
        Shot("new-order", "/orders/new"),
        Shot("order", f"/orders/{done}", ALL),
        Shot("change", f"/orders/{missing}/change"),
        Shot("requisition", f"/orders/{missing}/requisition"),
        Shot("why-not", f"/why?number={missing}&ae=CT1", ALL),
        Shot("worklist", "/worklist?ae=CT1", ALL),
        Shot("exams", "/exams"),
        Shot("exam", f"/exams/{alone}"),
        Shot("held", "/held"),
        Shot("messages", "/messages"),
        Shot("message", f"/messages/{failed['id']}"),
        Shot("failed", "/messages/failed"),
        Shot("failed-cause", f"/messages/failed/{cause}"),
        Shot("bench", f"/bench?message={failed['id']}", ALL),
        Shot("bench-draft", f"/bench/file?path={mapping}"),
        Shot("bench-difference", "/bench/difference"),
        Shot("deliveries", "/deliveries"),
        Shot("issues", "/issues"),
        Shot("devices", "/devices"),
        Shot("device", "/devices/CT1"),
        Shot("statistics", "/statistics?days=1"),
        Shot("simulator", "/simulator"),
        Shot("exercise", "/simulator/exercise"),
    ]


def take(browser: Browser, operator: Operator, shot: Shot, key: str = "") -> None:
    """The pictures of one page."""
    for scheme, size in shot.looks:
        width, height = SIZES[size]
        context = browser.new_context(
            base_url=operator.address,
            color_scheme=scheme,  # type: ignore[arg-type]  # one of its words
            locale="en-GB",
            viewport={"width": width, "height": height},
        )
        if key:
            context.add_cookies([{"name": "swf_session", "value": key, "url": operator.address}])
        page = context.new_page()
        page.goto(shot.path)
        shot.act(page)
        page.wait_for_timeout(300)
        tall = min(int(page.evaluate("document.documentElement.scrollHeight")), TALLEST[size])
        page.set_viewport_size({"width": width, "height": max(tall, 300)})
        end = "" if (scheme, size) == ("light", "desk") else f"-{scheme if size == 'desk' else size}"
        (PICTURES / f"{shot.name}{end}.png").write_bytes(_small(page.screenshot()))
        context.close()


def _small(png: bytes) -> bytes:
    try:
        from PIL import Image  # noqa: PLC0415  not everybody has it
    except ImportError:
        return png
    kept = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS).save(kept, "PNG", optimize=True)
    return kept.getvalue()


def main(names: list[str]) -> None:
    """Let a broker work, and take the pictures with these names, or all."""
    log.configure("ERROR")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="swf-") as folder,
        at_work(Path(folder)) as operator,
        sync_playwright() as it,
    ):
        browser = it.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        for shot in shots(operator):
            if not names or shot.name in names:
                take(browser, operator, shot)
        people.enrol(operator.broker, "jane", Role.ADMIN)
        people.enrol(operator.broker, "john", Role.VIEWER)
        people.token(operator.broker, "archive", Role.VIEWER)
        key = people.session(operator.broker, "jane")
        if not names or "login" in names:
            take(browser, operator, Shot("login", "/login"))
        for shot in (Shot("users", "/users"), Shot("account", "/account")):
            if not names or shot.name in names:
                take(browser, operator, shot, key)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
