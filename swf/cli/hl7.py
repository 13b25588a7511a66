"""`swf send`, `swf listen` and `swf hl7`: HL7 from the other side, and as the standard sees it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from swf.cli.options import HL7_DOOR, NOT_AS_HOPED
from swf.cli.refusals import refusals
from swf.cli.screen import as_lines, decoded, shown
from swf.cli.serve import told_to_stop
from swf.cli.typed import address_of, messages_in, read
from swf.errors import UnreadableMessage
from swf.extensions.simulator.mis import Mis, Received
from swf.hl7 import ack, dictionary
from swf.net import mllp_client

app = typer.Typer(help="HL7 messages as the standard sees them.", no_args_is_help=True)

TIMEOUT_S = 30.0


def send(
    files: Annotated[list[Path], typer.Argument(help="Files of HL7 messages, one or several in each.")],
    to: Annotated[str, typer.Option("--to", help="HOST:PORT of an MLLP listener.")] = HL7_DOOR,
) -> None:
    """Send messages over MLLP and print each acknowledgement; exit code 1 when one is not AA or CA."""
    client_address = address_of(to)
    accepted = True
    for payload in (part for file in files for part in messages_in(read(file))):
        with refusals():
            answer = mllp_client.exchange(*client_address, payload, TIMEOUT_S)
        print(as_lines(decoded(answer)))
        accepted = accepted and _is_accepted(answer)
    raise typer.Exit(0 if accepted else NOT_AS_HOPED)


def _is_accepted(answer: bytes) -> bool:
    try:
        return ack.read_acknowledgement(answer).accepted
    except UnreadableMessage:
        return False


@app.command("check")
def check_messages(
    files: Annotated[list[Path], typer.Argument(help="Files of HL7 messages, one or several in each.")],
) -> None:
    """What in messages does not conform to the HL7 version they declare; exit code 1 when anything does not."""
    found = False
    for file in files:
        for number, raw in enumerate(messages_in(read(file)), start=1):
            for finding in dictionary.check(decoded(raw)):
                found = True
                print(f"{file}: message {number}: {finding}")
    raise typer.Exit(NOT_AS_HOPED if found else 0)


def listen(
    port: Annotated[int, typer.Option("--port", "-p", help="0 takes any free one.")] = 2576,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    count: Annotated[int, typer.Option("--count", "-n", help="End after so many messages; 0 never ends.")] = 0,
) -> None:
    """Be an MLLP receiver that prints every message and acknowledges it."""

    def took(received: Received) -> Any:
        print(f"{shown(received.at)} {received.type}\n{as_lines(received.text)}", flush=True)
        return "AA"

    with refusals(), Mis(host, port, took) as mis:
        print(f"listening on {mis.address[0]}:{mis.address[1]}", flush=True)
        stopping = told_to_stop()
        if not count:
            stopping.wait()
        while count and not stopping.is_set() and not mis.wait_for(count, 0.5):
            pass
