"""A Redis of a test's own, and a line to it that can be told to swallow everything, as a firewall that forgot us does."""

import contextlib
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from loyalty.tests.installation import until
from loyalty.tests.ports import free_port

needs_redis = pytest.mark.skipif(not shutil.which("redis-server"), reason="there is no redis-server to start")


class OwnRedis:
    """A server that keeps nothing on disk. It may be started late, and emptied."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        terms = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(["redis-server", *terms, "--dir", str(self.folder)], **quiet)
        until(lambda: self.ask("PING") == "+PONG")

    def ask(self, command: str) -> str:
        """The first line of the answer to a command; nothing while nobody answers."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=60) as line:
            line.sendall(f"{command}\r\n".encode())
            return line.recv(4096).split(b"\r\n")[0].decode()
        return ""

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


class Line:
    """A port that carries everything to another one, or, while it is silent, takes everything and answers nothing.

    What was connected before or during the silence stays dead, and is never closed: its ends have to notice by themselves.
    """

    def __init__(self, to: int) -> None:
        self.to, self.is_silent = to, False
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.taken: list[socket.socket] = []
        self.dead: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        self.is_silent = True
        self.dead.update(self.taken)

    def carry_again(self) -> None:
        self.is_silent = False

    def close(self) -> None:
        for one in (self.listening, *self.taken):
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = self.listening.accept()
                self.taken.append(near)
                if self.is_silent:
                    self.dead.add(near)
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self.to))
                except OSError:
                    near.close()
                    continue
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(near, *pair), daemon=True).start()

    def _carry(self, near: socket.socket, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while some := source.recv(65536):
                if near in self.dead:
                    return
                target.sendall(some)
            target.shutdown(socket.SHUT_WR)
