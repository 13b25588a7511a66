"""Devices and lines: who calls, by which settings, what came of it; and asking a peer whether it answers now.

Only addresses of the settings are called: a page cannot be made to knock at another door.
"""

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from swf import clock
from swf.extensions.web import mask, rendering
from swf.extensions.web.language import N_, _
from swf.extensions.web.rooms import Rooms, who
from swf.net import probes
from swf.net.probes import Peer, Probed
from swf.store import board
from swf.workflow import devices as workflow_devices
from swf.workflow import operator, rejections
from swf.workflow.devices import Account

SHOWN = 50
_LINES = (N_("destination"), N_("relay"))


def routes(rooms: Rooms) -> APIRouter:
    """The list, one device, and the tests."""
    router = APIRouter(include_in_schema=False)

    @router.get("/devices")
    def devices() -> HTMLResponse:
        return rendering.answer("devices.html", **_page(rooms))

    @router.get("/devices/{ae:path}")
    def device(ae: str) -> HTMLResponse:
        return rendering.answer("device.html", **_one(rooms, ae))

    @router.post("/devices/{ae:path}")
    def echo(request: Request, ae: str) -> HTMLResponse:
        probed = tested(rooms, who(request), ("device",), ae)
        return rendering.answer("device.html", **_one(rooms, ae, probed))

    @router.post("/lines/{name:path}")
    def test(request: Request, name: str) -> HTMLResponse:
        probed = tested(rooms, who(request), _LINES, name)
        return rendering.answer("devices.html", **_page(rooms, probed))

    return router


def every(rooms: Rooms) -> list[workflow_devices.Device]:
    """Every device there is to know of."""
    with rooms.database.reading() as connection:
        return workflow_devices.every(connection, rooms.site().settings, clock.now())


def account(rooms: Rooms, ae_title: str, most: int = SHOWN) -> Account:
    """One device; keys of its queries that tell of a patient are masked. HTTPException when nobody goes by that title."""
    with rooms.database.reading() as connection:
        found = workflow_devices.of(connection, rooms.site().settings, ae_title, clock.now(), most)
    if not found.device.configured and found.device.last_at is None:
        raise HTTPException(404, _("no device called %(name)s is configured, and none has called", name=ae_title))
    for asked in found.asked:
        for path in asked.keys:
            if mask.is_of_the_patient(path):
                asked.keys[path] = mask.MASK
    return found


def lines(rooms: Rooms) -> list[dict[str, Any]]:
    """Destinations and relays: what waits, what is parked, when one was last taken."""
    settings = rooms.site().settings
    by_name = {peer.name: peer for peer in probes.peers(settings) if peer.kind != "device"}
    found = []
    with rooms.database.reading() as connection:
        for each in (*settings.destination, *settings.relay):
            waiting, oldest, parked, taken, error = board.line(connection, each.name)
            found.append(
                {"peer": by_name[each.name], "waiting": waiting, "oldest": oldest, "parked": parked}
                | {"taken": taken, "error": error}
            )
    return found


def tested(rooms: Rooms, by: str, kinds: tuple[str, ...], name: str) -> Probed:
    """Ask a peer of the settings whether it answers, and note who had it asked; HTTPException for anybody else."""
    peer = _peer(rooms, kinds, name)
    probed = rooms.probe(peer)
    did = f"test {peer.kind} {peer.name}: {'well' if probed.well else 'failed'}, {probed.told}"
    rooms.database.run(lambda transaction: operator.acted(transaction, clock.now(), by, did))
    return probed


def _peer(rooms: Rooms, kinds: tuple[str, ...], name: str) -> Peer:
    for peer in probes.peers(rooms.site().settings):
        if peer.kind in kinds and peer.name == name:
            return peer
    raise HTTPException(404, _("the settings hold no address of %(name)s", name=name))


def _page(rooms: Rooms, probed: Probed | None = None) -> dict[str, Any]:
    with rooms.database.reading() as connection:
        settings = rooms.site().settings
        rejected = rejections.recent(connection, settings, clock.now())
        found = workflow_devices.every(connection, settings, clock.now())
    return {"devices": found, "lines": lines(rooms), "rejected": rejected[:SHOWN], "probed": probed}


def _one(rooms: Rooms, ae_title: str, probed: Probed | None = None) -> dict[str, Any]:
    found = account(rooms, ae_title)
    device = found.device
    return {
        "account": found,
        "device": device,
        "can_echo": bool(device.host and device.port),
        "probed": probed,
        "shown": SHOWN,
    }
