"""A hub and its content server on loopback, as the Hugging Face hub behaves, for the tests of fetching."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the two servers have, how they misbehave, and what they were asked.

    Attributes
    ----------
    files : dict
        Content by ``repository/file``.
    status : int
        Of every answer of the hub; 200 for what it really has.
    digest : str or None
        The SHA-256 that the hub claims; None for the true one.
    has_etag : bool
        Whether answers name a version at all.
    cuts : list of int
        How many bytes each next answer of the content server sends before the connection ends; -1 to send all.
    knows_ranges : bool
        Whether the content server answers ranges.
    asked : list of (method, server, headers)
    """

    files: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    digest: str | None = None
    has_etag: bool = True
    cuts: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    endpoint: str = ""
    content: str = ""

    def ranges(self) -> list[str | None]:
        """Return the ranges that the content server was asked for, None for whole files."""
        return [headers.get("range") for method, server, headers in self.asked if server == "content"]


def _handler(hub: Hub, server: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            """Answer a question about a file."""
            self._answer()

        def do_GET(self) -> None:
            """Answer with a file, or with where it lies."""
            self._answer()

        def _answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            hub.asked.append((self.command, server, headers))
            if server == "hub":
                self._redirect()
            else:
                self._send(hub.files[self.path.lstrip("/")], headers.get("range"))

        def _redirect(self) -> None:
            match = re.fullmatch(r"/(.+)/resolve/([^/]+)/(.+)", self.path)
            assert match is not None, self.path
            repository, revision, file = match.groups()
            data = hub.files.get(f"{repository}/{file}")
            status = hub.status
            if status == 200 and (data is None or revision not in ("main", COMMIT)):
                status = 404
            if status != 200 or data is None:
                self.send_response(status)
                errors = {401: "GatedRepo", 403: "GatedRepo", 404: "EntryNotFound"}
                self.send_header("X-Error-Code", errors.get(status, "Other"))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(302)
            self.send_header("X-Repo-Commit", COMMIT)
            if hub.has_etag:
                self.send_header("X-Linked-Etag", f'"{hub.digest or hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(data)))
            self.send_header("Location", f"{hub.content}/{repository}/{file}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, data: bytes, wanted: str | None) -> None:
            cut = hub.cuts.pop(0) if hub.cuts else -1
            self.close_connection = True
            if cut == 0:
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and hub.knows_ranges else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(data[start:] if cut < 0 else data[start : start + cut])

    return Handler


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Serve a hub and its content on two ports of loopback until the end of the block."""
    hub = Hub()
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub, name)) for name in ("hub", "content")]
    hub.endpoint, hub.content = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
