"""Ports for the servers that tests start: none twice, and none the machine may give to an outgoing call meanwhile."""

import os
import socket
from itertools import count

FIRST, LAST = 20_000, 32_000  # below those that Linux gives to outgoing calls
_steps = count(os.getpid() * 97)


def free_port() -> int:
    """A port at which nobody listens; each process asks along a row of its own."""
    while True:
        port = FIRST + next(_steps) % (LAST - FIRST)
        if _is_free(port):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
