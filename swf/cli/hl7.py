"""`swf send`, `swf listen` and `swf hl7`: HL7 from the other side, and as the standard sees it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from swf.cli.options import HL7_DOOR, NOT_AS_HOPED
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import as_lines, shown
from swf.cli.signals import told_to_stop
from swf.cli.typed import address_of, messages_in, read
from swf.errors import UnreadableMessage
from swf.extensions.simulator.mis import Mis, Personality, Received
from swf.hl7 import ack, charset, dictionary
from swf.net import mllp_client, tls

app = typer.Typer(help="HL7 messages as the standard sees them.", no_args_is_help=True)

TIMEOUT_S = 30.0
_Certificate = Annotated[str, typer.Option("--tls-certificate", help="Our certificate with its chain (PEM).")]
_Key = Annotated[str, typer.Option("--tls-key", help="The private key of the certificate (PEM, without a passphrase).")]


def send(
    files: Annotated[list[Path], typer.Argument(help="Files of HL7 messages, one or several in each.")],
    *,
    to: Annotated[str, typer.Option("--to", help="HOST:PORT of an MLLP listener.")] = HL7_DOOR,
    with_tls: Annotated[bool, typer.Option("--tls", help="Speak TLS; so does each of the following.")] = False,
    tls_ca: Annotated[str, typer.Option("--tls-ca", help="The authorities (PEM) that signed its certificate.")] = "",
    tls_certificate: _Certificate = "",
    tls_key: _Key = "",
    verify: Annotated[
        bool, typer.Option("--tls-verify/--no-tls-verify", help="Whether it has to prove that it is HOST.")
    ] = True,
) -> None:
    """Send messages over MLLP and print each acknowledgement; exit code 1 when one is not AA or CA."""
    client_address = address_of(to)
    accepted = True
    secure = None
    _need_both(tls_certificate, tls_key)
    with refusals():
        if with_tls or tls_ca or tls_certificate or not verify:
            secure = tls.for_calling("send", tls_ca, tls_certificate, tls_key, verify=verify)
    for payload in (part for file in files for part in messages_in(read(file))):
        with refusals():
            answer = mllp_client.exchange(*client_address, payload, TIMEOUT_S, secure)
        print(as_lines(charset.for_people(answer)))
        accepted = accepted and _is_accepted(answer)
    raise typer.Exit(0 if accepted else NOT_AS_HOPED)


def _need_both(certificate: str, key: str) -> None:
    if bool(certificate) != bool(key):
        refuse(["--tls-certificate and --tls-key need each other"])


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
            for finding in dictionary.check(charset.for_people(raw)):
                found = True
                print(f"{file}: message {number}: {finding}")
    raise typer.Exit(NOT_AS_HOPED if found else 0)


def listen(
    *,
    port: Annotated[int, typer.Option("--port", "-p", help="0 takes any free one.")] = 2576,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    count: Annotated[int, typer.Option("--count", "-n", help="End after so many messages; 0 never ends.")] = 0,
    tls_certificate: _Certificate = "",
    tls_key: _Key = "",
    tls_client_ca: Annotated[
        str, typer.Option("--tls-client-ca", help="The authorities (PEM) a sender must show a certificate of.")
    ] = "",
) -> None:
    """Be an MLLP receiver that prints every message and acknowledges it."""

    def took(received: Received) -> Any:
        print(f"{shown(received.at)} {received.type}\n{as_lines(received.text)}", flush=True)
        return "AA"

    _need_both(tls_certificate, tls_key)
    if tls_client_ca and not tls_certificate:
        refuse(["--tls-client-ca means nothing without --tls-certificate"])
    with refusals(), _mis(host, port, took, (tls_certificate, tls_key, tls_client_ca)) as mis:
        print(f"listening on {mis.address[0]}:{mis.address[1]}", flush=True)
        stopping = told_to_stop()
        if not count:
            stopping.wait()
        while count and not stopping.is_set() and not mis.wait_for(count, 0.5):
            pass


def _mis(host: str, port: int, took: Personality, files: tuple[str, str, str]) -> Mis:
    return Mis(host, port, took, tls.for_meeting("listen", *files) if files[0] else None)
