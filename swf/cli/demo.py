"""`swf demo`: both sides and the broker in one process, over real sockets."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from swf import clock, config, log
from swf.cli.options import NOT_AS_HOPED
from swf.cli.refusals import refusals
from swf.cli.serve import ready
from swf.cli.signals import told_to_stop

if TYPE_CHECKING:
    from swf.broker import Broker
    from swf.extensions.simulator import scenario
    from swf.extensions.simulator.mis import Mis


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the broker running until Ctrl-C.")] = False,
) -> None:
    """Play two orders from the HIS to the scanner and back, over real sockets, and show what happened."""
    from swf.extensions.simulator import scenario  # noqa: PLC0415  half a second no other command should wait for
    from swf.extensions.simulator.mis import Mis  # noqa: PLC0415  half a second no other command should wait for

    log.configure("ERROR")
    console = Console()
    with tempfile.TemporaryDirectory(prefix="swf-demo-") as folder, Mis() as mis, _demo_broker(folder, mis) as broker:
        console.print(Text(ready(broker), style="bold"))
        events: list[scenario.Event] = []
        title = broker.settings.dicom.ae_title
        missing = scenario.play(broker.hl7.address, broker.dicom.address, mis, title, events.append)
        for accession in dict.fromkeys(event.order for event in events):
            console.print(Text(f"\nThe life of order {accession}", style="bold"))
            life = (event for event in events if event.order == accession)
            for event in sorted(life, key=lambda event: event.at):
                console.print(_timeline(event))
        for sentence in missing:
            console.print(Text(f"Not seen: {sentence}", style="red"))
        if not missing:
            console.print(Text("\nEvery step was seen from outside.", style="green"))
        if keep:
            _keep(console, broker, mis)
    raise typer.Exit(NOT_AS_HOPED if missing else 0)


@contextmanager
def _demo_broker(folder: str, mis: "Mis") -> Iterator["Broker"]:
    from swf.broker import Broker  # noqa: PLC0415  half a second no other command should wait for

    host, port = mis.address
    environment = {
        "SWF_STORE_URL": f"sqlite:///{folder}/swf.db",
        "SWF_HL7_PORT": "0",
        "SWF_DICOM_PORT": "0",
        "SWF_WEB_PORT": "0",
        "SWF_MAPPING": str(config.shipped_mappings() / "default.toml"),
        "SWF_SIMULATOR_ENABLED": "true",
        "SWF_SIMULATOR_TEST_SYSTEM": "true",
        "SWF_SIMULATOR_MIS_PORT": str(port),
        "SWF_DESTINATION": json.dumps([{"name": "mis", "host": host, "port": port}]),
    }
    with refusals():
        (Path(folder) / "swf.toml").touch()
        broker = Broker(config.load(Path(folder) / "swf.toml", environment))
        broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def _keep(console: Console, broker: "Broker", mis: "Mis") -> None:
    hl7, dicom = (f"{host}:{port}" for host, port in (broker.hl7.address, broker.dicom.address))
    mis.stop()  # that of the simulator takes its place, so that its page can let it refuse
    if broker.simulator is not None:
        broker.simulator.begin("mis", {"for": "24h"})
    title, store = broker.settings.dicom.ae_title, broker.settings.store.url
    lines = (
        f"orders in:    swf send --to {hl7} FILE",
        f"worklist:     swf query {dicom} --as CT1       findscu -W -aec {title} {dicom.replace(':', ' ')}",
        f"status out:   this demo's MIS listens on {mis.address[0]}:{mis.address[1]}",
        f"in a browser: {broker.web.url}",
        f"play on:      {broker.web.url}/simulator",
        f"what is kept: SWF_STORE_URL={store} swf orders",
        "Ctrl-C ends it.",
    )
    console.print(Text("\n".join(lines)))
    told_to_stop().wait()


def _timeline(event: "scenario.Event") -> Text:
    at = clock.local(event.at).strftime("%H:%M:%S.%f")[:-3]
    took = f"  {event.milliseconds:.0f} ms" if event.milliseconds else ""
    return Text.assemble(
        (at, "dim"), f"  {event.who:>3} → {event.to:<3}  {event.what:<32} ", (event.answer, "cyan"), (took, "dim")
    )
