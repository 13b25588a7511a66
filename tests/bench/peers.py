"""Two other Python listeners to measure ours beside; they parse and acknowledge a message and keep nothing.

`python -m tests.bench.peers hl7apy` or `python-hl7` serves on a free loopback port, which it prints, until it is ended.
"""

import asyncio
import sys
from typing import Any

import hl7
import hl7.mllp
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message


class Acknowledging(AbstractHandler):
    """Parses the message as hl7apy does and answers AA."""

    def reply(self) -> str:
        message = parse_message(self.incoming_message)
        control_id = message.msh.msh_10.value
        return f"\x0bMSH|^~\\&|A|B|C|D|20261122||ACK|1|P|2.5.1\rMSA|AA|{control_id}\r\x1c\r"


def serve_hl7apy() -> None:
    """hl7apy's own server: a thread for each connection, one message on each."""
    server = MLLPServer("127.0.0.1", 0, {"OMI^O23^OMI_O23": (Acknowledging,)})
    print(server.server_address[1], flush=True)
    server.serve_forever()


async def _converse(reader: Any, writer: Any) -> None:
    try:
        while not writer.is_closing():
            message = await reader.readmessage()
            writer.writemessage(message.create_ack())
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()


async def serve_python_hl7() -> None:
    """python-hl7's asyncio server."""
    server = await hl7.mllp.start_hl7_server(_converse, host="127.0.0.1", port=0, encoding="utf-8")
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "hl7apy":
        serve_hl7apy()
    else:
        asyncio.run(serve_python_hl7())
