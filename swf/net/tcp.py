"""TCP options every HL7 connection gets, in either direction (hospital sessions stay open all day through firewalls).

Also how others are called, over TLS where that is asked for, and what was wrong when it did not come about.
"""

import socket
import ssl

from swf.errors import PeerUnreachable

KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


def prepare(connection: socket.socket) -> None:
    """Send small answers at once and notice a peer that vanished, after two minutes at the latest."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        # Not every POSIX system names all three; its own defaults then apply.
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def connect(host: str, port: int, timeout_s: float, secure: ssl.SSLContext | None = None) -> socket.socket:
    """A connection to `host`, which with `secure` has proven to be it. Raises PeerUnreachable with the reason."""
    try:
        connection = socket.create_connection((host, port), timeout_s)
        prepare(connection)
        return connection if secure is None else _secured(connection, host, secure)
    except OSError as error:
        raise PeerUnreachable(f"no connection to {host}:{port}: {reason(error)}") from error


def _secured(connection: socket.socket, host: str, secure: ssl.SSLContext) -> ssl.SSLSocket:
    try:
        return secure.wrap_socket(connection, server_hostname=host)
    except OSError:
        connection.close()
        raise


def reason(error: OSError) -> str:
    """What went wrong, in the words of the system."""
    # What is wrong with a certificate stands in an attribute of its own; `strerror` tells it with OpenSSL's file and line.
    told = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error.strerror
    return told or str(error) or type(error).__name__
