"""`swf devices` and `swf echo`: who calls and what came of it, and whether a peer answers now."""

import ssl
from typing import Annotated, Any

import typer

from swf import clock, config
from swf.cli.options import DICOM_DOOR, NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import print_json, print_table, shown
from swf.cli.stored import looking
from swf.cli.typed import address_of
from swf.config import Settings
from swf.net import probes, tls
from swf.net.probes import How, Peer
from swf.workflow import devices as workflow_devices
from swf.workflow import rejections
from swf.workflow.devices import Account, Device
from swf.workflow.rejections import Rejection

_LISTED = ("ae_title", "configured", "well", "last_at", "told", "profile", "host", "port")
_ASKED = ("last_at", "times", "answers", "withheld", "status", "milliseconds", "called", "address")
_REPORTED = ("updated_at", "status", "matching", "accession_number", "sop_instance_uid")
_REJECTED = ("last_at", "ae_title", "called", "address", "times", "reason", "remedy")


def devices(
    title: Annotated[str, typer.Argument(help="One device, by its AE title or alias; without it the list.")] = "",
    limit: LimitOption = 20,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Every device of the settings and whoever else has called: when it was last heard of, by what, and who was rejected."""
    with refusals():
        settings = config.load(config_file)
    with looking(config_file) as database, database.reading() as connection:
        if title:
            account = workflow_devices.of(connection, settings, title, clock.now(), limit)
        else:
            found = workflow_devices.every(connection, settings, clock.now())
            rejected = rejections.recent(connection, settings, clock.now())[:limit]
    if title:
        _show_account(account, as_json=as_json)
    elif as_json:
        print_json([_device(each) for each in found])
    else:
        _print_rows(_LISTED, found)
        _print_rejected(rejected)


def _show_account(account: Account, *, as_json: bool) -> None:
    if as_json:
        print_json([_account(account)])
        return
    _print_rows(_LISTED, [account.device])
    if account.latency:
        latency = account.latency
        print(f"answered in {latency.p50} ms (p50), {latency.p95} ms (p95), of {latency.runs} runs the slowest each")
    if account.in_force:
        print_table(
            ("setting", "value", "from"), ([e.key, str(e.value), e.profile or "itself"] for e in account.in_force)
        )
    if account.asked:
        headings = [*(name.replace("_", " ") for name in _ASKED), "keys"]
        print_table(headings, ([*_cells(_ASKED, each.row), _keys(each.keys)] for each in account.asked))
    if account.reports:
        _print_rows(_REPORTED, account.reports)
    _print_rejected(account.rejections)


def _keys(keys: dict[str, str]) -> str:
    return " ".join(f"{path.rpartition('/')[2]}={value}" for path, value in keys.items())


def _account(account: Account) -> dict[str, Any]:
    return {
        "device": _device(account.device),
        "in_force": [each._asdict() for each in account.in_force],
        "latency": account.latency._asdict() if account.latency else None,
        "queries": [{**{n: getattr(each.row, n) for n in _ASKED}, "keys": each.keys} for each in account.asked],
        "reports": [{name: getattr(row, name) for name in _REPORTED} for row in account.reports],
        "rejections": [each._asdict() for each in account.rejections],
    }


def _device(device: Device) -> dict[str, Any]:
    return {**device._asdict(), "rejected": device.rejected._asdict() if device.rejected else None}


def _print_rejected(found: list[Rejection]) -> None:
    if found:
        print("turned away:")
        _print_rows(_REJECTED, found)


def _print_rows(columns: tuple[str, ...], rows: Any) -> None:
    print_table([name.replace("_", " ") for name in columns], (_cells(columns, row) for row in rows))


def _cells(columns: tuple[str, ...], row: Any) -> list[str]:
    return [shown(getattr(row, name)) for name in columns]


def echo(
    address: Annotated[
        str,
        typer.Argument(
            help="HOST:PORT of a DICOM door, or the name of a device, destination or relay of the settings."
        ),
    ] = DICOM_DOOR,
    *,
    title: Annotated[str, typer.Option("--as", help="The calling AE title; without it that of the settings.")] = "",
    called: Annotated[str, typer.Option("--called", help="The called AE title.")] = "SWF",
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Verify that a DICOM door answers (C-ECHO), or a destination takes a connection; it says exactly why not."""
    with refusals():
        peer, calling, context = _meant(address, called, title, config_file)
    probed = probes.probe(peer, calling, context)
    if as_json:
        print_json([{**probed._asdict(), "peer": peer._asdict()}])
    elif probed.well and peer.kind == "door":
        print(f"{address} answers as {called} in {probed.milliseconds} ms")
    elif probed.well:
        print(f"{peer.name} {probed.told}, {probed.milliseconds} ms")
    else:
        refuse([probed.told, f"hint: {probed.advice}"], NOT_AS_HOPED)
    raise typer.Exit(0 if probed.well else NOT_AS_HOPED)


def _meant(address: str, called: str, title: str, config_file: Any) -> tuple[Peer, str, ssl.SSLContext | None]:
    if ":" in address:
        peer = Peer("door", address, How.ECHO, *address_of(address), called)
        return peer, title or "SWF", None
    settings = config.load(config_file)
    known = {peer.name: peer for peer in probes.peers(settings)}
    if address not in known:
        refuse([f"the settings hold no address of {address}; they do of {', '.join(known) or 'nobody'}"])
    peer = known[address]
    return peer, title or settings.dicom.ae_title, _context(settings, peer)


def _context(settings: Settings, peer: Peer) -> ssl.SSLContext | None:
    return tls.contexts(settings)[peer.secured] if peer.secured else None
