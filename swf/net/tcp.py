"""TCP options every HL7 connection gets, in either direction (hospital sessions stay open all day through firewalls)."""

import socket

KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


def prepare(connection: socket.socket) -> None:
    """Send small answers at once and notice a peer that vanished, after two minutes at the latest."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        # Not every POSIX system names all three; its own defaults then apply.
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
